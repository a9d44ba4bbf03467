//! Answers to browsers that ask whether a page of another origin may ask.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use super::origin::Origins;
use crate::config::CorsConfig;

/// What Express allows if nothing is said.
const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::POST, Method::DELETE];

/// Why `backend.cors` cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CorsError {
    /// A pattern that we do not understand must not allow more or less than was meant.
    #[error(
        "backend.cors.origin: `{0}` is not a pattern; use *, ?, [a-z], {{a,b}}, ?(…), *(…), +(…) or @(a|b)"
    )]
    Origin(String),
    /// Not the name of a method.
    #[error("backend.cors.methods: `{0}` is not an HTTP method")]
    Method(String),
    /// Not the name of a header.
    #[error("backend.cors: `{0}` is not the name of a header")]
    Header(String),
}

/// The layer that `config` asks for; none if no origin may ask.
///
/// # Errors
/// If something in it is not what its key asks for.
pub fn cors(config: &CorsConfig) -> Result<Option<CorsLayer>, CorsError> {
    if config.origin.is_empty() {
        return Ok(None);
    }
    let origins = Origins::parse(&config.origin).map_err(CorsError::Origin)?;
    let methods = listed(&config.methods, |name| name.parse::<Method>().ok()).map_err(CorsError::Method)?;
    let methods = if methods.is_empty() { METHODS.to_vec() } else { methods };
    let exposed = headers(&config.exposed_headers)?;
    let allowed = headers(&config.allowed_headers)?;
    let allowed =
        if allowed.is_empty() { AllowHeaders::mirror_request() } else { AllowHeaders::list(allowed) };
    let may_ask = move |origin: &HeaderValue| origin.to_str().is_ok_and(|origin| origins.allow(origin));
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| may_ask(origin)))
        .allow_methods(AllowMethods::list(methods))
        .allow_headers(allowed)
        .expose_headers(exposed)
        .allow_credentials(config.credentials);
    Ok(Some(match config.max_age {
        Some(seconds) => layer.max_age(Duration::from_secs(seconds)),
        None => layer,
    }))
}

fn headers(names: &[String]) -> Result<Vec<HeaderName>, CorsError> {
    listed(names, |name| name.parse::<HeaderName>().ok()).map_err(CorsError::Header)
}

/// The items of lists that may also be written as one text with commas.
fn listed<T>(texts: &[String], parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    let items = texts.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|item| !item.is_empty());
    items.map(|item| parse(item).ok_or_else(|| item.to_owned())).collect()
}
