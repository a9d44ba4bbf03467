//! A push that reaches a process which does not own the provider goes on to the one that does.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    response::Response,
};
use backstitch_schemas::{ProviderName, headers::TRACEPARENT};

use super::{HttpState, error::ApiError};
use crate::NotHere;

/// Marks a request that was forwarded: it is not forwarded again, or two processes that each believe
/// the other is the owner would send it back and forth.
const FORWARDED: HeaderName = HeaderName::from_static("backstitch-forwarded");

/// Sends a request to the owner of a provider, and its answer back.
///
/// # Errors
/// 503, if it is not known where the owner is, or it cannot be reached.
pub(super) async fn forward(
    state: &HttpState,
    provider: &ProviderName,
    cause: NotHere,
    request: Request,
) -> Result<Response, ApiError> {
    let elsewhere = state.directory.address_of_owner(provider);
    let Some((client, address)) = elsewhere.filter(|_| cause == NotHere::Elsewhere) else {
        return Err(cause.into());
    };
    if request.headers().contains_key(&FORWARDED) {
        return Err(cause.into());
    }
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let (parts, body) = request.into_parts();
    let mut outgoing = client
        .request(parts.method, format!("{}{path}", address.trim_end_matches('/')))
        .header(FORWARDED, HeaderValue::from_static("1"));
    for name in [header::AUTHORIZATION, header::CONTENT_TYPE, HeaderName::from_static(TRACEPARENT)] {
        outgoing = match parts.headers.get(&name) {
            Some(value) => outgoing.header(name, value.clone()),
            None => outgoing,
        };
    }
    let unreachable = |cause: reqwest::Error| {
        ApiError::Unavailable(format!("the provider's owner cannot be reached: {cause}"))
    };
    let body = reqwest::Body::wrap_stream(body.into_data_stream());
    let answer = outgoing.body(body).send().await.map_err(unreachable)?;
    let mut response = Response::builder().status(answer.status());
    for name in [header::CONTENT_TYPE, header::RETRY_AFTER] {
        response = match answer.headers().get(&name) {
            Some(value) => response.header(name, value.clone()),
            None => response,
        };
    }
    let bytes = answer.bytes().await.map_err(unreachable)?;
    response.body(Body::from(bytes)).map_err(|cause| {
        ApiError::Unavailable(format!("the provider's owner gave no usable answer: {cause}"))
    })
}
