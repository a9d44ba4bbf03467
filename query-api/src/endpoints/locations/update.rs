//! `PUT /locations/{id}`

use axum::{extract::State, http::StatusCode, response::Response};
use backstitch_schemas::command::UpdateLocation;

use super::{IdPath, input::LocationInput, told};
use crate::{
    Principal,
    access::permissions,
    answer,
    audit::Notes,
    error::ApiError,
    openapi::{Answer, Group, Operation},
    state::ApiState,
};

pub(crate) const OPERATION: Operation = Operation::put(
    Group::Locations,
    "/locations/{id}",
    "updateLocation",
    "Moves a registered location to another place. Its id and its entity's ref stay.",
)
.body("LocationInput")
.answers(&[Answer::json("Location", "The location, moved.")])
.refuses(&[
    StatusCode::NOT_FOUND,
    StatusCode::CONFLICT,
    StatusCode::NOT_IMPLEMENTED,
    StatusCode::SERVICE_UNAVAILABLE,
]);

/// Reads another place from now on.
#[tracing::instrument(name = "api.locations.update", skip_all)]
pub(crate) async fn update_location(
    State(state): State<ApiState>,
    principal: Principal,
    notes: Notes,
    id: IdPath,
    input: LocationInput,
) -> Result<Response, ApiError> {
    input.note(&notes);
    state.check_writable()?;
    state.authorize(&principal, permissions::LOCATION_CREATE).await?;
    input.check_type(&state.config)?;
    let payload = UpdateLocation { id: id.id()?, location: input.location };
    let detail = state.ask_store(&principal, "update-location", &payload).await?;
    Ok(answer::json(&told(detail)?))
}
