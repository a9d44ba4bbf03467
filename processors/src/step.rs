//! One step: what a batch of changes becomes. Pure; the worker around it does the IO.

use std::{num::NonZeroUsize, sync::Arc};

use crate::{Pipeline, metrics::Tally, unreadable::stand_in};
use backstitch_event_log::{Advance, Record, StoredRecord};
use backstitch_schemas::{
    Change, ClaimKey, Timestamp, Topic, Version,
    headers::{self, Header},
    log_header,
    processed::{Form, FormState, Processed, Progress},
};

/// Below this many records a second thread costs more than it brings.
const WORTH_A_THREAD: usize = 64;

/// The records of a step, in the order of the inputs. Each input gives one; one that cannot be
/// processed gives a dead letter and, if its claim is known, an error on that; the log's own header
/// gives none. The progress of each partition comes last.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) records: Vec<Record>,
    /// Which input each record comes from; progress comes from none.
    inputs: Vec<usize>,
    /// What became of the inputs.
    pub(crate) tally: Tally,
}

impl Step {
    /// Processes a batch on up to `threads` threads.
    pub(crate) async fn of(
        pipeline: &Arc<Pipeline>,
        inputs: &Arc<Vec<StoredRecord>>,
        advance: &Advance,
        threads: NonZeroUsize,
        now: Timestamp,
    ) -> Self {
        let share = inputs.len().div_ceil(threads.get()).max(WORTH_A_THREAD);
        let starts = (0..inputs.len()).step_by(share);
        let tasks: Vec<_> = starts
            .map(|start| {
                let (pipeline, inputs) = (Arc::clone(pipeline), Arc::clone(inputs));
                tokio::task::spawn_blocking(move || {
                    let end = inputs.len().min(start + share);
                    let indices = (start..end).filter(|index| *inputs[*index].key != *log_header::KEY);
                    let mut tally = Tally::default();
                    let outcomes: Vec<_> = indices
                        .map(|index| (index, outcome(&pipeline, &inputs[index], now, &mut tally)))
                        .collect();
                    (outcomes, tally)
                })
            })
            .collect();
        let mut step = Self { records: Vec::new(), inputs: Vec::new(), tally: Tally::default() };
        for task in tasks {
            let (outcomes, tally) = task.await.expect("panics are caught record by record");
            step.tally += tally;
            for (index, records) in outcomes {
                step.inputs.extend(records.iter().map(|_| index));
                step.records.extend(records);
            }
        }
        step.records.extend(progress(advance));
        step
    }

    /// Gives the input of the record at `index` up, because the log does not take its result.
    /// Returns whether that changes anything.
    pub(crate) fn give_up(
        &mut self,
        index: usize,
        reason: &str,
        pipeline: &Pipeline,
        inputs: &[StoredRecord],
        now: Timestamp,
    ) -> bool {
        let Some(input) = self.inputs.get(index).map(|input| &inputs[*input]) else { return false };
        if self.records[index].topic != Topic::Processed {
            // Not even the dead letter fits; its key, reason and origin still tell what it was.
            let before = std::mem::take(&mut self.records[index].value);
            return !before.is_empty();
        }
        self.tally.failed += 1;
        let stands_in = index > 0 && self.inputs[index - 1] == self.inputs[index];
        let instead = if stands_in { Vec::new() } else { given_up(pipeline, input, reason, now) };
        let of_input = instead.iter().map(|_| self.inputs[index]).collect::<Vec<_>>();
        self.inputs.splice(index..=index, of_input);
        self.records.splice(index..=index, instead);
        true
    }
}

/// The records that an input gives.
fn outcome(pipeline: &Pipeline, input: &StoredRecord, now: Timestamp, tally: &mut Tally) -> Vec<Record> {
    match processed(pipeline, input) {
        Ok(processed) => {
            match is_in_order(&processed) {
                true => tally.changed += 1,
                false => tally.errors += 1,
            }
            vec![record_of(pipeline, &processed, input, now)]
        }
        Err(reason) => {
            tally.failed += 1;
            given_up(pipeline, input, &reason, now)
        }
    }
}

/// Whether a result is what the change asked for: neither errors nor a refusal.
fn is_in_order(processed: &Processed) -> bool {
    let is_refused = matches!(processed, Processed::Form(_, Form { state: FormState::Refused(_), .. }));
    !is_refused && !matches!(processed, Processed::Errors(..))
}

/// The dead letter of an input and, if it is known whose it is, what its claim shows instead.
fn given_up(pipeline: &Pipeline, input: &StoredRecord, reason: &str, now: Timestamp) -> Vec<Record> {
    let stand_in = stand_in(input, pipeline.fingerprint(), reason, now);
    let shown = stand_in.map(|processed| record_of(pipeline, &processed, input, now));
    std::iter::once(dead_letter(input, reason)).chain(shown).collect()
}

fn record_of(pipeline: &Pipeline, processed: &Processed, input: &StoredRecord, now: Timestamp) -> Record {
    let (key, value) = processed.encode();
    Record {
        topic: Topic::Processed,
        partition: input.partition,
        key: key.into(),
        value: value.into(),
        headers: headers_of(pipeline, processed, input, now),
    }
}

fn processed(pipeline: &Pipeline, input: &StoredRecord) -> Result<Processed, String> {
    let claim = ClaimKey::decode(&input.key).map_err(|error| error.to_string())?;
    let change = Change::decode(&input.value).map_err(|error| error.to_string())?;
    let result = pipeline.result_of(claim, Version(input.offset.0), change);
    result.map_err(|error| error.to_string())
}

fn headers_of(
    pipeline: &Pipeline,
    processed: &Processed,
    input: &StoredRecord,
    now: Timestamp,
) -> Vec<Header> {
    let subject = processed.claim().map_or("", |claim| claim.entity_ref.as_str());
    let mut headers = headers::cloud_event("processed", "processors", subject, now);
    headers.push((headers::FINGERPRINT, pipeline.fingerprint().to_owned()));
    headers.extend(input.header(headers::TRACEPARENT).map(|trace| (headers::TRACEPARENT, trace.to_owned())));
    headers
}

fn dead_letter(input: &StoredRecord, reason: &str) -> Record {
    let origin = format!("{}/{}/{}", input.topic, input.partition.0, input.offset.0);
    tracing::warn!(%origin, reason, "a change cannot be processed and goes to the dead letters");
    let original = serde_json::to_string(&input.headers).expect("texts always serialise");
    Record {
        topic: Topic::ChangesDeadLetters,
        partition: input.partition,
        key: input.key.clone(),
        value: input.value.clone(),
        headers: vec![
            (headers::DEAD_LETTER_REASON, reason.to_owned()),
            (headers::DEAD_LETTER_STAGE, "processors".to_owned()),
            (headers::DEAD_LETTER_ORIGIN, origin),
            (headers::DEAD_LETTER_HEADERS, original),
        ],
    }
}

/// How far processing has come, per partition, whatever became of the records.
fn progress(advance: &Advance) -> impl Iterator<Item = Record> {
    advance.positions.iter().map(|(partition, next)| {
        let (key, value) = Processed::Progress(Progress { next: next.0 }).encode();
        Record {
            topic: Topic::Processed,
            partition: *partition,
            key: key.into(),
            value: value.into(),
            headers: Vec::new(),
        }
    })
}
