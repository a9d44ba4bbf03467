//! `GET /locations/{id}`

use axum::{extract::State, http::StatusCode, response::Response};

use super::IdPath;
use crate::{
    Principal,
    access::permissions,
    answer,
    error::ApiError,
    openapi::{Answer, Group, Operation},
    state::ApiState,
};

pub(crate) const OPERATION: Operation =
    Operation::get(Group::Locations, "/locations/{id}", "getLocation", "One registered location.")
        .answers(&[Answer::json("Location", "The location.")])
        .refuses(&[StatusCode::NOT_FOUND]);

/// Returns the registered location with this id.
#[tracing::instrument(name = "api.locations.get", skip_all)]
pub(crate) async fn get_location(
    State(state): State<ApiState>,
    principal: Principal,
    id: IdPath,
) -> Result<Response, ApiError> {
    let wanted = id.id()?;
    state.authorize(&principal, permissions::LOCATION_READ).await.map_err(|_| id.unknown())?;
    let location = state.location(|known| known.id == wanted).await?.ok_or_else(|| id.unknown())?;
    Ok(answer::json(&location))
}
