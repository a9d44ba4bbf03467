//! The newest records of a topic in memory, so that a reader that keeps up never touches the disk.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use crate::{BatchLimits, StoredRecord};

/// Bytes of keys and values that a topic's tail holds at most.
const BUDGET: usize = 8 << 20;

/// The records from some offset to the end.
pub(super) struct Tail {
    /// Offset of the first element of `records`.
    first: i64,
    /// One element per offset; none where the record was superseded.
    records: VecDeque<Option<StoredRecord>>,
    /// On a compacted topic: the offset of each key in `records`.
    latest: Option<HashMap<Bytes, i64>>,
    bytes: usize,
}

/// Size of a record as batches count it.
pub(super) fn size(record: &StoredRecord) -> usize {
    record.key.len() + record.value.len()
}

impl Tail {
    /// An empty tail of a topic that ends at `end`.
    pub(super) fn new(end: i64, compacted: bool) -> Self {
        Self { first: end, records: VecDeque::new(), latest: compacted.then(HashMap::new), bytes: 0 }
    }

    /// Adds the record with the next offset.
    pub(super) fn push(&mut self, record: StoredRecord) {
        let offset = self.first + i64::try_from(self.records.len()).expect("a tail fits into memory");
        debug_assert_eq!(record.offset.0, offset, "records are appended without gaps");
        if let Some(latest) = &mut self.latest
            && let Some(superseded) = latest.insert(record.key.clone(), offset)
        {
            let index = usize::try_from(superseded - self.first).expect("`latest` names what is here");
            self.bytes -= self.records[index].take().as_ref().map_or(0, size);
        }
        self.bytes += size(&record);
        self.records.push_back(Some(record));
        while self.bytes > BUDGET {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        let Some(dropped) = self.records.pop_front() else { return };
        self.first += 1;
        if let Some(record) = dropped {
            self.bytes -= size(&record);
            if let Some(latest) = &mut self.latest {
                latest.remove(&record.key);
            }
        }
    }

    /// The records from `position` on, as many as the limits allow, or `None` if the tail does not
    /// reach back so far.
    pub(super) fn from(&self, position: i64, limits: &BatchLimits) -> Option<Vec<StoredRecord>> {
        let skip = usize::try_from(position - self.first).ok()?;
        let mut bytes = 0;
        let mut taken = Vec::new();
        for record in self.records.iter().skip(skip).flatten() {
            bytes += size(record);
            if !taken.is_empty() && (bytes > limits.bytes || taken.len() >= limits.records) {
                break;
            }
            taken.push(record.clone());
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use backstitch_schemas::{Timestamp, Topic};

    use super::*;
    use crate::{Offset, Partition};

    fn record(offset: i64, key: &'static str, length: usize) -> StoredRecord {
        StoredRecord {
            topic: Topic::Changes,
            partition: Partition(0),
            offset: Offset(offset),
            timestamp: Timestamp(0),
            key: Bytes::from_static(key.as_bytes()),
            value: Bytes::from(vec![0; length]),
            headers: Vec::new(),
        }
    }

    fn offsets(tail: &Tail, from: i64) -> Option<Vec<i64>> {
        let records = tail.from(from, &BatchLimits::default())?;
        Some(records.iter().map(|record| record.offset.0).collect())
    }

    #[test]
    fn a_superseded_record_leaves_a_compacted_tail() {
        let mut tail = Tail::new(5, true);
        for (offset, key) in [(5, "a"), (6, "b"), (7, "a")] {
            tail.push(record(offset, key, 1));
        }
        assert_eq!(offsets(&tail, 5), Some(vec![6, 7]));
        assert_eq!(offsets(&tail, 4), None);
    }

    #[test]
    fn the_oldest_records_go_when_the_budget_is_spent() {
        let mut tail = Tail::new(0, true);
        tail.push(record(0, "a", BUDGET / 2));
        tail.push(record(1, "b", BUDGET / 2));
        tail.push(record(2, "a", 1));
        assert_eq!(offsets(&tail, 0), None);
        assert_eq!(offsets(&tail, 1), Some(vec![1, 2]));
        tail.push(record(3, "c", 2 * BUDGET));
        assert_eq!(offsets(&tail, 3), None, "a record beyond the budget is not held at all");
        assert_eq!(offsets(&tail, 4), Some(vec![]));
    }
}
