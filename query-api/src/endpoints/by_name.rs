//! `GET /entities/by-name/{kind}/{namespace}/{name}`

use axum::{http::Uri, response::Response};

use crate::{
    answer,
    error::ApiError,
    params::Params,
    snapshot::{NamePath, Snapshot},
};

/// Returns the final entity with this name, as last stitched.
#[tracing::instrument(name = "api.entities.get_by_name", skip_all)]
pub(crate) async fn get_entity_by_name(
    path: NamePath,
    Snapshot(view): Snapshot,
    uri: Uri,
) -> Result<Response, ApiError> {
    Params::parse(uri.query(), &[])?;
    let entity = view.find(&path.entity_ref());
    Ok(answer::entity(entity.ok_or_else(|| not_found(&path))?))
}

fn not_found(NamePath { kind, namespace, name }: &NamePath) -> ApiError {
    ApiError::not_found(format!(
        "No entity named '{name}' found, with kind '{kind}' in namespace '{namespace}'"
    ))
}
