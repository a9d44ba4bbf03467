//! `DELETE /entities/by-uid/{uid}`

use axum::{extract::State, http::StatusCode};
use backstitch_schemas::{EntityRef, command::DeleteEntity};
use futures::future::try_join_all;
use uuid::Uuid;

use crate::{
    Principal,
    access::permissions,
    catalog::WaitError,
    error::ApiError,
    openapi::{Answer, Group, Operation},
    snapshot::UidPath,
    state::ApiState,
};

pub(crate) const OPERATION: Operation = Operation::delete(
    Group::Entities,
    "/entities/by-uid/{uid}",
    "deleteEntityByUid",
    "Deletes an entity. A source that still lists it makes it again, with another uid.",
)
.answers(&[Answer::empty(StatusCode::NO_CONTENT, "It is gone, or was never there.")])
.refuses(&[StatusCode::NOT_IMPLEMENTED, StatusCode::SERVICE_UNAVAILABLE]);

/// Deletes the entity with this uid, if there is one.
#[tracing::instrument(name = "api.entities.delete_by_uid", skip_all)]
pub(crate) async fn delete_entity_by_uid(
    State(state): State<ApiState>,
    principal: Principal,
    UidPath(uid): UidPath,
) -> Result<StatusCode, ApiError> {
    let index = state.catalog.index().ok_or(WaitError::Loading)?;
    let view = state.view_with(index, &principal, permissions::ENTITY_DELETE).await?;
    let found = Uuid::parse_str(&uid).ok().and_then(|uid| view.find_uid(uid));
    match found {
        Some(entity) => state.withdraw_all_claims(&principal, &entity.entity_ref).await?,
        // Whoever may delete some entities only is not told which others there are.
        None if view.is_limited() => return Err(ApiError::not_allowed("")),
        None => {}
    }
    Ok(StatusCode::NO_CONTENT)
}

impl ApiState {
    /// Has every provider withdraw what it claims on a ref, and read again where that stood.
    pub(super) async fn withdraw_all_claims(
        &self,
        principal: &Principal,
        entity_ref: &EntityRef,
    ) -> Result<(), ApiError> {
        let providers = self.claimants(entity_ref, |_| true).await?;
        let payload = DeleteEntity { entity_ref: entity_ref.clone() };
        let sent = providers.iter().map(|name| self.carry_out(principal, name, "delete-entity", &payload));
        try_join_all(sent).await.map(drop)
    }
}
