//! The body that names a place.

use axum::extract::{FromRequest, Request};
use backstitch_schemas::LocationRef;

use serde_json::json;

use crate::{Config, audit::Notes, body::JsonBody, error::ApiError, state::ApiState};

/// A place as a client names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocationInput {
    /// Type and target, exactly as written.
    pub(super) location: LocationRef,
    /// Whether it has to exist; for a dry run only.
    pub(super) presence: Option<&'static str>,
}

impl FromRequest<ApiState> for LocationInput {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        Self::parse(&JsonBody::from_request(request, state).await?)
    }
}

impl LocationInput {
    fn parse(body: &JsonBody) -> Result<Self, ApiError> {
        let text = |name| match body.text(name)? {
            None => Err(JsonBody::missing(name)),
            Some("") => {
                Err(ApiError::input(format!("request/body/{name} must NOT have fewer than 1 characters")))
            }
            Some(text) => Ok(text.to_owned()),
        };
        let location = LocationRef { kind: text("type")?, target: text("target")? };
        LocationRef::parse(&location.to_string()).map_err(|cause| ApiError::input(cause.to_string()))?;
        let presence = body.word("presence", &["required", "optional"])?;
        body.only(&["type", "target", "presence"])?;
        Ok(Self { location, presence })
    }

    /// Tells auditors which place it is.
    pub(super) fn note(&self, notes: &Notes) {
        notes.add("location", || json!(self.location));
    }

    /// Refuses types that may not be registered.
    pub(super) fn check_type(&self, config: &Config) -> Result<(), ApiError> {
        if config.location_types.contains(&self.location.kind) {
            return Ok(());
        }
        let allowed = serde_json::to_string(&config.location_types).expect("texts serialise");
        Err(ApiError::input(format!("Registered locations must be of an allowed type {allowed}")))
    }
}
