//! A place in a topic that moves forward.

use std::sync::Arc;

use backstitch_schemas::Topic;
use tokio::{sync::watch, time::sleep};

use super::{PARTITION, Shared};
use crate::{BatchLimits, LogError, Offset, StoredRecord};

/// Reads a topic from a position on.
pub(super) struct Cursor {
    shared: Arc<Shared>,
    topic: Topic,
    position: i64,
    end: watch::Receiver<i64>,
}

impl Cursor {
    /// Begins at `position`.
    pub(super) fn at(shared: &Arc<Shared>, topic: Topic, position: i64) -> Result<Self, LogError> {
        let end = shared.topics.of(topic).watch_end();
        if position < 0 || position > *end.borrow() {
            return Err(LogError::OutOfRange { topic, partition: PARTITION, offset: Offset(position) });
        }
        Ok(Self { shared: shared.clone(), topic, position, end })
    }

    /// The offset that is read next.
    pub(super) fn position(&self) -> i64 {
        self.position
    }

    /// Where the topic ends now.
    pub(super) fn end(&self) -> i64 {
        *self.end.borrow()
    }

    /// Waits for records, at least one. The position moves in the last moment, so a caller that
    /// goes away loses nothing.
    pub(super) async fn next(&mut self, limits: &BatchLimits) -> Result<Vec<StoredRecord>, LogError> {
        loop {
            self.reach(self.position + 1).await?;
            if !limits.linger.is_zero() {
                self.linger(limits).await?;
            }
            let records = self.take_before(self.end(), limits).await?;
            if !records.is_empty() {
                return Ok(records);
            }
        }
    }

    /// Takes what there is before `end`; nothing if that is nothing.
    pub(super) async fn take_before(
        &mut self,
        end: i64,
        limits: &BatchLimits,
    ) -> Result<Vec<StoredRecord>, LogError> {
        if self.position >= end {
            return Ok(Vec::new());
        }
        let records = match self.shared.topics.of(self.topic).recent(self.position, limits) {
            Some(records) => records,
            None => self.shared.store.records(self.topic, self.position, end, limits).await?,
        };
        // Nothing is left up to the end where all of it was superseded or has expired.
        self.position = records.last().map_or(end, |last| last.offset.0 + 1);
        Ok(records)
    }

    /// Waits until the topic reaches `end`.
    async fn reach(&mut self, end: i64) -> Result<(), LogError> {
        let closed = |_| LogError::Unavailable("the log was closed".to_owned());
        self.end.wait_for(|current| *current >= end).await.map(drop).map_err(closed)
    }

    /// Waits until a batch is full, but no longer than the limits say.
    async fn linger(&mut self, limits: &BatchLimits) -> Result<(), LogError> {
        let full = self.position.saturating_add(i64::try_from(limits.records).unwrap_or(i64::MAX));
        tokio::select! {
            reached = self.reach(full) => reached,
            () = sleep(limits.linger) => Ok(()),
        }
    }
}
