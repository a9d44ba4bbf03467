//! `GET /metrics`: what is measured, in the text format of Prometheus.

use anyhow::{Context, Result};
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use opentelemetry_prometheus::PrometheusExporter;
use prometheus::TextEncoder;

/// Collects when it is asked. Names are those under which Backstage's catalog tells the same, where it does.
///
/// # Errors
/// If it was made before: there is one for a process.
pub(super) fn reader() -> Result<PrometheusExporter> {
    let exporter = opentelemetry_prometheus::exporter().with_registry(prometheus::default_registry().clone());
    let exporter = exporter.without_counter_suffixes().scope_info_enabled(false);
    exporter.build().context("measurements cannot be collected")
}

/// The route, for wherever the process listens.
pub fn routes() -> Router {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics() -> Response {
    // Counting waits for the read model.
    let text = tokio::task::spawn_blocking(|| TextEncoder::new().encode_to_string(&prometheus::gather()));
    match text.await {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Ok(Err(error)) => failed(&error),
        Err(error) => failed(&error),
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Response {
    tracing::error!(error, "measurements cannot be told");
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
}
