//! What the query API tells about the catalog. Every name stands in `docs/METRICS.md`.

mod aged;
mod kinds;

use std::{sync::Arc, time::Duration};

use backstitch_read_model::ReadModel;
use backstitch_schemas::Clock;
use opentelemetry::{KeyValue, global, metrics::Meter};
use tokio::{runtime::Handle, time::timeout};

use crate::Catalog;
use aged::Aged;
use kinds::KindReport;

/// How long a count waits for the read model.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tells how much is in the catalog, for as long as the process runs. What has to be counted is counted
/// when somebody asks, if the last count is `count_every` old; nothing is done meanwhile.
///
/// Those who ask must not hold a thread of the runtime: a count waits for the read model.
pub fn observe(
    catalog: &Catalog,
    read_model: Arc<dyn ReadModel>,
    clock: &Arc<dyn Clock>,
    count_every: Duration,
) {
    let meter = global::meter("backstitch.query_api");
    entities(&meter, catalog.clone(), Aged::new(Arc::clone(clock), count_every));
    relations(&meter, catalog.clone(), Aged::new(Arc::clone(clock), count_every));
    locations(&meter, read_model, Aged::new(Arc::clone(clock), count_every));
    revision(&meter, catalog.clone());
}

fn entities(meter: &Meter, catalog: Catalog, counts: Aged<KindReport>) {
    let gauge = meter.u64_observable_gauge("catalog_entities_count").with_callback(move |gauge| {
        let Some(index) = catalog.index() else { return };
        let kinds = || index.facet(None, "kind").into_iter().map(|kind| (kind.value, kind.count));
        let report = counts.get(|before| before.unwrap_or_default().next(kinds()));
        for (kind, count) in report.iter() {
            gauge.observe(count, &[KeyValue::new("kind", kind.to_owned())]);
        }
    });
    gauge.with_description("Entities by kind; a kind that is gone is told as 0 once").build();
}

fn relations(meter: &Meter, catalog: Catalog, counts: Aged<u64>) {
    let gauge = meter.u64_observable_gauge("catalog_relations_count").with_callback(move |gauge| {
        let Some(index) = catalog.index() else { return };
        gauge.observe(counts.get(|_| index.relation_count()), &[]);
    });
    gauge.with_description("Relations that entities show, each direction for itself").build();
}

fn locations(meter: &Meter, read_model: Arc<dyn ReadModel>, counts: Aged<Option<u64>>) {
    let runtime = Handle::current();
    let gauge =
        meter.u64_observable_gauge("catalog_registered_locations_count").with_callback(move |gauge| {
            let count = || runtime.block_on(count_locations(&*read_model));
            // While the read model is away nothing is told; why shows where it matters.
            counts.get(|_| count()).into_iter().for_each(|count| gauge.observe(count, &[]));
        });
    gauge.with_description("Locations that people registered").build();
}

async fn count_locations(read_model: &dyn ReadModel) -> Option<u64> {
    let locations = timeout(PATIENCE, read_model.locations()).await.ok()?.ok()?;
    Some(locations.len() as u64)
}

fn revision(meter: &Meter, catalog: Catalog) {
    let gauge = meter.i64_observable_gauge("catalog.revision").with_callback(move |gauge| {
        catalog.index().into_iter().for_each(|index| gauge.observe(index.revision().0, &[]));
    });
    gauge.with_description("The last commit that reads are answered from").build();
}
