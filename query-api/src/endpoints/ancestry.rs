//! `GET /entities/by-name/{kind}/{namespace}/{name}/ancestry`
//!
//! The parent of an entity is the Location whose listing its winning claim came through. What a
//! provider submitted itself has no parent. An ancestor that is hidden ends the line.

use axum::{extract::State, http::StatusCode, response::Response};
use backstitch_read_model::{ReadModel, Standing};
use backstitch_schemas::EntityRef;
use serde_json::json;

use crate::{
    answer,
    error::ApiError,
    openapi::{Answer, Group, Operation},
    snapshot::{NamePath, Snapshot},
    state::ApiState,
};

pub(crate) const OPERATION: Operation = Operation::get(
    Group::Entities,
    "/entities/by-name/{kind}/{namespace}/{name}/ancestry",
    "getEntityAncestry",
    "An entity and the Locations that led to it. The entity comes first, a root has no parents.",
)
.answers(&[Answer::json("Ancestry", "The entity, then its ancestors.")])
.refuses(&[StatusCode::NOT_FOUND])
.reads_catalog();

/// Returns the entity, then the Locations that led to it.
#[tracing::instrument(name = "api.entities.get_ancestry", skip_all)]
pub(crate) async fn get_ancestry(
    State(state): State<ApiState>,
    path: NamePath,
    Snapshot(view): Snapshot,
) -> Result<Response, ApiError> {
    let root = path.entity_ref();
    if !view.sees(&root) {
        if view.is_limited() {
            // Also where there is none: the answer does not tell the one from the other.
            return Err(ApiError::not_allowed(""));
        }
        return Err(ApiError::not_found(format!("No such entity {root}")));
    }
    let (mut seen, mut items) = (vec![root.clone()], Vec::new());
    let mut next = Some(root.clone());
    while let Some(entity) = next.take().and_then(|entity_ref| view.find(&entity_ref)) {
        let parent = parent_of(&*state.read_model, &entity.entity_ref).await?;
        let parent = parent.filter(|parent| view.sees(parent));
        let refs: Vec<_> = parent.iter().map(EntityRef::as_str).collect();
        items.push(json!({"entity": entity.to_value(), "parentEntityRefs": refs}));
        // A Location that lists itself is its own parent, but is shown once.
        next = parent.filter(|parent| !seen.contains(parent));
        seen.extend(next.clone());
    }
    Ok(answer::json(&json!({"rootEntityRef": root.as_str(), "items": items})))
}

async fn parent_of(
    read_model: &dyn ReadModel,
    entity_ref: &EntityRef,
) -> Result<Option<EntityRef>, ApiError> {
    let claims = read_model.claims_of(entity_ref).await?;
    let winner = claims.into_iter().find(|claim| claim.standing == Standing::Winner);
    Ok(winner.and_then(|claim| claim.key.listing).map(|listing| listing.location))
}
