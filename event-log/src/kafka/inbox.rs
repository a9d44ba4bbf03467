//! Records that arrived and were not handed out yet.

use std::collections::VecDeque;

use crate::{BatchLimits, StoredRecord};

/// In the order of arrival. Here they wait while a batch is collected, so a caller that goes away
/// in the meantime loses nothing.
#[derive(Default)]
pub(super) struct Inbox {
    records: VecDeque<StoredRecord>,
    bytes: usize,
}

impl Inbox {
    pub(super) fn push(&mut self, record: StoredRecord) {
        self.bytes += size(&record);
        self.records.push_back(record);
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &StoredRecord> {
        self.records.iter()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether waiting longer would not make the batch larger.
    pub(super) fn fills(&self, limits: &BatchLimits) -> bool {
        self.records.len() >= limits.records.max(1) || self.bytes > limits.bytes
    }

    /// A batch: as much as the limits allow, and one record at least if there is one.
    pub(super) fn take(&mut self, limits: &BatchLimits) -> Vec<StoredRecord> {
        let mut bytes = 0;
        let fitting = self.records.iter().take(limits.records.max(1)).take_while(|record| {
            bytes += size(record);
            bytes <= limits.bytes
        });
        let count = fitting.count().max(1).min(self.records.len());
        let batch: Vec<_> = self.records.drain(..count).collect();
        self.bytes -= batch.iter().map(size).sum::<usize>();
        batch
    }
}

fn size(record: &StoredRecord) -> usize {
    record.key.len() + record.value.len()
}
