//! `GET /entities/by-name/{kind}/{namespace}/{name}`

use axum::{http::StatusCode, response::Response};

use crate::{
    answer,
    error::ApiError,
    openapi::{Answer, Group, Operation},
    snapshot::{NamePath, Snapshot},
};

pub(crate) const OPERATION: Operation = Operation::get(
    Group::Entities,
    "/entities/by-name/{kind}/{namespace}/{name}",
    "getEntityByName",
    "One entity by its ref. Kind, namespace and name are taken in any case.",
)
.answers(&[Answer::json("Entity", "The entity.")])
.refuses(&[StatusCode::NOT_FOUND])
.reads_catalog();

/// Returns the final entity with this name, as last stitched.
#[tracing::instrument(name = "api.entities.get_by_name", skip_all)]
pub(crate) async fn get_entity_by_name(
    path: NamePath,
    Snapshot(view): Snapshot,
) -> Result<Response, ApiError> {
    let entity = view.find(&path.entity_ref());
    Ok(answer::entity(entity.ok_or_else(|| not_found(&path))?))
}

fn not_found(NamePath { kind, namespace, name }: &NamePath) -> ApiError {
    ApiError::not_found(format!(
        "No entity named '{name}' found, with kind '{kind}' in namespace '{namespace}'"
    ))
}
