//! Records of which nothing can be made are put aside with their reason.
//!
//! So that nobody misses them there, `catalog.sources` tells of each until a sound record about the same claim
//! follows. The entity itself does not: see decision 25.

use std::collections::{BTreeMap, BTreeSet};

use backstitch_event_log::{BatchLimits, EventLog, Offset, Partition, Record, StoredRecord};
use backstitch_read_model::{ReadModel, SourceRow};
use backstitch_schemas::{
    ClaimKey, Problem, Timestamp, Topic, headers,
    processed::ProcessedKey,
    source::{DEAD_LETTER, SourceKey, SourceState},
};

use crate::{error::Stop, input::source_rows};

/// The dead letter of a record.
pub(crate) fn dead_letter(record: &StoredRecord, reason: &str) -> Record {
    let origin = format!("{}/{}/{}", record.topic, record.partition.0, record.offset.0);
    tracing::warn!(%origin, reason, "a record cannot be stitched and goes to the dead letters");
    let original = serde_json::to_string(&record.headers).expect("texts always serialise");
    Record {
        topic: Topic::ProcessedDeadLetters,
        partition: record.partition,
        key: record.key.clone(),
        value: record.value.clone(),
        headers: vec![
            (headers::DEAD_LETTER_REASON, reason.to_owned()),
            (headers::DEAD_LETTER_STAGE, "stitcher".to_owned()),
            (headers::DEAD_LETTER_ORIGIN, origin),
            (headers::DEAD_LETTER_HEADERS, original),
        ],
    }
}

/// What `catalog.sources` tells of records that could not be read.
#[derive(Debug, Default)]
pub(crate) struct Told {
    names: BTreeSet<String>,
}

impl Told {
    /// As the read model has it, and the log from `next` on, which was not copied yet.
    pub(crate) async fn load(
        read_model: &dyn ReadModel,
        log: &dyn EventLog,
        next: Offset,
    ) -> Result<Self, Stop> {
        let mut told = Self::default();
        told.learn(&read_model.sources().await?);
        let mut reader = log.read(Topic::Sources, &[(Partition(0), next)]).await?;
        loop {
            let records = reader.next_until_end(&BatchLimits::default()).await?;
            if records.is_empty() {
                return Ok(told);
            }
            told.learn(&source_rows(&records));
        }
    }

    /// Takes note of states that were read from the log.
    pub(crate) fn learn(&mut self, rows: &[SourceRow]) {
        for row in rows {
            let Ok(SourceKey::Ours(name)) = SourceKey::decode(row.key.as_bytes()) else { continue };
            if !name.starts_with(DEAD_LETTER) {
                continue;
            }
            if row.state.outcome == "failed" {
                self.names.insert(name)
            } else {
                self.names.remove(&name)
            };
        }
    }

    /// What is to be told of records that were read in this order, with those among them that could not be, and
    /// why. The last record about a claim counts.
    pub(crate) fn news<'r>(
        &mut self,
        records: impl Iterator<Item = &'r StoredRecord>,
        dead: &[(StoredRecord, String)],
        now: Timestamp,
    ) -> Vec<Record> {
        if dead.is_empty() && self.names.is_empty() {
            return Vec::new();
        }
        let place = |record: &StoredRecord| (record.partition, record.offset);
        let reasons: BTreeMap<_, _> =
            dead.iter().map(|(record, reason)| (place(record), reason.as_str())).collect();
        let mut news: BTreeMap<String, SourceState> = BTreeMap::new();
        for record in records {
            let claim = claim_of(record);
            let name = name_of(record, claim.as_ref());
            match reasons.get(&place(record)) {
                Some(reason) => drop(news.insert(name, unreadable(record, claim.as_ref(), reason, now))),
                None if self.names.contains(&name) || news.contains_key(&name) => {
                    news.insert(
                        name,
                        SourceState { outcome: "withdrawn".to_owned(), ..SourceState::default() },
                    );
                }
                None => {}
            }
        }
        for (name, state) in &news {
            if state.outcome == "failed" {
                self.names.insert(name.clone())
            } else {
                self.names.remove(name)
            };
        }
        news.into_iter().map(|(name, state)| record_of(name, &state)).collect()
    }
}

