//! The check in front of every handler.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use backstitch_ingest::http::Caller;
use serde_json::json;

use super::{Callers, Need, Refusal};

/// Puts the check in front of all routes of `router`. Handlers find the [`Caller`] in the extensions.
pub fn guard(router: Router, callers: Callers) -> Router {
    router.layer(middleware::from_fn_with_state(callers, check))
}

async fn check(State(callers): State<Callers>, mut request: Request, next: Next) -> Response {
    let need = Need::of(request.method(), request.uri().path());
    match callers.admit(bearer(request.headers()), &need) {
        Ok(subject) => {
            if let Some(subject) = subject {
                tracing::debug!(subject, path = request.uri().path(), "a write is admitted");
                request.extensions_mut().insert(Caller(subject.to_owned()));
            }
            next.run(request).await
        }
        Err(refusal) => answer(&refusal, &request),
    }
}

/// The token of an `Authorization: Bearer …` header.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The refusal as clients of Backstage expect errors.
fn answer(refusal: &Refusal, request: &Request) -> Response {
    let (status, name) = match refusal {
        Refusal::Unknown => (StatusCode::UNAUTHORIZED, "AuthenticationError"),
        Refusal::NotAllowed(_) => (StatusCode::FORBIDDEN, "NotAllowedError"),
    };
    let url = request.uri().path_and_query().map_or("/", |url| url.as_str());
    let body = json!({
        "error": {"name": name, "message": refusal.to_string()},
        "request": {"method": request.method().as_str(), "url": url.strip_prefix("/api/catalog").unwrap_or(url)},
        "response": {"statusCode": status.as_u16()},
    });
    (status, axum::Json(body)).into_response()
}
