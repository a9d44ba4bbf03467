//! The check in front of every handler.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use backstitch_ingest::http::Caller;
use serde_json::json;

use super::{Access, Credentials, Need, Refusal};

/// The cookie that portals set for what browsers load by themselves.
const COOKIE: &str = "backstage-auth";

/// Puts the check in front of all routes of `router`.
pub(super) fn guard(router: Router, access: Access) -> Router {
    router.layer(middleware::from_fn_with_state(access, check))
}

async fn check(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    let need = Need::of(request.method(), request.uri().path());
    let admitted = match credentials(request.headers()) {
        Err(refusal) if access.checks(&need) => Err(refusal),
        sent => access.admit(sent.unwrap_or_default(), &need).await,
    };
    match admitted {
        Ok(principal) => {
            if let Some(name) = principal.name() {
                request.extensions_mut().insert(Caller(name));
            }
            request.extensions_mut().insert(principal);
            next.run(request).await
        }
        Err(refusal) => answer(&refusal, &request),
    }
}

/// What a request carries.
///
/// # Errors
/// If somebody meant to send credentials and they are not text: to take them for none could let the request in
/// as somebody else's.
fn credentials(headers: &HeaderMap) -> Result<Credentials<'_>, Refusal> {
    let sent = headers.get(header::AUTHORIZATION).map(HeaderValue::to_str).transpose();
    let sent = sent.map_err(|_| {
        Refusal::invalid(
            "the Authorization header has bytes that are no visible ASCII; send `Bearer <token>`",
        )
    })?;
    Ok(Credentials { bearer: sent.and_then(bearer), cookie: cookie(headers) })
}

/// The token of `Bearer …`.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The token of the cookie.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(name, _)| *name == COOKIE).map(|(_, token)| token)
}

/// The refusal as clients of Backstage expect errors.
fn answer(refusal: &Refusal, request: &Request) -> Response {
    let (status, name) = match refusal {
        Refusal::Missing | Refusal::Invalid(_) => (StatusCode::UNAUTHORIZED, "AuthenticationError"),
        Refusal::NotAllowed(_) => (StatusCode::FORBIDDEN, "NotAllowedError"),
        Refusal::Unreachable(_) => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailableError"),
    };
    let url = request.uri().path_and_query().map_or("/", |url| url.as_str());
    let mut error = json!({"name": name, "message": refusal.to_string()});
    if let Refusal::Invalid(cause) = refusal {
        error["cause"] = json!({"name": name, "message": cause});
    }
    let body = json!({
        "error": error,
        "request": {"method": request.method().as_str(), "url": url.strip_prefix("/api/catalog").unwrap_or(url)},
        "response": {"statusCode": status.as_u16()},
    });
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    // As all other answers: they depend on it, this one happens not to.
    let vary = HeaderValue::from_static("Accept-Encoding");
    let headers = [(header::CONTENT_TYPE, json), (header::VARY, vary)];
    let mut response = (status, headers, body.to_string()).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}
