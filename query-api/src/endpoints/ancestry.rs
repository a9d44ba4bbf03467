//! `GET /entities/by-name/{kind}/{namespace}/{name}/ancestry`
//!
//! The parent of an entity is the Location whose listing its winning claim came through. What a
//! provider submitted itself has no parent.

use axum::{extract::State, http::Uri, response::Response};
use backstitch_read_model::{ReadModel, Standing};
use backstitch_schemas::EntityRef;
use serde_json::json;

use crate::{
    answer,
    error::ApiError,
    params::Params,
    snapshot::{NamePath, Snapshot},
    state::ApiState,
};

/// Returns the entity, then the Locations that led to it.
#[tracing::instrument(name = "api.entities.get_ancestry", skip_all)]
pub(crate) async fn get_ancestry(
    State(state): State<ApiState>,
    path: NamePath,
    Snapshot(index): Snapshot,
    uri: Uri,
) -> Result<Response, ApiError> {
    Params::parse(uri.query(), &[])?;
    let root = path.entity_ref();
    if index.find(&root).is_none() {
        return Err(ApiError::not_found(format!("No such entity {root}")));
    }
    let (mut seen, mut items) = (vec![root.clone()], Vec::new());
    let mut next = Some(root.clone());
    while let Some(entity) = next.take().and_then(|entity_ref| index.find(&entity_ref)) {
        let parent = parent_of(&*state.read_model, &entity.entity_ref).await?;
        let parent = parent.filter(|parent| index.find(parent).is_some());
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
