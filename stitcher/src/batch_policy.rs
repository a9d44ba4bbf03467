//! When a batch is full.
//!
//! What waits is taken together, so batches grow with lag; when nothing waits, a single record is
//! committed at once.

use std::time::Duration;

use backstitch_event_log::BatchLimits;

use crate::Config;

/// A first read that brings fewer records says that little waits: asking for more would only delay
/// them.
const LITTLE: usize = 200;

/// Decides when a batch is full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchPolicy {
    records: usize,
    bytes: usize,
    collecting: Duration,
}

/// A batch that is being collected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Collected {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
    pub(crate) since: Duration,
}

impl BatchPolicy {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            records: config.max_batch.get(),
            bytes: config.max_batch_bytes,
            collecting: config.max_collecting,
        }
    }

    /// What a first read may take.
    pub(crate) fn all_room(&self) -> BatchLimits {
        BatchLimits { records: self.records, bytes: self.bytes, linger: Duration::ZERO }
    }

    /// What a further read may add, or that the batch is to be committed as it is.
    pub(crate) fn room(&self, collected: Collected) -> Option<BatchLimits> {
        let has_room = collected.records >= LITTLE
            && collected.records < self.records
            && collected.bytes < self.bytes
            && collected.since < self.collecting;
        has_room.then(|| BatchLimits {
            records: self.records - collected.records,
            bytes: self.bytes - collected.bytes,
            linger: Duration::ZERO,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(records: usize, bytes: usize, millis: u64, room: Option<(usize, usize)>) {
        let policy = BatchPolicy { records: 1_000, bytes: 100, collecting: Duration::from_secs(1) };
        let since = Duration::from_millis(millis);
        let limits = policy.room(Collected { records, bytes, since });
        assert_eq!(limits.map(|limits| (limits.records, limits.bytes)), room);
    }

    #[test]
    fn a_batch_is_full_by_records_bytes_or_time() {
        check(400, 30, 999, Some((600, 70)));
        check(1_000, 30, 0, None);
        check(400, 100, 0, None);
        check(400, 30, 1_000, None);
    }

    #[test]
    fn a_few_records_are_committed_at_once() {
        check(1, 1, 0, None);
        check(199, 1, 0, None);
    }
}
