//! What a push is answered with.

use std::time::Duration;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use backstitch_schemas::{EntityRef, ProviderName};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::Instant;

use super::{
    HttpState,
    error::{ApiError, Outcome},
    items::RejectedItem,
};
use crate::MutationOutcome;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3_600);

/// The options of a push.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PushOptions {
    /// Take what is sound although something else is not.
    pub(super) partial: bool,
    /// Nothing at all is meant.
    pub(super) allow_empty: bool,
    /// `visible`: answer once everything is committed.
    pub(super) wait: Option<String>,
    /// How long to wait for the turn, and then until everything is visible: seconds, or with a unit
    /// (`500ms`, `30s`, `2m`).
    pub(super) timeout: Option<String>,
}

/// The answer to a push.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PushAnswer {
    pub(super) accepted: u64,
    pub(super) changed: usize,
    pub(super) unchanged: usize,
    pub(super) removed: usize,
    pub(super) held: Vec<EntityRef>,
    /// `removed` entries that are not this provider's.
    pub(super) ignored: usize,
    pub(super) rejected: Vec<RejectedItem>,
    pub(super) invalid: Vec<Invalid>,
    pub(super) warnings: Vec<String>,
    /// `applied`, or `skipped: why`, such as that all of them are held.
    pub(super) removals: String,
    /// Ask `GET /api/ingest/v1/positions?position=…` for it.
    pub(super) position: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) revision: Option<i64>,
}

/// An accepted entity that is not what is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invalid {
    entity_ref: EntityRef,
    outcome: &'static str,
    reasons: Vec<String>,
}

impl PushOptions {
    /// How long to wait for the turn while other mutations of the provider are under way.
    pub(super) fn patience(&self) -> Result<Duration, ApiError> {
        timeout(self.timeout.as_deref())
    }

    /// When to stop waiting, if waiting was asked for.
    pub(super) fn deadline(&self) -> Result<Option<Instant>, ApiError> {
        match self.wait.as_deref() {
            None | Some("") => Ok(None),
            Some("visible") => Ok(Some(Instant::now() + timeout(self.timeout.as_deref())?)),
            Some(other) => Err(ApiError::Input(format!("wait: expected `visible`, found `{other}`"))),
        }
    }
}

/// Reads a time-out; 30 s if there is none.
pub(super) fn timeout(text: Option<&str>) -> Result<Duration, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(DEFAULT_TIMEOUT) };
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let wrong = || ApiError::Input(format!("timeout: expected seconds such as `30`, found `{text}`"));
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let millis = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        _ => return Err(wrong()),
    };
    Ok(Duration::from_millis(number.saturating_mul(millis)).min(LONGEST_TIMEOUT))
}

impl PushAnswer {
    /// Adds what became of one mutation of the push.
    pub(super) fn add(&mut self, outcome: MutationOutcome) {
        self.changed += outcome.changed.len();
        self.unchanged += outcome.unchanged;
        self.removed += outcome.removed.len();
        self.held.extend(outcome.held);
        self.ignored += outcome.ignored;
        self.warnings.extend(outcome.warnings);
        self.position = write_position(&outcome.position);
        let rejected = outcome.rejected.into_iter();
        self.rejected.extend(rejected.map(|(entity_ref, reason)| RejectedItem {
            line: 0,
            entity_ref: Some(entity_ref),
            reason,
        }));
    }

    /// 202 at once, or 200 when everything is visible.
    pub(super) async fn respond(
        mut self,
        state: &HttpState,
        provider: &ProviderName,
        refs: Vec<EntityRef>,
        position: &[(u32, i64)],
        deadline: Option<Instant>,
    ) -> Response {
        let (Some(progress), Some(deadline)) = (&state.progress, deadline) else {
            return self.with_status(StatusCode::ACCEPTED);
        };
        self.revision = progress.reached(position, deadline).await;
        if self.revision.is_none() {
            return self.with_status(StatusCode::ACCEPTED);
        }
        let outcomes = progress.outcomes(provider, &refs).await;
        self.invalid = outcomes
            .into_iter()
            .map(|found| Invalid {
                entity_ref: found.entity_ref,
                outcome: found.outcome.as_str(),
                reasons: found.reasons,
            })
            .collect();
        self.with_status(StatusCode::OK)
    }

    fn with_status(self, status: StatusCode) -> Response {
        let outcome = Outcome::Done(json!({
            "accepted": self.accepted, "changed": self.changed, "removed": self.removed, "held": self.held.len(),
        }));
        let mut response = (status, Json(self)).into_response();
        response.extensions_mut().insert(outcome);
        response
    }
}

/// A position as one word: `partition:offset`, joined by commas.
pub(super) fn write_position(position: &[(u32, i64)]) -> String {
    let parts: Vec<_> = position.iter().map(|(partition, offset)| format!("{partition}:{offset}")).collect();
    parts.join(",")
}

/// Reads what [`write_position`] wrote.
pub(super) fn read_position(text: &str) -> Option<Vec<(u32, i64)>> {
    let part = |part: &str| {
        let (partition, offset) = part.split_once(':')?;
        Some((partition.parse().ok()?, offset.parse().ok()?))
    };
    text.split(',').filter(|part| !part.is_empty()).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_being_written() {
        for position in [vec![], vec![(0, 5)], vec![(0, 5), (11, 1_234_567)]] {
            assert_eq!(read_position(&write_position(&position)), Some(position));
        }
        assert_eq!(read_position("0:x"), None);
    }

    #[test]
    fn timeouts_have_units() {
        for (text, millis) in
            [(None, 30_000), (Some("2"), 2_000), (Some("500ms"), 500), (Some("2m"), 120_000)]
        {
            assert_eq!(timeout(text).ok(), Some(Duration::from_millis(millis)), "{text:?}");
        }
        assert!(timeout(Some("soon")).is_err());
    }
}
