//! Settings of the query API.

use std::time::Duration;

use backstitch_schemas::{command::LocationConflict, scm::Hosts};
use serde::Deserialize;

/// How the query API follows the read model and answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Config {
    /// Seconds for which a read with `?minRevision=N` waits before it answers 503.
    pub min_revision_seconds: u64,
    /// Seconds without the read model after which `/readyz` turns red. Reads go on from memory.
    pub stale_seconds: u64,
    /// Seconds after which the read model is asked for news even if it announced none.
    pub poll_seconds: u64,
    /// Rows of history that are fetched at once; a commit is never split.
    pub batch_rows: usize,
    /// Problems and conflicts that `status` and the page list at most; the totals are always whole.
    pub listed_problems: usize,
    /// Seconds for which a request waits for the outcome of what it asks of a provider.
    pub command_seconds: u64,
    /// Whether locations are only read, not registered, changed or removed.
    pub readonly: bool,
    /// The types of locations that may be registered.
    pub location_types: Vec<String>,
    /// What is done with a place that is registered already, where a request does not say.
    pub location_conflict: LocationConflict,
    /// The git hosts whose URLs are understood.
    #[serde(skip)]
    pub git_hosts: Hosts,
    /// Bytes of a request body that are accepted.
    pub body_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            min_revision_seconds: 5,
            stale_seconds: 30,
            poll_seconds: 5,
            batch_rows: 5_000,
            listed_problems: 1_000,
            command_seconds: 15,
            readonly: false,
            location_types: vec!["url".to_owned()],
            location_conflict: LocationConflict::Reject,
            git_hosts: Hosts::default(),
            body_bytes: 8 * 1024 * 1024,
        }
    }
}

impl Config {
    /// How long `?minRevision` waits.
    pub fn min_revision_wait(&self) -> Duration {
        Duration::from_secs(self.min_revision_seconds)
    }

    /// How long the read model may be away before readiness says so.
    pub fn stale_after(&self) -> Duration {
        Duration::from_secs(self.stale_seconds)
    }

    /// How long a command may take.
    pub fn command_wait(&self) -> Duration {
        Duration::from_secs(self.command_seconds)
    }

    /// How often the read model is asked anyway.
    pub fn poll_every(&self) -> Duration {
        Duration::from_secs(self.poll_seconds.max(1))
    }
}
