//! Commands on their way to whoever owns a provider.

use std::sync::Arc;

use backstitch_event_log::{AppendError, EventLog, LogError, Partition, Record};
use backstitch_schemas::{ProviderName, Topic, command::Command, headers, topic::partition_of};
use uuid::Uuid;

use crate::writer::Writer;

/// How often an unclear step of sending is tried before the caller is told.
const ATTEMPTS: usize = 3;

/// Sends commands through the log, from any process.
pub struct Commander {
    log: Arc<dyn EventLog>,
    writer: Writer,
}

impl Commander {
    /// A sender of its own, which fences nobody.
    pub fn new(log: Arc<dyn EventLog>) -> Self {
        let writer = Writer::new(Arc::clone(&log), format!("commands-{}", Uuid::new_v4()));
        Self { log, writer }
    }

    /// Appends a command. An unclear step is done again: a command is known by its id.
    ///
    /// # Errors
    /// If the log does not take it.
    pub async fn send(&self, provider: &ProviderName, command: &Command) -> Result<(), LogError> {
        let record = Record {
            topic: Topic::Commands,
            partition: Partition(partition_of(provider.as_str(), self.log.partitions(Topic::Commands))),
            key: provider.as_str().to_owned().into(),
            value: command.encode().into(),
            headers: headers::cloud_event("command", "ingest", provider.as_str(), command.at),
        };
        let mut last = LogError::Unavailable("not tried".to_owned());
        for _ in 0..ATTEMPTS {
            self.writer.take().await?;
            match self.writer.append(std::slice::from_ref(&record), None).await {
                Ok(_) => return Ok(()),
                Err(AppendError::Unavailable(cause)) => last = LogError::Unavailable(cause),
                Err(cause) => return Err(LogError::Unusable(cause.to_string())),
            }
        }
        Err(last)
    }
}
