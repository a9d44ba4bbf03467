//! `POST /api/ingest/v1/providers/{name}/read-times`: when places were read and are read again, for a query
//! API in another process.

use axum::{
    Json,
    body::to_bytes,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::{HttpState, error::ApiError, extract::ProviderPath, forward::forward};
use crate::ReadTimes;

/// The longest question that is listened to.
const MAX_BYTES: usize = 1 << 20;

/// The places of one provider that are asked about.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadTimesQuestion {
    /// Location refs.
    pub places: Vec<String>,
}

/// The answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadTimesAnswer {
    /// In the order of the question; `None` for what is not read.
    pub places: Vec<Option<ReadTimes>>,
}

/// Tells when places were read and are read again.
pub(super) async fn read_times(
    State(state): State<HttpState>,
    ProviderPath(provider): ProviderPath,
    request: Request,
) -> Result<Response, ApiError> {
    if !state.directory.is_known(&provider) {
        return Err(ApiError::NotFound(format!("there is no provider `{provider}`")));
    }
    if let Err(cause) = state.directory.owner(&provider) {
        return forward(&state, &provider, cause, request).await;
    }
    let wrong = |cause: String| ApiError::Input(format!("the question cannot be read: {cause}"));
    let body = to_bytes(request.into_body(), MAX_BYTES).await.map_err(|cause| wrong(cause.to_string()))?;
    let question: ReadTimesQuestion =
        serde_json::from_slice(&body).map_err(|cause| wrong(cause.to_string()))?;
    let places = state.directory.read_times(&provider, question.places).await?;
    Ok(Json(ReadTimesAnswer { places }).into_response())
}
