//! Where each topic ends, as its readers see it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use backstitch_schemas::{Topic, topic::Cleanup};
use tokio::sync::watch;

use super::tail::Tail;
use crate::{BatchLimits, StoredRecord};

/// What readers know of every topic without asking the file.
pub(super) struct Topics(Vec<TopicState>);

/// What readers know of one topic.
pub(super) struct TopicState {
    compacted: bool,
    end: watch::Sender<i64>,
    tail: Mutex<Tail>,
}

impl Topics {
    /// All topics, empty until [`TopicState::reset`].
    pub(super) fn new() -> Self {
        Self(Topic::ALL.into_iter().map(TopicState::new).collect())
    }

    pub(super) fn of(&self, topic: Topic) -> &TopicState {
        &self.0[topic as usize]
    }
}

impl TopicState {
    fn new(topic: Topic) -> Self {
        let compacted = topic.cleanup() == Cleanup::Compact;
        Self { compacted, end: watch::Sender::new(0), tail: Mutex::new(Tail::new(0, compacted)) }
    }

    /// The offset after the last committed record.
    pub(super) fn end(&self) -> i64 {
        *self.end.borrow()
    }

    /// Changes whenever a step is committed.
    pub(super) fn watch_end(&self) -> watch::Receiver<i64> {
        self.end.subscribe()
    }

    /// Sets the end to what the file says.
    pub(super) fn reset(&self, end: i64) {
        *self.tail() = Tail::new(end, self.compacted);
        self.end.send_replace(end);
    }

    /// Shows committed records to readers and wakes them.
    pub(super) fn publish(&self, records: Vec<StoredRecord>) {
        let Some(last) = records.last() else { return };
        let end = last.offset.0 + 1;
        let mut tail = self.tail();
        for record in records {
            tail.push(record);
        }
        // While the tail is locked, so that it never holds what lies beyond the end.
        self.end.send_replace(end);
    }

    /// Records from memory, or `None` if they lie too far back.
    pub(super) fn recent(&self, position: i64, limits: &BatchLimits) -> Option<Vec<StoredRecord>> {
        self.tail().from(position, limits)
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        // A panic under the lock can only come from a broken invariant of `Tail`, which it asserts.
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_listed_in_the_order_of_their_declaration() {
        for (index, topic) in Topic::ALL.into_iter().enumerate() {
            assert_eq!(topic as usize, index, "{topic}");
        }
    }
}
