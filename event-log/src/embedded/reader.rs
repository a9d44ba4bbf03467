//! Reads a topic outside any group.

use std::sync::Arc;

use async_trait::async_trait;
use backstitch_schemas::Topic;

use super::{PARTITION, Shared, cursor::Cursor};
use crate::{BatchLimits, LogError, Offset, Partition, Positions, Reader, StoredRecord};

/// A reader of one topic.
pub(super) struct EmbeddedReader {
    cursor: Cursor,
}

impl EmbeddedReader {
    pub(super) fn new(
        shared: &Arc<Shared>,
        topic: Topic,
        from: &[(Partition, Offset)],
    ) -> Result<Self, LogError> {
        if let Some((partition, offset)) = from.iter().find(|(partition, _)| *partition != PARTITION) {
            return Err(LogError::OutOfRange { topic, partition: *partition, offset: *offset });
        }
        let position = from.first().map_or(0, |(_, offset)| offset.0);
        Ok(Self { cursor: Cursor::at(shared, topic, position)? })
    }
}

#[async_trait]
impl Reader for EmbeddedReader {
    async fn next(&mut self, limits: &BatchLimits) -> Result<Vec<StoredRecord>, LogError> {
        self.cursor.next(limits).await
    }

    async fn next_until_end(&mut self, limits: &BatchLimits) -> Result<Vec<StoredRecord>, LogError> {
        self.cursor.take_before(self.cursor.end(), limits).await
    }

    fn positions(&self) -> Positions {
        vec![(PARTITION, Offset(self.cursor.position()))]
    }
}
