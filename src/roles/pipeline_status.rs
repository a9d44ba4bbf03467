//! What `status` tells beyond the read model: how much of the log is still to be worked off, whether
//! reads are under way, and what of the configuration has no effect.

use std::sync::Arc;

use async_trait::async_trait;
use backstitch_event_log::EventLog;
use backstitch_ingest::{Directory, ProviderStatus, locations::HostStatus};
use backstitch_query_api::{LiveHost, LiveProvider, PipelineStatus, StatusSource};
use backstitch_schemas::{ProviderName, Topic};

/// Answers the query API's questions about the other roles.
pub(super) struct Pipeline {
    /// The log, to see where it ends.
    pub(super) log: Arc<dyn EventLog>,
    /// The providers, where they are run in this process.
    pub(super) directory: Option<Arc<Directory>>,
    /// What the configuration asks for and is not done.
    pub(super) notices: Vec<String>,
}

impl Pipeline {
    /// The sum of the ends of all partitions; nothing while the log is away.
    async fn end(&self, topic: Topic) -> Option<i64> {
        let ends = self.log.end(topic).await.ok()?;
        Some(ends.iter().map(|(_, offset)| offset.0).sum())
    }
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline").field("log", &self.log).finish_non_exhaustive()
    }
}

fn live((name, status): (ProviderName, ProviderStatus)) -> LiveProvider {
    LiveProvider {
        name,
        entities: i64::try_from(status.entities).unwrap_or(i64::MAX),
        last_read: status.times.last_read,
        last_success: status.times.last_success,
        next_read: status.times.next_read,
    }
}

fn live_host(status: HostStatus) -> LiveHost {
    LiveHost {
        documents: status.documents as u64,
        host: status.host,
        limit: status.limit,
        remaining: status.remaining,
        reset: status.reset,
        waiting_until: status.waiting_until,
        pass: status.pass.map(|pass| (pass.min, pass.max)),
    }
}

#[async_trait]
impl StatusSource for Pipeline {
    async fn pipeline(&self) -> PipelineStatus {
        // Reads first: what a read that ends in between appended is then seen in the ends.
        let reading = self.directory.as_ref().is_some_and(|directory| directory.is_busy());
        let statuses = self.directory.iter().flat_map(|directory| directory.statuses());
        let (changes_end, processed_end) = (self.end(Topic::Changes).await, self.end(Topic::Processed).await);
        let mut notices = self.notices.clone();
        let log_is_away = changes_end.is_none() || processed_end.is_none();
        if log_is_away {
            notices.push("the log does not answer, so it is not known what is still to be done".to_owned());
        }
        PipelineStatus {
            // What is not known to be at rest is not said to be.
            reading: reading || log_is_away,
            providers: statuses.map(live).collect(),
            hosts: self.directory.iter().flat_map(|directory| directory.hosts()).map(live_host).collect(),
            changes_end,
            processed_end,
            sources_end: self.end(Topic::Sources).await,
            notices,
        }
    }
}
