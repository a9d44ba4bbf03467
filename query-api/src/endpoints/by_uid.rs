//! `GET /entities/by-uid/{uid}`

use axum::{http::StatusCode, response::Response};
use uuid::Uuid;

use crate::{
    answer,
    error::ApiError,
    openapi::{Answer, Group, Operation},
    snapshot::{Snapshot, UidPath},
};

pub(crate) const OPERATION: Operation =
    Operation::get(Group::Entities, "/entities/by-uid/{uid}", "getEntityByUid", "One entity by its uid.")
        .answers(&[Answer::json("Entity", "The entity.")])
        .refuses(&[StatusCode::NOT_FOUND])
        .reads_catalog();

/// Returns the final entity with this uid.
#[tracing::instrument(name = "api.entities.get_by_uid", skip_all)]
pub(crate) async fn get_entity_by_uid(
    UidPath(uid): UidPath,
    Snapshot(view): Snapshot,
) -> Result<Response, ApiError> {
    // Only the hyphenated form is a uid of ours; other spellings of a UUID find nothing in Backstage.
    let parsed = Uuid::parse_str(&uid).ok().filter(|_| uid.len() == 36);
    let entity = parsed.and_then(|uid| view.find_uid(uid));
    let entity = entity.ok_or_else(|| ApiError::not_found(format!("No entity with uid {uid}")))?;
    Ok(answer::entity(entity))
}
