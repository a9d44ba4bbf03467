//! What an operator asks of a provider. The command goes through the log to the provider's owner,
//! wherever that is: 200 with the outcome, or 202 if there is none within ten seconds.

use std::time::Duration;

use axum::{
    Extension, Json,
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
};
use backstitch_schemas::{EntityRef, RefContext};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Caller, HttpState, error::ApiError, extract::ProviderPath};

const PATIENCE: Duration = Duration::from_secs(10);

type Answer = Result<(StatusCode, Json<Value>), ApiError>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefreshOptions {
    entity_ref: Option<String>,
}

/// `DELETE /api/ingest/v1/providers/{name}`
pub(super) async fn withdraw_provider(
    state: State<HttpState>,
    caller: Option<Extension<Caller>>,
    provider: ProviderPath,
) -> Answer {
    command(&state, caller, provider, "withdraw-provider", None).await
}

/// `POST /api/ingest/v1/providers/{name}/confirm`
pub(super) async fn confirm_removals(
    state: State<HttpState>,
    caller: Option<Extension<Caller>>,
    provider: ProviderPath,
) -> Answer {
    command(&state, caller, provider, "confirm-removals", None).await
}

/// `POST /api/ingest/v1/providers/{name}/discard`
pub(super) async fn discard_removals(
    state: State<HttpState>,
    caller: Option<Extension<Caller>>,
    provider: ProviderPath,
) -> Answer {
    command(&state, caller, provider, "discard-removals", None).await
}

/// `POST /api/ingest/v1/providers/{name}/refresh`
pub(super) async fn refresh_provider(
    state: State<HttpState>,
    caller: Option<Extension<Caller>>,
    provider: ProviderPath,
    options: Result<Query<RefreshOptions>, QueryRejection>,
) -> Answer {
    let Query(options) = options?;
    let parse = |text: &str| EntityRef::parse(text, RefContext::default());
    let wanted = options.entity_ref.as_deref().map(parse).transpose();
    let wanted = wanted.map_err(|cause| ApiError::Input(cause.to_string()))?;
    let payload = wanted.map(|entity_ref| json!({"entityRef": entity_ref}).to_string());
    command(&state, caller, provider, "refresh", payload).await
}

async fn command(
    state: &HttpState,
    caller: Option<Extension<Caller>>,
    ProviderPath(provider): ProviderPath,
    kind: &str,
    payload: Option<String>,
) -> Answer {
    if !state.directory.is_known(&provider) {
        return Err(ApiError::NotFound(format!("there is no provider `{provider}`")));
    }
    let caller = caller.map(|Extension(Caller(subject))| subject);
    let sent = state.directory.command(&provider, kind, payload, caller, PATIENCE).await;
    let (id, outcome) = sent.map_err(|cause| ApiError::Unavailable(cause.to_string()))?;
    match outcome {
        None => Ok((StatusCode::ACCEPTED, Json(json!({"command": id, "outcome": "pending"})))),
        Some(outcome) if outcome.outcome == "done" => {
            let body = json!({"command": id, "outcome": outcome.outcome, "message": outcome.message});
            Ok((StatusCode::OK, Json(body)))
        }
        Some(outcome) if outcome.reason.as_deref() == Some("not-found") => {
            Err(ApiError::NotFound(outcome.message.unwrap_or(outcome.outcome)))
        }
        Some(outcome) => Err(ApiError::Conflict(outcome.message.unwrap_or(outcome.outcome))),
    }
}
