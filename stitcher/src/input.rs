//! What was read from the log, and what becomes of each record.

use std::{borrow::Cow, collections::BTreeMap};

use backstitch_event_log::{Positions, StoredRecord};
use backstitch_read_model::{PositionRow, SourceRow};
use backstitch_schemas::{
    Problem, log_header,
    processed::{Errors, Form, FormState, Processed},
    source::SourceState,
};
use serde::de::IgnoredAny;

/// Records of `catalog.processed` that are committed together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batch {
    pub(crate) records: Vec<Taken>,
    /// Where reading goes on after the last record, which may be further than the record tells.
    pub(crate) positions: Positions,
}

/// A record and how it is treated.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) record: StoredRecord,
    pub(crate) treatment: Treatment,
}

/// How a record is treated.
#[derive(Clone, Debug)]
pub(crate) enum Treatment {
    /// It is read.
    Read,
    /// The database refused what came of it: it becomes an error of its claim.
    AsError(String),
    /// Nothing can be made of it.
    DeadLetter(String),
}

/// A batch, decoded.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    pub(crate) processed: Vec<Processed>,
    /// Where partitions stand after the batch.
    pub(crate) positions: Vec<PositionRow>,
    /// Records of which nothing could be made, with the reason.
    pub(crate) dead: Vec<(StoredRecord, String)>,
}

impl Batch {
    /// Cuts a batch of several records in two; the first part is committed first.
    pub(crate) fn halves(mut self) -> (Self, Self) {
        let second = self.records.split_off(self.records.len() / 2);
        let first = Self { records: self.records, positions: Positions::new() };
        (first, Self { records: second, positions: self.positions })
    }

    /// The batch with its only record treated otherwise, after the database refused it. `None` if
    /// there is no other treatment left.
    pub(crate) fn treated_otherwise(mut self, reason: &str) -> Option<Self> {
        let taken = self.records.first_mut()?;
        let what = format!("the database refuses it: {reason}");
        taken.treatment = match taken.treatment {
            Treatment::Read => Treatment::AsError(what),
            Treatment::AsError(_) => Treatment::DeadLetter(what),
            Treatment::DeadLetter(_) => return None,
        };
        Some(self)
    }

    /// Decodes the records; `before` says where the partitions stand.
    pub(crate) fn decode(&self, before: &BTreeMap<i32, PositionRow>) -> Decoded {
        let mut decoded = Decoded::default();
        let mut stand = Stand { before, now: BTreeMap::new() };
        for Taken { record, treatment } in &self.records {
            let position = stand.at(record.partition.0);
            position.processed_next = position.processed_next.max(record.offset.0 + 1);
            match read(record, treatment) {
                Ok(Processed::Progress(progress)) => {
                    position.changes_next = position.changes_next.max(progress.next);
                }
                Ok(processed) => decoded.processed.push(processed),
                Err(reason) => decoded.dead.push((record.clone(), reason)),
            }
        }
        for (partition, next) in &self.positions {
            let position = stand.at(partition.0);
            position.processed_next = position.processed_next.max(next.0);
        }
        decoded.positions = stand.now.into_values().collect();
        decoded
    }
}

/// Where partitions stand, changed ones apart.
struct Stand<'a> {
    before: &'a BTreeMap<i32, PositionRow>,
    now: BTreeMap<i32, PositionRow>,
}

impl Stand<'_> {
    fn at(&mut self, partition: u32) -> &mut PositionRow {
        let partition = i32::try_from(partition).expect("a topic has fewer than 2^31 partitions");
        let start = PositionRow { partition, processed_next: 0, changes_next: 0 };
        let known = self.before.get(&partition).copied().unwrap_or(start);
        self.now.entry(partition).or_insert(known)
    }
}

/// What a record says, or why nothing can be made of it.
fn read(record: &StoredRecord, treatment: &Treatment) -> Result<Processed, String> {
    if let Treatment::DeadLetter(reason) = treatment {
        return Err(reason.clone());
    }
    let processed = Processed::decode(&record.key, &record.value).map_err(|error| chain(&error))?;
    match (processed, treatment) {
        (Processed::Form(claim, form), Treatment::AsError(reason)) => {
            Ok(Processed::Errors(claim, as_error(form, reason)))
        }
        (_, Treatment::AsError(reason)) => Err(reason.clone()),
        (Processed::Form(claim, form), _) => match &form.state {
            FormState::Good(good) if !is_object(&good.entity) => {
                Err("the form is not a JSON object".to_owned())
            }
            _ => Ok(Processed::Form(claim, form)),
        },
        (processed, _) => Ok(processed),
    }
}

fn as_error(form: Form, reason: &str) -> Errors {
    let problem = Problem::new("DataError", format!("The entity cannot be stored: {reason}"))
        .with_advice("Remove what a database cannot hold, such as NUL characters.");
    Errors { stamp: form.stamp, errors: vec![problem], owner: None, cause: form.cause }
}

fn is_object(text: &str) -> bool {
    text.starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The rows of `catalog.sources` records, the latest of each key, and how many could not be read.
pub(crate) fn source_rows(records: &[StoredRecord]) -> Vec<SourceRow> {
    let mut rows: BTreeMap<String, SourceRow> = BTreeMap::new();
    for record in records.iter().filter(|record| record.key != log_header::KEY) {
        let (key, state) = (String::from_utf8_lossy(&record.key), SourceState::decode(&record.value));
        match (key, state) {
            (Cow::Borrowed(key), Ok(state)) => {
                rows.insert(key.to_owned(), SourceRow { key: key.to_owned(), state });
            }
            // It says how reading goes, and the next record of the source says it anew.
            (key, _) => tracing::warn!(%key, offset = record.offset.0, "a state of a source cannot be read"),
        }
    }
    rows.into_values().collect()
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
