//! The one producer under which a partition of providers is written.
//!
//! All providers of a partition of `catalog.commands` share it. Taking it fences the process that
//! had the partition before; being fenced means that another process has it now.

use std::sync::Arc;

use backstitch_event_log::{Advance, AppendError, EventLog, LogError, Offset, Producer, Record};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// A producer that can be made anew.
pub(crate) struct Writer {
    log: Arc<dyn EventLog>,
    name: String,
    producer: Mutex<Option<Box<dyn Producer>>>,
    fenced: CancellationToken,
}

impl Writer {
    pub(crate) fn new(log: Arc<dyn EventLog>, name: String) -> Self {
        Self { log, name, producer: Mutex::new(None), fenced: CancellationToken::new() }
    }

    /// Ends when another writer has the name.
    pub(crate) async fn fenced(&self) {
        self.fenced.cancelled().await;
    }

    /// Makes the producer if there is none: fences the predecessor and settles what was in flight.
    pub(crate) async fn take(&self) -> Result<(), LogError> {
        let mut producer = self.producer.lock().await;
        if producer.is_none() {
            *producer = Some(self.log.producer(&self.name).await?);
        }
        Ok(())
    }

    /// One atomic step. After `Unavailable` the outcome is unclear until [`Writer::take`] succeeds.
    pub(crate) async fn append(
        &self,
        records: &[Record],
        advance: Option<&Advance>,
    ) -> Result<Vec<Offset>, AppendError> {
        if self.fenced.is_cancelled() {
            return Err(AppendError::Fenced);
        }
        let mut guard = self.producer.lock().await;
        let Some(producer) = guard.as_mut() else {
            return Err(AppendError::Unavailable("the producer is being made anew".to_owned()));
        };
        let result = producer.append(records, advance).await;
        match &result {
            Ok(_) | Err(AppendError::Rejected { .. }) => {}
            Err(AppendError::Unavailable(_)) => *guard = None,
            Err(AppendError::Fenced) => {
                *guard = None;
                self.fenced.cancel();
            }
        }
        result
    }
}
