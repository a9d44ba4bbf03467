//! What can be set: the section `backstitch.ingest`, and what ingest takes from `catalog`.

use std::sync::Arc;

use backstitch_schemas::{model::Model, rules::Rules};

/// The section `backstitch.ingest`.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// When removals that were found by reading wait for a person; `None`: never.
    pub removal_hold: Option<RemovalHold>,
    /// The largest entity that is taken, with what its placeholders read, in bytes.
    pub max_entity_bytes: usize,
    /// The largest mutation that is taken as one JSON document, in bytes. As NDJSON there is no limit.
    pub max_mutation_bytes: usize,
}

/// Beyond which removals wait: those found within an hour are counted per provider.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RemovalHold {
    /// The share of the provider's entities that may go within an hour, from 0 to 1.
    pub share: f64,
    /// Fewer removals than this within an hour are never held.
    pub minimum: usize,
}

/// What becomes of that which nothing leads to any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// It is withdrawn.
    #[default]
    Delete,
    /// It stays, marked as an orphan.
    Keep,
}

/// What ingest takes from the catalog's part of the configuration.
#[derive(Clone, Debug)]
pub struct CatalogPolicy {
    /// `catalog.orphanStrategy`: what a Location no longer lists.
    pub orphans: Strategy,
    /// `catalog.orphanProviderStrategy`: providers that are no longer configured.
    pub orphan_providers: Strategy,
    /// `catalog.rules`: a Location that they refuse is not followed.
    pub rules: Arc<Rules>,
    /// The kinds: a Location that is not a sound one is not followed.
    pub model: Arc<Model>,
    /// What results of processing depend on; when it changes, all claims are processed again.
    pub fingerprint: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            removal_hold: Some(RemovalHold::default()),
            max_entity_bytes: 6_000_000,
            max_mutation_bytes: 256 << 20,
        }
    }
}

impl Default for RemovalHold {
    fn default() -> Self {
        Self { share: 0.2, minimum: 10 }
    }
}

/// Which setting cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct ConfigError {
    /// Path below `backstitch.ingest`.
    pub path: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl Config {
    /// Checks what types alone do not.
    ///
    /// # Errors
    /// Naming the first setting that cannot be used.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if let Some(hold) = self.removal_hold.filter(|hold| !(0.0..=1.0).contains(&hold.share)) {
            let reason = format!("{} is not between 0 and 1", hold.share);
            return Err(ConfigError { path: "removalHold.share", reason });
        }
        let most = backstitch_schemas::topic::MAX_RECORD_BYTES / 2;
        if self.max_entity_bytes == 0 || self.max_entity_bytes > most {
            let reason = format!("{} is not between 1 and {most}", self.max_entity_bytes);
            return Err(ConfigError { path: "maxEntityBytes", reason });
        }
        Ok(())
    }
}

impl Default for CatalogPolicy {
    fn default() -> Self {
        Self {
            orphans: Strategy::Delete,
            orphan_providers: Strategy::Delete,
            rules: Arc::new(Rules::default()),
            model: Model::builtin(),
            fingerprint: String::new(),
        }
    }
}
