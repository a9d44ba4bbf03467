//! Audit records of what is done to providers: pushes, webhooks, and what an operator asks for. The query API records
//! what is done through the catalog API, in the same form.

use axum::{
    Router,
    extract::{MatchedPath, RawPathParams, Request, rejection::RawPathParamsRejection},
    http::Method,
    middleware::{self, Next},
    response::Response,
};
use backstitch_ingest::http::Outcome;
use backstitch_query_api::{AuditEvent, Failed, Notes, Severity, audited};
use serde_json::json;

/// Records the mutations among the routes of ingest.
pub(crate) fn recorded(ingest: Router) -> Router {
    ingest.route_layer(middleware::from_fn(note_outcome)).route_layer(middleware::from_fn(record))
}

async fn record(
    matched: MatchedPath,
    params: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Response {
    let params: Vec<_> = params.iter().flatten().collect();
    match event(request.method(), matched.as_str(), &params) {
        Some(event) => audited(event, request, next).await,
        None => next.run(request).await,
    }
}

/// What a request does; `None` if it only reads.
fn event(method: &Method, route: &str, params: &[(&str, &str)]) -> Option<AuditEvent> {
    let param = |wanted: &str| params.iter().find_map(|(name, value)| (*name == wanted).then_some(*value));
    let mutation = |meta| Some(AuditEvent { id: "provider-mutate", severity: Severity::Medium, meta });
    if (method, route) == (&Method::POST, "/api/events/http/{topic}") {
        return mutation(json!({"actionType": "webhook", "topic": param("topic")}));
    }
    let action = match (method, route.strip_prefix("/api/ingest/v1/providers/{name}")?) {
        (&Method::DELETE, "") => "withdraw",
        (&Method::POST, "/mutations") => "push",
        (&Method::POST, "/refresh") => "refresh",
        (&Method::POST, "/confirm" | "/removals/confirm") => "confirm-removals",
        (&Method::POST, "/discard" | "/removals/discard") => "discard-removals",
        _ => return None,
    };
    mutation(json!({"actionType": action, "provider": param("name")}))
}

/// Hands what ingest tells of a request to the record of it.
async fn note_outcome(request: Request, next: Next) -> Response {
    let notes: Notes = request.extensions().get().cloned().unwrap_or_default();
    let mut response = next.run(request).await;
    match response.extensions_mut().remove() {
        Some(Outcome::Done(told)) => notes.add("outcome", || told),
        Some(Outcome::Failed(why)) => drop(response.extensions_mut().insert(Failed(why))),
        None => {}
    }
    response
}
