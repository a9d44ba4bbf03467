//! Reading the bodies of claims back from `catalog.changes`.
//!
//! Digests and identities are in memory, contents are not. They are needed again when an orphan is
//! kept (its record carries the content) and when the rules of processing change.

use std::collections::HashMap;

use backstitch_event_log::{BatchLimits, EventLog, LogError, Offset, Partition, Reader, StoredRecord};
use backstitch_schemas::{Change, ClaimKey, ProviderName, Topic};

/// Reads the records of one provider between two points of the log, each once.
pub(crate) struct Bodies {
    provider: ProviderName,
    reader: Box<dyn Reader>,
    end: HashMap<Partition, Offset>,
}

/// A change, whose it is, and where it stands.
pub(crate) type Body = (ClaimKey, (u32, i64), Change);

impl Bodies {
    /// From `first` per partition (others are passed over) to what is the end now.
    pub(crate) async fn open(
        log: &dyn EventLog,
        provider: ProviderName,
        first: &HashMap<u32, i64>,
    ) -> Result<Self, LogError> {
        let end = log.end(Topic::Changes).await?;
        let from: Vec<_> = end
            .iter()
            .map(|(partition, end)| {
                (*partition, first.get(&partition.0).map_or(*end, |offset| Offset(*offset)))
            })
            .collect();
        let reader = log.read(Topic::Changes, &from).await?;
        Ok(Self { provider, reader, end: end.into_iter().collect() })
    }

    /// The next ones; `None` at the end. Safe to cancel.
    pub(crate) async fn next(&mut self, limits: &BatchLimits) -> Result<Option<Vec<Body>>, LogError> {
        if self.is_at_end() {
            return Ok(None);
        }
        let records = self.reader.next_until_end(limits).await?;
        if records.is_empty() {
            return Ok(None);
        }
        Ok(Some(records.iter().filter_map(|record| self.take(record)).collect()))
    }

    fn take(&self, record: &StoredRecord) -> Option<Body> {
        if self.end.get(&record.partition).is_none_or(|end| record.offset >= *end) {
            return None;
        }
        let key = ClaimKey::decode(&record.key).ok().filter(|key| key.provider == self.provider)?;
        let change = Change::decode(&record.value).ok()?;
        Some((key, (record.partition.0, record.offset.0), change))
    }

    fn is_at_end(&self) -> bool {
        self.reader
            .positions()
            .iter()
            .all(|(partition, next)| self.end.get(partition).is_none_or(|end| next >= end))
    }
}
