//! `GET /api/ingest/v1/positions?position=…&timeout=…`

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    HttpState,
    answer::{read_position, timeout},
    error::ApiError,
};

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    position: String,
    timeout: Option<String>,
}

/// Whether everything that a push said is visible by now: 200 with the revision, else 202.
pub(super) async fn get_position(
    State(state): State<HttpState>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let Query(asked) = asked?;
    let wrong = || ApiError::Input("position: expected what a push returned, such as `0:17,1:4`".to_owned());
    let position = read_position(&asked.position).ok_or_else(wrong)?;
    let deadline = Instant::now() + timeout(asked.timeout.as_deref().or(Some("0")))?;
    let revision = match &state.progress {
        Some(progress) => progress.reached(&position, deadline).await,
        None => None,
    };
    let status = if revision.is_some() { StatusCode::OK } else { StatusCode::ACCEPTED };
    let body = json!({"position": asked.position, "visible": revision.is_some(), "revision": revision});
    Ok((status, Json(body)))
}
