//! `GET /entities/unprocessed/failed`, `GET /entities/unprocessed/pending` and
//! `DELETE /entities/unprocessed/delete/{entity_id}`
//!
//! In Backstage an entity is *failed* while processing refuses it and *pending* until it was processed.
//! Here processing follows at once, so nothing is pending for long enough to be listed. Failed are the
//! claims without a good form, on refs without an entity: where another claim made one, it is in the catalog
//! and nothing of it may be deleted here. Their content is in the log only, so the rows name the entity and
//! what is wrong with it. There is no entity that says who may see them, so they are for who sees all.

use axum::{
    extract::{FromRequestParts, State},
    http::{StatusCode, Uri, request::Parts},
    response::Response,
};
use backstitch_read_model::{ClaimRecord, ClaimState};
use backstitch_schemas::{EntityRef, RefContext};
use serde_json::{Value, json};

use crate::{
    Principal,
    access::permissions,
    answer,
    error::ApiError,
    openapi::{Answer, Group, Operation, Param, ParamKind},
    params::Params,
    paths::parts_after,
    snapshot::Snapshot,
    state::ApiState,
    view::View,
};

const OWNER: Param = Param::new(
    "owner",
    ParamKind::Text,
    "Only entities whose content names this owner. Of what rules or an unknown kind shut out no owner is kept, so it \
     is not among them.",
);

pub(crate) const FAILED: Operation = Operation::get(
    Group::Entities,
    "/entities/unprocessed/failed",
    "getFailedEntities",
    "Claims that processing refused, on refs that have no entity.",
)
.query(&[OWNER])
.answers(&[Answer::json("UnprocessedEntities", "The claims.")])
.reads_catalog();

pub(crate) const PENDING: Operation = Operation::get(
    Group::Entities,
    "/entities/unprocessed/pending",
    "getPendingEntities",
    "Always empty: processing follows at once.",
)
.query(&[OWNER])
.answers(&[Answer::json("UnprocessedEntities", "None.")]);

pub(crate) const DELETE: Operation = Operation::delete(
    Group::Entities,
    "/entities/unprocessed/delete/{entityId}",
    "deleteUnprocessedEntity",
    "Deletes what failed and has no entity, as `DELETE /entities/by-uid/{uid}` does for entities.",
)
.answers(&[Answer::empty(StatusCode::NO_CONTENT, "It is gone, or was never there.")])
.refuses(&[StatusCode::NOT_IMPLEMENTED, StatusCode::SERVICE_UNAVAILABLE]);

/// Returns the claims without a good form on refs without an entity.
#[tracing::instrument(name = "api.unprocessed.failed", skip_all)]
pub(crate) async fn get_failed(
    State(state): State<ApiState>,
    principal: Principal,
    Snapshot(view): Snapshot,
    uri: Uri,
) -> Result<Response, ApiError> {
    state.authorize(&principal, permissions::UNPROCESSED_READ).await?;
    let owner = Params::read(uri.query()).one("owner").map(str::to_owned);
    let mut failed = failed(&state, &view).await?;
    if let Some(owner) = owner {
        failed.retain(|claim| claim.owner.as_ref().is_some_and(|named| is_named(named, claim, &owner)));
    }
    let rows: Vec<_> = failed.iter().map(row).collect();
    Ok(answer::json(&json!({"type": "failed", "entities": rows})))
}

/// Returns nothing, to those who may see it.
#[tracing::instrument(name = "api.unprocessed.pending", skip_all)]
pub(crate) async fn get_pending(
    State(state): State<ApiState>,
    principal: Principal,
) -> Result<Response, ApiError> {
    state.authorize(&principal, permissions::UNPROCESSED_READ).await?;
    Ok(answer::json(&json!({"type": "pending", "entities": []})))
}

/// Withdraws the claims on the ref of a failed claim. Ids of claims on entities do nothing.
#[tracing::instrument(name = "api.unprocessed.delete", skip_all)]
pub(crate) async fn delete_unprocessed(
    State(state): State<ApiState>,
    principal: Principal,
    Snapshot(view): Snapshot,
    ClaimPath(id): ClaimPath,
) -> Result<StatusCode, ApiError> {
    state.authorize(&principal, permissions::UNPROCESSED_DELETE).await?;
    let failed = failed(&state, &view).await?;
    if let Some(claim) = failed.iter().find(|claim| claim.identity.to_string() == id.to_lowercase()) {
        state.withdraw_all_claims(&principal, &claim.key.entity_ref).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn failed(state: &ApiState, view: &View) -> Result<Vec<ClaimRecord>, ApiError> {
    if view.is_limited() {
        return Ok(Vec::new());
    }
    // All of them: how many have an entity is known to the index only.
    let mut claims = state.read_model.claims_with_problems(usize::MAX).await?.items;
    claims.retain(|claim| {
        let is_failed = matches!(claim.state, ClaimState::Formless | ClaimState::Refused);
        is_failed && !view.sees(&claim.key.entity_ref)
    });
    Ok(claims)
}

/// Whether the owner that a claim names is the one that is asked for, which may be written as in the entity.
fn is_named(named: &EntityRef, claim: &ClaimRecord, asked: &str) -> bool {
    let namespace = Some(claim.key.entity_ref.namespace());
    let context = RefContext { default_kind: Some("group"), default_namespace: namespace };
    EntityRef::parse(asked, context).is_ok_and(|asked| asked == *named)
}

fn row(claim: &ClaimRecord) -> Value {
    let entity_ref = &claim.key.entity_ref;
    let errors: Vec<_> = claim
        .problems
        .iter()
        .map(|problem| json!({"name": problem.name, "message": problem.message}))
        .collect();
    json!({
        "entity_id": claim.identity,
        "entity_ref": entity_ref,
        "unprocessed_entity": {
            "kind": entity_ref.kind(),
            "metadata": {"namespace": entity_ref.namespace(), "name": entity_ref.name()},
        },
        "unprocessed_hash": "",
        "result_hash": "",
        "next_update_at": claim.created_at.to_string(),
        "last_discovery_at": claim.created_at.to_string(),
        "errors": errors,
        "location_key": claim.location_key,
    })
}

/// The id of a claim that a path names.
#[derive(Clone, Debug)]
pub(crate) struct ClaimPath(String);

impl<S: Sync> FromRequestParts<S> for ClaimPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let [id] = parts_after(parts, "delete")?;
        Ok(Self(id))
    }
}
