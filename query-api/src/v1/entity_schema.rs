//! `GET /api/catalog/v1/schema/entity.json`

use axum::{extract::State, response::Response};

use crate::{
    answer,
    openapi::{Answer, Group, Operation},
    state::ApiState,
};

pub(crate) const OPERATION: Operation = Operation::get(
    Group::Ours,
    "/v1/schema/entity.json",
    "getEntitySchema",
    "The JSON Schema of descriptors of all kinds, for editors.",
)
.answers(&[Answer::json("EntitySchema", "The schema.")]);

/// Returns the JSON Schema that editors check descriptors with. It changes with the configuration
/// only.
#[tracing::instrument(name = "api.v1.schema", skip_all)]
pub(crate) async fn get_entity_schema(State(state): State<ApiState>) -> Response {
    answer::bytes(state.entity_schema.as_bytes().to_vec())
}
