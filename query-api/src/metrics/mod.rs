//! What the query API tells about the catalog. Every name stands in `docs/METRICS.md`.

mod aged;
mod kinds;

use std::{
    future::Future,
    sync::{Arc, Weak},
    time::Duration,
};

use backstitch_read_model::ReadModel;
use backstitch_schemas::Clock;
use opentelemetry::{KeyValue, global, metrics::Meter};
use tokio::{runtime::Handle, time::timeout};

use crate::{
    Catalog,
    state::{ApiState, StatusSource},
    v1::status::Lag,
};
use aged::Aged;
use kinds::KindReport;

/// How long a number waits for the read model or the log.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tells how much is in the catalog and how far it is behind, for as long as the process runs. What has to
/// be counted is counted when somebody asks, if the last count is `count_every` old; nothing is done
/// meanwhile.
///
/// Those who ask must not hold a thread of the runtime: some numbers wait for the read model.
pub fn observe(state: &ApiState, clock: &Arc<dyn Clock>, count_every: Duration) {
    let meter = global::meter("backstitch.query_api");
    entities(&meter, state.catalog.clone(), Aged::new(Arc::clone(clock), count_every));
    relations(&meter, state.catalog.clone(), Aged::new(Arc::clone(clock), count_every));
    locations(&meter, Arc::downgrade(&state.read_model), Aged::new(Arc::clone(clock), count_every));
    revision(&meter, state.catalog.clone());
    if let Some(status) = &state.status {
        lag(&meter, Arc::downgrade(status), Arc::downgrade(&state.read_model));
    }
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

fn locations(meter: &Meter, read_model: Weak<dyn ReadModel>, counts: Aged<u64>) {
    let runtime = Handle::current();
    let gauge =
        meter.u64_observable_gauge("catalog_registered_locations_count").with_callback(move |gauge| {
            let Some(read_model) = read_model.upgrade() else { return };
            let locations = async { read_model.locations().await.ok() };
            let count = counts.get_known(|_| Some(answered(&runtime, locations)?.len() as u64));
            count.into_iter().for_each(|count| gauge.observe(count, &[]));
        });
    gauge.with_description("Locations that people registered").build();
}

fn lag(meter: &Meter, status: Weak<dyn StatusSource>, read_model: Weak<dyn ReadModel>) {
    let runtime = Handle::current();
    let gauge = meter.i64_observable_gauge("catalog.pipeline.lag").with_callback(move |gauge| {
        let (Some(status), Some(read_model)) = (status.upgrade(), read_model.upgrade()) else { return };
        let Some(lag) = answered(&runtime, lag_of(&*status, &*read_model)) else { return };
        gauge.observe(lag.changes, &[KeyValue::new("stage", "processors")]);
        gauge.observe(lag.processed, &[KeyValue::new("stage", "stitcher")]);
    });
    gauge
        .with_description("Records of the log that are not in the read model, by who is to take them")
        .build();
}

async fn lag_of(status: &dyn StatusSource, read_model: &dyn ReadModel) -> Option<Lag> {
    let pipeline = status.pipeline().await;
    let is_known = pipeline.changes_end.is_some() && pipeline.processed_end.is_some();
    let head = read_model.head().await.ok()?;
    is_known.then(|| Lag::of(&pipeline, &head))
}

/// What came in time. While log or read model are away nothing is told; why shows where it matters.
fn answered<T>(runtime: &Handle, answer: impl Future<Output = Option<T>>) -> Option<T> {
    runtime.block_on(async { timeout(PATIENCE, answer).await.ok().flatten() })
}

fn revision(meter: &Meter, catalog: Catalog) {
    let gauge = meter.i64_observable_gauge("catalog.revision").with_callback(move |gauge| {
        catalog.index().into_iter().for_each(|index| gauge.observe(index.revision().0, &[]));
    });
    gauge.with_description("The last commit that reads are answered from").build();
}
