//! `GET /.backstage/auth/v1/jwks.json`

use axum::{extract::State, response::Response};
use serde_json::{Value, json};

use crate::{
    answer,
    openapi::{Answer, Group, Operation},
    state::ApiState,
};

pub(crate) const OPERATION: Operation = Operation::get(
    Group::Permissions,
    "/.backstage/auth/v1/jwks.json",
    "getPublicKeys",
    "The public keys of the tokens with which the catalog asks other plugins.",
)
.answers(&[Answer::json("PublicKeys", "The keys.")]);

/// Publishes our keys, for whoever checks our tokens.
#[tracing::instrument(name = "api.public_keys", skip_all)]
pub(crate) async fn get_public_keys(State(state): State<ApiState>) -> Response {
    let keys = state.public_keys.as_ref().map_or_else(Vec::<Value>::new, |keys| keys.published());
    answer::json(&json!({ "keys": keys }))
}
