//! Requests to this process: how many, how long, how they ended.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Extensions, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use backstitch_event_log::trace;
use opentelemetry::global::BoxedSpan;
use opentelemetry::metrics::Histogram;
use opentelemetry::trace::{Span as _, SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};

/// Seconds of a request. The quickest take a tenth of a millisecond.
const SECONDS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// What is asked every few seconds and leads nowhere: traces of it would only hide others.
const UNTRACED: [&str; 3] = ["/livez", "/readyz", "/metrics"];

/// Watches the requests to this process.
#[derive(Clone, Debug)]
pub struct Requests {
    durations: Histogram<f64>,
    tracer: Option<Arc<global::BoxedTracer>>,
}

impl Requests {
    /// Measures and traces as the process does by now.
    pub fn watched() -> Self {
        let meter = global::meter("backstitch.http");
        let durations = meter.f64_histogram("http.server.request.duration");
        let durations = durations.with_unit("s").with_boundaries(SECONDS.to_vec());
        Self {
            durations: durations.with_description("Until the answer begins, by route and status").build(),
            tracer: trace::is_on().then(|| Arc::new(global::tracer("backstitch.http"))),
        }
    }

    /// Begins the span of a request, if there is to be one, and puts it in the place of the one that the
    /// request came from: what comes of the request comes from it.
    fn begin(&self, request: &mut Request) -> Option<BoxedSpan> {
        let tracer = self.tracer.as_ref().filter(|_| !UNTRACED.contains(&request.uri().path()))?;
        let attributes = [
            KeyValue::new("http.request.method", method(request.method())),
            KeyValue::new("url.path", request.uri().path().to_owned()),
        ];
        let span = tracer.span_builder(method(request.method())).with_kind(SpanKind::Server);
        let parent = global::get_text_map_propagator(|propagator| {
            propagator.extract_with_context(&Context::new(), &HeaderExtractor(request.headers()))
        });
        let span = tracer.build_with_context(span.with_attributes(attributes), &parent);
        let context = Context::new().with_remote_span_context(span.span_context().clone());
        global::get_text_map_propagator(|propagator| {
            propagator.inject_context(&context, &mut HeaderInjector(request.headers_mut()));
        });
        Some(span)
    }
}

/// Times each request, until its answer begins.
pub async fn watch(State(requests): State<Requests>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = method(request.method());
    let span = requests.begin(&mut request);
    let route = route_in(request.extensions());
    let response = next.run(request).await;
    // Routes behind a fallback are known only from what answered.
    let route = route.or_else(|| route_in(response.extensions())).unwrap_or_default();
    let status = response.status();
    if let Some(span) = span {
        finish(span, method, &route, status);
    }
    let attributes = [
        KeyValue::new("http.request.method", method),
        KeyValue::new("http.route", route),
        KeyValue::new("http.response.status_code", i64::from(status.as_u16())),
    ];
    requests.durations.record(started.elapsed().as_secs_f64(), &attributes);
    response
}

fn finish(mut span: BoxedSpan, method: &str, route: &str, status: StatusCode) {
    if !route.is_empty() {
        span.update_name(format!("{method} {route}"));
        span.set_attribute(KeyValue::new("http.route", route.to_owned()));
    }
    span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
    if status.is_server_error() {
        span.set_status(Status::error(status.to_string()));
    }
}

fn route_in(extensions: &Extensions) -> Option<String> {
    extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned())
}

/// The method, if it is a usual one: anybody can make others up.
fn method(method: &Method) -> &'static str {
    const USUAL: [(Method, &str); 6] = [
        (Method::GET, "GET"),
        (Method::POST, "POST"),
        (Method::PUT, "PUT"),
        (Method::DELETE, "DELETE"),
        (Method::OPTIONS, "OPTIONS"),
        (Method::HEAD, "HEAD"),
    ];
    USUAL.iter().find(|(usual, _)| usual == method).map_or("_OTHER", |(_, name)| name)
}
