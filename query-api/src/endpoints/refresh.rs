//! `POST /refresh`

use axum::{extract::State, http::StatusCode};
use backstitch_schemas::{EntityRef, RefContext};
use futures::future::try_join_all;
use serde_json::json;

use crate::{
    Principal,
    access::permissions,
    audit::Notes,
    body::JsonBody,
    error::ApiError,
    openapi::{Answer, Group, Operation},
    snapshot::Snapshot,
    state::ApiState,
};

pub(crate) const OPERATION: Operation = Operation::post(
    Group::Entities,
    "/refresh",
    "refreshEntity",
    "Has everything read again that leads to an entity, before anything that is merely polled.",
)
.body("RefreshEntity")
.answers(&[Answer::empty(StatusCode::OK, "It is being read.")])
.refuses(&[StatusCode::NOT_FOUND, StatusCode::NOT_IMPLEMENTED, StatusCode::SERVICE_UNAVAILABLE]);

/// Tells the owner of each provider that claims the entity to read it again.
#[tracing::instrument(name = "api.refresh", skip_all)]
pub(crate) async fn refresh_entity(
    State(state): State<ApiState>,
    principal: Principal,
    notes: Notes,
    Snapshot(view): Snapshot,
    body: JsonBody,
) -> Result<StatusCode, ApiError> {
    let text = body.text("entityRef")?.ok_or_else(|| JsonBody::missing("entityRef"))?;
    body.text("authorizationToken")?;
    body.only(&["entityRef", "authorizationToken"])?;
    let unknown = || ApiError::not_found(format!("Entity {} not found", text.to_lowercase()));
    let entity_ref = EntityRef::parse(text, RefContext::default()).map_err(|_| unknown())?;
    notes.add("entityRef", || json!(entity_ref));
    state.authorize_on(&principal, permissions::ENTITY_REFRESH, &entity_ref).await?;
    if !view.tells_claims_on(&entity_ref) {
        return Err(unknown());
    }
    // An orphan has nothing that could be read.
    let providers = state.claimants(&entity_ref, |claim| !claim.released).await?;
    if providers.is_empty() {
        return Err(unknown());
    }
    try_join_all(providers.iter().map(|name| state.have_read_again(&principal, name, &entity_ref))).await?;
    Ok(StatusCode::OK)
}
