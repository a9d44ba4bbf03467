//! Registered locations, one file for each endpoint.

pub(crate) mod by_entity;
pub(crate) mod by_id;
pub(crate) mod by_query;
pub(crate) mod create;
pub(crate) mod delete;
mod dry_run;
mod input;
pub(crate) mod list;
pub(crate) mod update;

use axum::{extract::FromRequestParts, http::request::Parts};
use backstitch_schemas::{LocationId, ProviderName, RegisteredLocation, command::LocationDetail};
use serde::Serialize;
use serde_json::Value;

use crate::{Principal, error::ApiError, paths::parts_after, state::ApiState};

/// The location that a command tells of.
fn told(detail: Option<Value>) -> Result<RegisteredLocation, ApiError> {
    let detail: Option<LocationDetail> = detail.and_then(|detail| serde_json::from_value(detail).ok());
    let missing = || ApiError::unavailable("The location is registered, but its owner did not tell it");
    detail.map(|detail| detail.location).ok_or_else(missing)
}

impl ApiState {
    /// Has the provider whose claims are the registered locations carry out a command.
    async fn ask_store(
        &self,
        principal: &Principal,
        kind: &'static str,
        payload: &impl Serialize,
    ) -> Result<Option<Value>, ApiError> {
        let store = ProviderName::new("DefaultLocationStore");
        self.carry_out(principal, &store, kind, payload).await
    }

    /// The first registered location that is wanted.
    async fn location(
        &self,
        is_wanted: impl Fn(&RegisteredLocation) -> bool,
    ) -> Result<Option<RegisteredLocation>, ApiError> {
        Ok(self.read_model.locations().await?.into_iter().find(is_wanted))
    }
}

/// The id that a path names, as the client wrote it.
#[derive(Clone, Debug)]
pub(crate) struct IdPath(String);

impl IdPath {
    /// The id; what is none is the id of no location.
    fn id(&self) -> Result<LocationId, ApiError> {
        LocationId::parse(&self.0).filter(|_| self.0.len() == 36).ok_or_else(|| self.unknown())
    }

    /// There is no location with it.
    fn unknown(&self) -> ApiError {
        ApiError::not_found(format!("Found no location with ID {}", self.0))
    }
}

impl<S: Sync> FromRequestParts<S> for IdPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let [id] = parts_after(parts, "locations")?;
        Ok(Self(id))
    }
}
