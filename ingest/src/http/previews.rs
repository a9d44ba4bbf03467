//! `POST /api/ingest/v1/previews` and `…/previews/entity`: reading for a query API in another process, so
//! that the credentials for reading stay in this one.

use axum::{Json, extract::State};
use backstitch_schemas::{LocationRef, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{HttpState, error::ApiError, extract::JsonBody};
use crate::{Found, PreviewRead};

/// What is to be read.
#[derive(Debug, Serialize, Deserialize)]
pub struct LocationQuestion {
    /// The place, as a location ref.
    pub location: String,
    /// `required` or `optional`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence: Option<String>,
}

/// Which entity is to be completed by what its placeholders ask for.
#[derive(Debug, Serialize, Deserialize)]
pub struct EntityQuestion {
    /// The entity as written.
    pub entity: Value,
    /// The place that it is taken to stand at, as a location ref.
    pub location: String,
}

/// The entity, or why it cannot be read.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EntityAnswer {
    /// What processing needs.
    Found(Found),
    /// What is wrong.
    Problem(Problem),
}

/// Reads a location and all that it leads to.
pub(super) async fn preview_location(
    State(state): State<HttpState>,
    JsonBody(question): JsonBody<LocationQuestion>,
) -> Result<Json<PreviewRead>, ApiError> {
    let location = location_of(&question.location)?;
    Ok(Json(state.previewer()?.location(&location, question.presence.as_deref()).await))
}

/// Reads what the placeholders of an entity ask for.
pub(super) async fn preview_entity(
    State(state): State<HttpState>,
    JsonBody(question): JsonBody<EntityQuestion>,
) -> Result<Json<EntityAnswer>, ApiError> {
    let location = location_of(&question.location)?;
    let read = state.previewer()?.entity(&question.entity, &location).await;
    Ok(Json(read.map_or_else(EntityAnswer::Problem, EntityAnswer::Found)))
}

fn location_of(text: &str) -> Result<LocationRef, ApiError> {
    LocationRef::parse(text).map_err(|cause| ApiError::Input(cause.to_string()))
}
