//! How far the pipeline behind ingest has come, for `?wait=visible`.

use async_trait::async_trait;
use backstitch_schemas::{EntityRef, ProviderName};
use tokio::time::Instant;

/// Knows what has become visible. The executable wires it to the read model.
#[async_trait]
pub trait Progress: Send + Sync + 'static {
    /// Waits until everything before these offsets of `catalog.changes` has its outcome and is
    /// committed; returns the revision that shows it, or `None` if `deadline` comes first.
    async fn reached(&self, position: &[(u32, i64)], deadline: Instant) -> Option<i64>;

    /// Those of a provider's claims on `refs` that are not what is shown, and why.
    async fn outcomes(&self, provider: &ProviderName, refs: &[EntityRef]) -> Vec<RefOutcome>;
}

/// Why a claim is not what is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefOutcome {
    /// The claimed ref.
    pub entity_ref: EntityRef,
    /// What became of the claim.
    pub outcome: Outcome,
    /// Why, for a person.
    pub reasons: Vec<String>,
}

/// What becomes of a claim that is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its content is wrong.
    Invalid,
    /// The rules refuse it, or its kind is not configured.
    Refused,
    /// Another claim on the ref wins.
    Lost,
}

impl Outcome {
    /// The word in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Refused => "refused",
            Self::Lost => "lost",
        }
    }
}
