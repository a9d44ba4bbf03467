//! `GET /locations/by-entity/{kind}/{namespace}/{name}`

use axum::{extract::State, http::StatusCode, response::Response};
use backstitch_schemas::RegisteredLocation;

use crate::{
    Principal,
    access::permissions,
    answer,
    error::ApiError,
    openapi::{Answer, Group, Operation},
    snapshot::{NamePath, Snapshot},
    state::ApiState,
};

pub(crate) const OPERATION: Operation = Operation::get(
    Group::Locations,
    "/locations/by-entity/{kind}/{namespace}/{name}",
    "getLocationByEntity",
    "The registered location that an entity came from.",
)
.answers(&[Answer::json("Location", "The location.")])
.refuses(&[StatusCode::NOT_FOUND])
.reads_catalog();

/// Returns the registered location that led to the entity.
#[tracing::instrument(name = "api.locations.get_by_entity", skip_all)]
pub(crate) async fn get_location_by_entity(
    State(state): State<ApiState>,
    principal: Principal,
    name: NamePath,
    Snapshot(view): Snapshot,
) -> Result<Response, ApiError> {
    let entity_ref = name.entity_ref();
    let unknown = || ApiError::not_found(format!("found no entity for ref {entity_ref}"));
    state.authorize(&principal, permissions::LOCATION_READ).await.map_err(|_| unknown())?;
    let entity = view.find(&entity_ref).ok_or_else(unknown)?.to_value();
    let origin = entity["metadata"]["annotations"]["backstage.io/managed-by-origin-location"].as_str();
    let origin = origin.and_then(|origin| origin.split_once(':'));
    let (kind, target) = origin
        .ok_or_else(|| ApiError::not_found(format!("found no origin annotation for ref {entity_ref}")))?;
    let is_origin =
        |known: &RegisteredLocation| known.location.kind == kind && known.location.target == target;
    let found = state.location(is_origin).await?;
    let missing = || {
        let message = format!("Found no location with type {kind} and target {target}");
        ApiError::not_found(message)
    };
    Ok(answer::json(&found.ok_or_else(missing)?))
}
