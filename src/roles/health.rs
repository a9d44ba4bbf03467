//! `/livez` and `/readyz` of a process: ready means that every role in it can do its work.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use backstitch_ingest::Directory;
use backstitch_processors::Health;
use backstitch_stitcher::{State as StitcherState, Status};
use serde_json::json;
use tokio::sync::watch;

/// Why a role cannot do its work now, if it cannot.
pub(super) type Check = Box<dyn Fn() -> Option<String> + Send + Sync>;

/// Ingest waits for nothing but the log.
pub(super) fn of_ingest(directory: Arc<Directory>) -> Check {
    Box::new(move || (!directory.is_healthy()).then(|| "ingest waits for the log".to_owned()))
}

/// A processor that has reached the log.
pub(super) fn of_processing(health: watch::Receiver<Health>) -> Check {
    Box::new(move || match &*health.borrow() {
        Health::Working => None,
        Health::Starting => Some("processing has not reached the log yet".to_owned()),
        Health::Waiting(cause) => Some(format!("processing waits: {cause}")),
    })
}

/// A stitcher that works, or that stands by for one that does.
pub(super) fn of_stitching(status: watch::Receiver<Status>) -> Check {
    Box::new(move || {
        let status = status.borrow();
        match &status.state {
            StitcherState::Waiting(cause) => Some(format!("stitching waits: {cause}")),
            state if !status.is_ready() => Some(format!("stitching is not ready: {state:?}")),
            _ => None,
        }
    })
}

/// The two routes, for a role that has no others.
pub(super) fn routes() -> Router {
    let ok = || async { Json(json!({"status": "ok"})) };
    Router::new().route("/livez", get(ok)).route("/readyz", get(ok))
}

/// Answers `/readyz` with 503 while a check has something to say; else the router answers.
pub(super) fn checked(router: Router, checks: Vec<Check>) -> Router {
    router.layer(middleware::from_fn_with_state(Arc::new(checks), ready))
}

async fn ready(State(checks): State<Arc<Vec<Check>>>, request: Request, next: Next) -> Response {
    let asked = request.uri().path().trim_end_matches('/').eq_ignore_ascii_case("/readyz");
    let trouble: Vec<String> =
        if asked { checks.iter().filter_map(|check| check()).collect() } else { Vec::new() };
    if trouble.is_empty() {
        return next.run(request).await;
    }
    let body = Json(json!({"status": "unavailable", "message": trouble.join("; ")}));
    (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower::ServiceExt as _;

    use super::*;

    async fn status_of(path: &str, check: Check) -> StatusCode {
        let router = checked(routes(), vec![check]);
        router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap().status()
    }

    #[tokio::test]
    async fn a_role_that_waits_makes_the_process_unready_but_not_dead() {
        let waiting = || of_processing(watch::channel(Health::Waiting("no broker".to_owned())).1);
        assert_eq!(status_of("/readyz", waiting()).await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status_of("/livez", waiting()).await, StatusCode::OK);
        let working = of_processing(watch::channel(Health::Working).1);
        assert_eq!(status_of("/readyz", working).await, StatusCode::OK);
    }
}
