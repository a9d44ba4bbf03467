//! Commands of the API: sent through the log, and waited for in the read model.
//!
//! The way is the same whether the provider's owner is in this process or in another one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backstitch_event_log::EventLog;
use backstitch_ingest::{Commander, Progress};
use backstitch_query_api::{CommandError, CommandRequest, Commands, Done};
use backstitch_read_model::{ReadModel, Revision};
use backstitch_schemas::{
    Clock, ProviderName,
    command::Command,
    source::{CommandOutcome, SourceKey},
};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::progress::ReadModelProgress;

/// Sends commands to the owners of providers.
pub(super) struct LogCommands {
    commander: Commander,
    read_model: Arc<dyn ReadModel>,
    progress: ReadModelProgress,
    clock: Arc<dyn Clock>,
}

impl LogCommands {
    pub(super) fn new(log: Arc<dyn EventLog>, read_model: Arc<dyn ReadModel>, clock: Arc<dyn Clock>) -> Self {
        let progress = ReadModelProgress::new(Arc::clone(&read_model), None);
        Self { commander: Commander::new(log), read_model, progress, clock }
    }

    /// Waits until the read model has the outcome of a command.
    async fn outcome(&self, provider: &ProviderName, id: Uuid) -> Option<CommandOutcome> {
        let (key, id) = (SourceKey::Provider(provider.clone()), id.to_string());
        let mut commits = self.read_model.commits();
        loop {
            commits.borrow_and_update();
            match self.read_model.source(&key).await {
                Ok(state) => {
                    let outcomes = state.into_iter().flat_map(|state| state.commands);
                    if let Some(outcome) = outcomes.into_iter().find(|outcome| outcome.id == id) {
                        return Some(outcome);
                    }
                }
                Err(error) => tracing::warn!(%error, "cannot tell what came of a command"),
            }
            commits.changed().await.ok()?;
        }
    }
}

impl fmt::Debug for LogCommands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogCommands").finish_non_exhaustive()
    }
}

#[async_trait]
impl Commands for LogCommands {
    async fn carry_out(&self, request: CommandRequest, patience: Duration) -> Result<Done, CommandError> {
        let deadline = Instant::now() + patience;
        let command = Command {
            id: Uuid::new_v4(),
            kind: request.kind.to_owned(),
            payload: Some(request.payload.to_string()),
            requested_by: request.requested_by,
            at: self.clock.now(),
        };
        let sent = timeout_at(deadline, self.commander.send(&request.provider, &command)).await;
        let sent = sent.map_err(|_| CommandError::Unavailable("the log does not answer".to_owned()))?;
        sent.map_err(|error| CommandError::Unavailable(error.to_string()))?;
        let outcome = timeout_at(deadline, self.outcome(&request.provider, command.id)).await;
        let outcome = outcome.ok().flatten().ok_or(CommandError::Pending)?;
        if outcome.outcome != "done" {
            return Ok(Done::Rejected {
                reason: outcome.reason.unwrap_or_default(),
                message: outcome.message.unwrap_or(outcome.outcome),
            });
        }
        let position: Vec<_> = outcome.positions.iter().map(as_position).collect();
        let revision = self.progress.reached(&position, deadline).await.ok_or(CommandError::Pending)?;
        let detail = outcome.detail.and_then(|detail| serde_json::from_str(&detail).ok());
        Ok(Done::Done { detail, revision: Revision(revision) })
    }
}

fn as_position(position: &backstitch_schemas::source::ChangesPosition) -> (u32, i64) {
    (u32::try_from(position.partition).expect("partitions are not negative"), position.next)
}
