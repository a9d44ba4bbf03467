//! What requests carry, refused in the words of our errors.

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::request::Parts,
};
use backstitch_schemas::ProviderName;
use serde::de::DeserializeOwned;

use super::error::ApiError;

/// A JSON body.
#[derive(Debug)]
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let Json(body) = Json::from_request(request, state).await?;
        Ok(Self(body))
    }
}

/// The part of a path that is a client's own word.
#[derive(Clone, Debug)]
pub(super) struct PathWord(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for PathWord {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(word) = Path::from_request_parts(parts, state).await?;
        Ok(Self(word))
    }
}

/// The provider that a path names: one to 200 printable characters.
#[derive(Clone, Debug)]
pub(super) struct ProviderPath(pub(super) ProviderName);

impl<S: Send + Sync> FromRequestParts<S> for ProviderPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let PathWord(name) = PathWord::from_request_parts(parts, state).await?;
        let fits = (1..=200).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        if fits {
            return Ok(Self(ProviderName::new(name)));
        }
        Err(ApiError::Input(format!("`{name}` cannot be the name of a provider")))
    }
}
