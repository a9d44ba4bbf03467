//! A full mutation as a stream of lines.
//!
//! Additions and changes take effect as they arrive, removals only at the end, and only if the
//! stream said that it was complete.

use std::time::Duration;

use axum::{body::Body, response::Response};
use futures::StreamExt;

use super::{
    HttpState,
    answer::{PushAnswer, PushOptions},
    error::ApiError,
    items::Intake,
    ndjson::Lines,
    turn::{Turn, removals_applied},
};
use crate::{Mutation, MutationOutcome, Removal};

/// Submissions that are applied at once.
const CHUNK: usize = 2_000;

/// Bytes of submissions that are applied at once.
const CHUNK_BYTES: usize = 8 << 20;

/// How long a stream may be silent: others wait for their turn.
const SILENCE: Duration = Duration::from_secs(60);

/// Applies a stream of lines.
pub(super) async fn push_lines(
    state: &HttpState,
    turn: &Turn,
    intake: Intake,
    options: &PushOptions,
    body: Body,
) -> Result<Response, ApiError> {
    let mut lines = Lines::new(intake);
    let mut answer = PushAnswer::default();
    let mut position = Vec::new();
    let mut broken = None;
    let mut frames = body.into_data_stream();
    loop {
        match tokio::time::timeout(SILENCE, frames.next()).await {
            Ok(Some(Ok(bytes))) => lines.feed(&bytes),
            Ok(None) => {
                lines.finish();
                break;
            }
            Ok(Some(Err(cause))) => {
                broken = Some(format!("the stream broke off: {cause}"));
                break;
            }
            Err(_) => {
                broken = Some(format!("the stream was silent for {} s", SILENCE.as_secs()));
                break;
            }
        }
        if lines.waiting() >= CHUNK || lines.chunk_bytes >= CHUNK_BYTES {
            let outcome = apply_chunk(turn, &mut lines).await?;
            position.clone_from(&outcome.position);
            answer.add(outcome);
        }
    }
    if lines.is_empty() && broken.is_none() && !options.allow_empty {
        return Err(ApiError::Input(
            "an empty full mutation would remove everything; add ?allowEmpty=true if that is meant"
                .to_owned(),
        ));
    }
    let outcome = apply_chunk(turn, &mut lines).await?;
    position.clone_from(&outcome.position);
    answer.add(outcome);
    answer.removals = match broken.map_or_else(|| lines.complete(), Err) {
        Ok(()) => {
            let kept = lines.seen.keys().cloned().collect();
            let mutation = Mutation::Full { submissions: Vec::new(), kept, removal: Removal::Found };
            let outcome = turn.apply(mutation).await?;
            position.clone_from(&outcome.position);
            let applied = removals_applied(&turn.provider, &outcome);
            answer.add(outcome);
            applied
        }
        Err(why) => format!("skipped: {why}"),
    };
    answer.accepted = lines.accepted;
    answer.rejected.extend(std::mem::take(&mut lines.rejected));
    answer.warnings.extend(std::mem::take(&mut lines.warnings));
    let refs = lines.seen.into_keys().collect();
    Ok(answer.respond(state, &turn.provider, refs, &position, options.deadline()?).await)
}

async fn apply_chunk(turn: &Turn, lines: &mut Lines) -> Result<MutationOutcome, ApiError> {
    turn.apply(Mutation::Delta { added: lines.take_chunk(), removed: Vec::new() }).await
}
