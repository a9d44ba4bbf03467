//! `GET /locations`

use axum::{extract::State, response::Response};
use serde_json::json;

use crate::{
    Principal,
    access::permissions,
    answer,
    error::ApiError,
    openapi::{Answer, Group, Operation},
    state::ApiState,
};

pub(crate) const OPERATION: Operation = Operation::get(
    Group::Locations,
    "/locations",
    "getLocations",
    "All registered locations. Those that the configuration names are not among them.",
)
.answers(&[Answer::json("Locations", "The locations, each in `data`.")]);

/// Returns all registered locations; none to whoever may not see them.
#[tracing::instrument(name = "api.locations.list", skip_all)]
pub(crate) async fn list_locations(
    State(state): State<ApiState>,
    principal: Principal,
) -> Result<Response, ApiError> {
    let may_see = state.authorize(&principal, permissions::LOCATION_READ).await.is_ok();
    let locations = if may_see { state.read_model.locations().await? } else { Vec::new() };
    let wrapped: Vec<_> = locations.iter().map(|location| json!({"data": location})).collect();
    Ok(answer::json(&wrapped))
}
