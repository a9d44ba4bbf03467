//! Where measurements and traces go.
//!
//! Stages measure through the API of OpenTelemetry and know nothing of what becomes of it. Here it is
//! decided, once for the process and before any stage begins: measurements can be scraped at `/metrics`, and
//! are sent to a collector, with traces, if the standard variables of OpenTelemetry name one. Nothing runs
//! while nobody scrapes and no collector is named. See `docs/METRICS.md`.

mod requests;
mod scrape;
mod sending;
mod wanted;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::{MetricExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;

pub use requests::{Requests, watch};
pub use scrape::routes;
pub use sending::REPEATED;
use sending::Sender;
use wanted::Wanted;

/// How long the last measurements and spans of a process may take to reach the collector.
const LAST_EXPORT: Duration = Duration::from_secs(3);

/// What collects in this process; stopped at its end.
#[derive(Debug, Default)]
pub struct Telemetry {
    meters: Option<SdkMeterProvider>,
    tracers: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Begins to collect as the environment says. Called before anything measures: what asked for an
    /// instrument earlier goes on measuring nothing.
    ///
    /// # Errors
    /// If a variable names a collector that cannot be one, or another protocol than is spoken here.
    pub fn start(env: &BTreeMap<String, String>) -> Result<Self> {
        let wanted = Wanted::by(env)?;
        if wanted.nothing {
            return Ok(Self::default());
        }
        let client = reqwest::Client::builder().timeout(wanted.patience).build();
        let client = client.context("cannot make a client for the collector")?;
        let meters = meters(&wanted, &client)?;
        global::set_meter_provider(meters.clone());
        let tracers = wanted.traces.then(|| tracers(&wanted, &client)).transpose()?;
        if let Some(tracers) = &tracers {
            global::set_tracer_provider(tracers.clone());
            // Those who make spans look whether there is one.
            global::set_text_map_propagator(TraceContextPropagator::new());
        }
        Ok(Self { meters: Some(meters), tracers })
    }

    /// Sends what is left, and ends. A collector that is away holds nobody up for long.
    pub async fn stop(self) {
        // It waits for threads that send through the runtime, so it must not hold one of it.
        let last = tokio::task::spawn_blocking(move || {
            let tracers = self.tracers.map(|tracers| tracers.shutdown_with_timeout(LAST_EXPORT));
            let meters = self.meters.map(|meters| meters.shutdown_with_timeout(LAST_EXPORT));
            [tracers, meters].into_iter().flatten().filter_map(Result::err).for_each(|error| {
                tracing::warn!(%error, "the last measurements or spans did not reach the collector");
            });
        });
        if tokio::time::timeout(LAST_EXPORT, last).await.is_err() {
            tracing::warn!("the collector does not answer; the last measurements and spans are lost");
        }
    }
}

fn meters(wanted: &Wanted, client: &reqwest::Client) -> Result<SdkMeterProvider> {
    let mut meters =
        SdkMeterProvider::builder().with_resource(resource(wanted)).with_reader(scrape::reader()?);
    if wanted.metrics {
        let exporter = MetricExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
        let exporter = exporter.with_http_client(Sender::new(client.clone())).build();
        meters = meters.with_periodic_exporter(exporter.context(UNUSABLE)?);
    }
    Ok(meters.build())
}

fn tracers(wanted: &Wanted, client: &reqwest::Client) -> Result<SdkTracerProvider> {
    let exporter = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
    let exporter = exporter.with_http_client(Sender::new(client.clone())).build().context(UNUSABLE)?;
    Ok(SdkTracerProvider::builder().with_resource(resource(wanted)).with_batch_exporter(exporter).build())
}

const UNUSABLE: &str = "the collector that the OTEL_EXPORTER_OTLP_… variables name cannot be used; \
                        give them an address such as http://127.0.0.1:4318";

/// Who tells it: the variables say, and what they leave open is said here.
fn resource(wanted: &Wanted) -> Resource {
    let resource =
        Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    match wanted.is_named {
        true => resource,
        false => resource.with_service_name("backstitch"),
    }
    .build()
}
