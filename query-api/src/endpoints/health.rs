//! `GET /livez` and `GET /readyz`

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{answer, state::ApiState};

/// The process answers.
pub(crate) async fn livez() -> Response {
    answer::json(&json!({"status": "ok"}))
}

/// The catalog is loaded, and the read model is there to keep it current.
pub(crate) async fn readyz(State(state): State<ApiState>) -> Response {
    match state.catalog.ready() {
        Ok(()) => answer::json(&json!({"status": "ok"})),
        Err(reason) => {
            let body = answer::json(&json!({"status": "unavailable", "message": reason.to_string()}));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}
