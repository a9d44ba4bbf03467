//! What ingest may wait for: how far the read model is, and what became of claims.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use backstitch_ingest::{Outcome, Progress, RefOutcome};
use backstitch_query_api::Catalog;
use backstitch_read_model::{ClaimRecord, ClaimState, Head, ReadModel, Revision, Standing};
use backstitch_schemas::{EntityRef, ProviderName};
use tokio::time::{Instant, timeout_at};

/// Answers ingest's questions from the read model.
pub(super) struct ReadModelProgress {
    read_model: Arc<dyn ReadModel>,
    /// The index that this process answers from, if it does: what is waited for has to be in it.
    catalog: Option<Catalog>,
}

impl ReadModelProgress {
    /// Progress as the read model tells it; with `catalog`, as this process's API shows it.
    pub(super) fn new(read_model: Arc<dyn ReadModel>, catalog: Option<Catalog>) -> Self {
        Self { read_model, catalog }
    }

    /// Waits until every partition has come as far as `position`.
    async fn committed(&self, position: &[(u32, i64)]) -> Option<Revision> {
        let mut commits = self.read_model.commits();
        loop {
            commits.borrow_and_update();
            match self.read_model.head().await {
                Ok(head) if has_reached(&head, position) => return Some(head.revision),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "cannot tell how far the read model is"),
            }
            commits.changed().await.ok()?;
        }
    }
}

impl fmt::Debug for ReadModelProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadModelProgress").finish_non_exhaustive()
    }
}

#[async_trait]
impl Progress for ReadModelProgress {
    async fn reached(&self, position: &[(u32, i64)], deadline: Instant) -> Option<i64> {
        let revision = timeout_at(deadline, self.committed(position)).await.ok().flatten()?;
        if let Some(catalog) = &self.catalog {
            let left = deadline.saturating_duration_since(Instant::now());
            catalog.at_least(revision, left).await.ok()?;
        }
        Some(revision.0)
    }

    async fn outcomes(&self, provider: &ProviderName, refs: &[EntityRef]) -> Vec<RefOutcome> {
        match self.read_model.claims_of_provider(provider, refs).await {
            Ok(claims) => claims.into_iter().filter_map(outcome).collect(),
            Err(error) => {
                tracing::warn!(%error, %provider, "cannot tell what became of a push");
                Vec::new()
            }
        }
    }
}

/// Whether everything before `position` has its outcome. A partition that was never written to has
/// no row, and nothing to wait for.
fn has_reached(head: &Head, position: &[(u32, i64)]) -> bool {
    let progress: HashMap<i64, i64> =
        head.positions.iter().map(|row| (i64::from(row.partition), row.changes_next)).collect();
    position.iter().all(|(partition, next)| progress.get(&i64::from(*partition)).is_some_and(|at| at >= next))
}

/// What became of a claim that is not, or not wholly, what is shown.
fn outcome(claim: ClaimRecord) -> Option<RefOutcome> {
    let mut reasons: Vec<String> = claim.problems.iter().map(|problem| problem.message.clone()).collect();
    let outcome = match (claim.state, claim.standing) {
        (ClaimState::Withdrawn, _) => return None,
        (ClaimState::Refused, _) => Outcome::Refused,
        (ClaimState::Good, Standing::Loser) => {
            let winner = claim.winner.map(|key| key.provider.to_string()).unwrap_or_default();
            reasons.push(format!("another claim on the ref wins, of the provider {winner}"));
            Outcome::Lost
        }
        (ClaimState::Formless, _) => Outcome::Invalid,
        // A good form beside newer errors: the last good form is shown.
        (ClaimState::Good, _) if !reasons.is_empty() => Outcome::Invalid,
        (ClaimState::Good, _) => return None,
    };
    Some(RefOutcome { entity_ref: claim.key.entity_ref, outcome, reasons })
}
