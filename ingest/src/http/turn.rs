//! One push of a provider at a time.

use std::time::Duration;

use backstitch_schemas::{ProviderName, change::CauseKind};

use super::error::ApiError;
use crate::{ApplyError, Connection, Mutation, MutationOutcome, owner::OwnerHandle};

/// A push that has its turn: no other mutation of the provider runs meanwhile.
pub(super) struct Turn {
    pub(super) provider: ProviderName,
    connection: Connection,
    _turn: tokio::sync::OwnedMutexGuard<()>,
}

/// How a push waits for its turn, and what it belongs to.
pub(super) struct Terms {
    /// How long it waits while other mutations of the provider are under way.
    pub(super) patience: Duration,
    /// The trace context that the request came with.
    pub(super) trace: Option<String>,
}

impl Turn {
    /// Waits for it.
    ///
    /// # Errors
    /// 503, if others have the turn for longer than the terms allow.
    pub(super) async fn take(
        provider: ProviderName,
        owner: OwnerHandle,
        terms: Terms,
    ) -> Result<Self, ApiError> {
        let turn = tokio::time::timeout(terms.patience, owner.turn.clone().lock_owned()).await;
        let turn = turn.map_err(|_| {
            ApiError::Unavailable(format!(
                "another mutation of the provider `{provider}` is under way; nothing of this one was applied"
            ))
        })?;
        Ok(Self { provider, connection: Connection::new(owner.requests).in_trace(terms.trace), _turn: turn })
    }

    /// Applies a mutation, or a part of one.
    pub(super) async fn apply(&self, mutation: Mutation) -> Result<MutationOutcome, ApiError> {
        let applied = self.connection.apply(mutation, CauseKind::Push, None).await;
        applied.map_err(|cause| match cause {
            ApplyError::Rejected { .. } => ApiError::Input(cause.to_string()),
            ApplyError::NotOwned | ApplyError::Unavailable(_) => ApiError::Unavailable(cause.to_string()),
        })
    }
}

/// What is said about removals that were not skipped: all may wait.
pub(super) fn removals_applied(provider: &ProviderName, outcome: &MutationOutcome) -> String {
    let held = outcome.held.len();
    if held == 0 || !outcome.removed.is_empty() {
        return "applied".to_owned();
    }
    format!("skipped: {held} removals wait for a person; see `backstitch providers confirm {provider}`")
}