fn claim_of(record: &StoredRecord) -> Option<ClaimKey> {
    match ProcessedKey::decode(&record.key).ok()? {
        ProcessedKey::Form(claim) | ProcessedKey::Errors(claim) => Some(claim),
        ProcessedKey::Progress | ProcessedKey::Header => None,
    }
}

/// One name for both parts of a claim.
fn name_of(record: &StoredRecord, claim: Option<&ClaimKey>) -> String {
    let key = claim.map_or_else(|| record.key.to_vec(), ClaimKey::encode);
    format!("{DEAD_LETTER}{}", String::from_utf8_lossy(&key))
}

fn unreadable(record: &StoredRecord, claim: Option<&ClaimKey>, reason: &str, now: Timestamp) -> SourceState {
    let about =
        claim.map_or_else(|| "a claim that cannot be told".to_owned(), |claim| claim.entity_ref.to_string());
    let message = format!(
        "The record about {about} at {}/{}/{} cannot be stitched and lies in the dead letters: {reason}",
        record.topic, record.partition.0, record.offset.0
    );
    let problem = Problem::new("DataError", message).with_advice(format!(
        "{about} stays as it was before that record; submit it again with a change (the same content counts as \
         known); the record's bytes lie in `{}`, with its headers",
        Topic::ProcessedDeadLetters
    ));
    SourceState {
        outcome: "failed".to_owned(),
        errors: vec![problem],
        last_read_at: Some(now),
        since_at: Some(now),
        note: claim.map(|claim| claim.entity_ref.to_string()),
        ..SourceState::default()
    }
}

fn record_of(name: String, state: &SourceState) -> Record {
    Record {
        topic: Topic::Sources,
        partition: Partition(0),
        key: SourceKey::Ours(name).encode().into(),
        value: state.encode().into(),
        headers: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use backstitch_schemas::{EntityRef, ProviderName};

    use super::*;

    fn record(part: fn(ClaimKey) -> ProcessedKey, offset: i64) -> StoredRecord {
        let claim = ClaimKey::own(EntityRef::new("component", None, "a"), ProviderName::new("p"));
        StoredRecord {
            topic: Topic::Processed,
            partition: Partition(0),
            offset: Offset(offset),
            key: part(claim).encode().into(),
            value: Vec::new().into(),
            headers: Vec::new(),
            timestamp: Timestamp(0),
        }
    }

    fn outcomes(records: &[Record]) -> Vec<String> {
        records.iter().map(|record| SourceState::decode(&record.value).unwrap().outcome).collect()
    }

    #[test]
    fn a_dead_letter_is_told_until_a_sound_record_about_the_claim_follows() {
        let (broken, sound) = (record(ProcessedKey::Form, 1), record(ProcessedKey::Errors, 2));
        let dead = [(broken.clone(), "garbage".to_owned())];
        let mut told = Told::default();
        assert_eq!(outcomes(&told.news([&broken].into_iter(), &dead, Timestamp(7))), ["failed"]);
        let again = record(ProcessedKey::Form, 0);
        let both = told.news([&again, &broken].into_iter(), &dead, Timestamp(7));
        assert_eq!(outcomes(&both), ["failed"], "a sound record before it does not count");
        assert_eq!(outcomes(&told.news([&sound].into_iter(), &[], Timestamp(7))), ["withdrawn"]);
        assert!(told.news([&sound].into_iter(), &[], Timestamp(7)).is_empty(), "it is told once");
        let together = told.news([&broken, &sound].into_iter(), &dead, Timestamp(7));
        assert_eq!(outcomes(&together), ["withdrawn"]);
    }
}
