//! A collector of OpenTelemetry on the loopback interface: takes what a process sends, and remembers it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, http::header, routing::post};
use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{KeyValue, any_value::Value},
    metrics::v1::{Metric, NumberDataPoint, metric::Data, number_data_point},
    trace::v1::Span,
};
use prost::Message;
use tokio::net::TcpListener;

/// The values of one export: numbers as they are, histograms as how many values they hold; by name, and by
/// attributes in the form `name{key=value,…}`.
pub(crate) type Measured = BTreeMap<String, f64>;

/// A collector that runs until the test ends.
pub(crate) struct Collector {
    /// What to give to the process as `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub(crate) url: String,
    heard: Arc<Heard>,
}

#[derive(Default)]
struct Heard {
    /// One for each export, in their order.
    measured: Mutex<Vec<Measured>>,
    spans: Mutex<Vec<Span>>,
    /// Names of services that sent something.
    services: Mutex<Vec<String>>,
}

impl Collector {
    /// Listens on a free port.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::<Heard>::default();
        let router =
            Router::new().route("/v1/metrics", post(take_metrics)).route("/v1/traces", post(take_spans));
        let router = router.with_state(Arc::clone(&heard));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, heard }
    }

    /// All exports so far, oldest first.
    pub(crate) fn measured(&self) -> Vec<Measured> {
        self.heard.measured.lock().unwrap().clone()
    }

    /// The last export; empty before the first.
    pub(crate) fn last(&self) -> Measured {
        self.heard.measured.lock().unwrap().last().cloned().unwrap_or_default()
    }

    /// All spans so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.heard.spans.lock().unwrap().clone()
    }

    /// The names under which something was sent.
    pub(crate) fn services(&self) -> Vec<String> {
        self.heard.services.lock().unwrap().clone()
    }
}

async fn take_metrics(State(heard): State<Arc<Heard>>, body: Bytes) -> impl axum::response::IntoResponse {
    let export = ExportMetricsServiceRequest::decode(body).unwrap();
    let mut measured = Measured::new();
    for resource in export.resource_metrics {
        let attributes = resource.resource.map(|resource| resource.attributes).unwrap_or_default();
        let name = attributes.iter().find(|attribute| attribute.key == "service.name").map(text);
        heard.services.lock().unwrap().extend(name);
        let metrics = resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics);
        metrics.for_each(|metric| measured.extend(values(&metric)));
    }
    heard.measured.lock().unwrap().push(measured);
    accepted()
}

async fn take_spans(State(heard): State<Arc<Heard>>, body: Bytes) -> impl axum::response::IntoResponse {
    let export = ExportTraceServiceRequest::decode(body).unwrap();
    let scopes = export.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    heard.spans.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
    accepted()
}

/// An answer without a body is one of protobuf that says nothing.
fn accepted() -> impl axum::response::IntoResponse {
    [(header::CONTENT_TYPE, "application/x-protobuf")]
}

fn values(metric: &Metric) -> Vec<(String, f64)> {
    let name = |attributes: &[KeyValue]| named(&metric.name, attributes);
    let numbers =
        |points: &[NumberDataPoint]| points.iter().map(|p| (name(&p.attributes), number(p))).collect();
    match metric.data.as_ref() {
        Some(Data::Gauge(gauge)) => numbers(&gauge.data_points),
        Some(Data::Sum(sum)) => numbers(&sum.data_points),
        Some(Data::Histogram(histogram)) => {
            let points = histogram.data_points.iter();
            points.map(|point| (name(&point.attributes), point.count as f64)).collect()
        }
        other => panic!("{} is of a form that nobody made: {other:?}", metric.name),
    }
}

fn number(point: &NumberDataPoint) -> f64 {
    match point.value {
        Some(number_data_point::Value::AsDouble(value)) => value,
        Some(number_data_point::Value::AsInt(value)) => value as f64,
        None => panic!("a point without a value"),
    }
}

fn named(name: &str, attributes: &[KeyValue]) -> String {
    if attributes.is_empty() {
        return name.to_owned();
    }
    let mut pairs: Vec<_> = attributes.iter().map(|pair| format!("{}={}", pair.key, text(pair))).collect();
    pairs.sort_unstable();
    format!("{name}{{{}}}", pairs.join(","))
}

fn text(attribute: &KeyValue) -> String {
    match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{} has an unexpected value: {other:?}", attribute.key),
    }
}
