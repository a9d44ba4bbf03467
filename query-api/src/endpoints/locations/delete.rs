//! `DELETE /locations/{id}`

use axum::{extract::State, http::StatusCode};
use backstitch_schemas::command::Unregister;

use super::IdPath;
use crate::{
    Principal,
    access::permissions,
    error::ApiError,
    openapi::{Answer, Group, Operation},
    state::ApiState,
};

pub(crate) const OPERATION: Operation = Operation::delete(
    Group::Locations,
    "/locations/{id}",
    "deleteLocation",
    "Takes a registered location back, with its entity and what only it leads to.",
)
.answers(&[Answer::empty(StatusCode::NO_CONTENT, "It is gone.")])
.refuses(&[StatusCode::NOT_FOUND, StatusCode::NOT_IMPLEMENTED, StatusCode::SERVICE_UNAVAILABLE]);

/// Takes a location back.
#[tracing::instrument(name = "api.locations.delete", skip_all)]
pub(crate) async fn delete_location(
    State(state): State<ApiState>,
    principal: Principal,
    id: IdPath,
) -> Result<StatusCode, ApiError> {
    state.check_writable()?;
    state.authorize(&principal, permissions::LOCATION_DELETE).await?;
    let payload = Unregister { id: id.id()? };
    state.ask_store(&principal, "unregister", &payload).await?;
    Ok(StatusCode::NO_CONTENT)
}
