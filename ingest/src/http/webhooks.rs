//! `POST /api/events/http/{topic}`: webhooks of git hosts, at the address that they have in Backstage.
//!
//! Answered as soon as what they tell is in the log; what comes of it is in the log of the process that
//! owns the provider.

use std::time::Duration;

use axum::{
    Extension, Json,
    body::{Body, to_bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
};
use backstitch_schemas::{
    command::ScmEvents,
    scm::{Scm, ScmEvent},
};
use serde_json::{Value, json};

use super::{
    HttpState,
    error::{ApiError, Outcome},
    extract::PathWord,
};
use crate::{
    events::{Sent, Told, WebhookError, unproven},
    metrics::scm_told,
};

/// How large a webhook may be, as in Backstage.
const LARGEST: usize = 5_000_000;

/// How long the log may take: hosts wait for 10 s.
const PATIENCE: Duration = Duration::from_secs(8);

/// `POST /api/events/http/{topic}`
#[tracing::instrument(name = "api.events.webhook", skip_all, fields(topic))]
pub(super) async fn take_webhook(
    State(state): State<HttpState>,
    PathWord(topic): PathWord,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Extension<Outcome>, Json<Value>), ApiError> {
    let scm = state.webhooks.product(&topic)?;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (proof, event, delivery) = match scm {
        Scm::GitHub => ("x-hub-signature-256", "x-github-event", "x-github-delivery"),
        _ => ("x-gitlab-token", "x-gitlab-event", "x-gitlab-event-uuid"),
    };
    if text(proof).is_none() {
        // Nobody's body is kept who does not even claim to know the secret.
        return Err(unproven(scm).into());
    }
    let body = to_bytes(body, LARGEST).await.map_err(|_| {
        ApiError::TooLarge(format!("a webhook may have {LARGEST} bytes; have the host send less at once"))
    })?;
    let sent =
        Sent { event: text(event), proof: text(proof), instance: text("x-gitlab-instance"), body: &body };
    let told = state.webhooks.read(scm, &sent)?;
    let (event, delivery) = (text(event).unwrap_or("unnamed"), text(delivery).unwrap_or("unnamed"));
    let repository = told.repository.clone();
    let heeded = heed(&state, told, format!("{topic} webhook {delivery}")).await?;
    if heeded > 0 {
        tracing::info!(topic, event, delivery, events = heeded, "a git host told of changes");
    } else {
        tracing::debug!(topic, event, delivery, "a git host told nothing that matters");
    }
    let done = json!({"event": event, "delivery": delivery, "repository": repository, "events": heeded});
    Ok((
        StatusCode::ACCEPTED,
        Extension(Outcome::Done(done)),
        Json(json!({"status": "accepted", "events": heeded})),
    ))
}

/// Passes on what is heeded; how many events that are.
async fn heed(state: &HttpState, told: Told, sender: String) -> Result<usize, ApiError> {
    scm_told(&told.events);
    let actions = state.webhooks.actions;
    let events: Vec<ScmEvent> = told.events.into_iter().filter(|event| actions.heed(event)).collect();
    let count = events.len();
    let (commit_url, on_default_branch) = (told.commit_url, told.on_default_branch);
    let heeded = ScmEvents { actions, commit_url, on_default_branch, events };
    let sending = state.directory.heed(heeded, &sender);
    let sent = tokio::time::timeout(PATIENCE, sending).await;
    let sent = sent.map_err(|_| {
        let message = "the log does not answer, or is still being read after a start; send it again";
        ApiError::Unavailable(message.to_owned())
    })?;
    sent.map_err(|cause| ApiError::Unavailable(cause.to_string()))?;
    Ok(count)
}

impl From<WebhookError> for ApiError {
    fn from(cause: WebhookError) -> Self {
        let message = cause.to_string();
        match cause {
            WebhookError::NotFound(_) => Self::NotFound(message),
            WebhookError::NotAllowed(_) => Self::NotAllowed(message),
            WebhookError::Input(_) => Self::Input(message),
        }
    }
}
