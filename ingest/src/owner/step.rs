//! One atomic step after the other, through outages of the log.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use backstitch_event_log::{Advance, AppendError, LogError, Record};
use backstitch_schemas::{
    Change, ClaimKey, Topic,
    headers::ChangeHeaders,
    source::{SourceKey, SourceState},
};

use super::{Owner, missing_name};
use crate::{record, tail::locked};

/// The most records in one step.
pub(super) const STEP_RECORDS: usize = 2_000;

/// The most bytes of keys and values in one step, unless one record alone has more.
const STEP_BYTES: usize = 8 << 20;

const FIRST_BACK_OFF: Duration = Duration::from_millis(100);
const LAST_BACK_OFF: Duration = Duration::from_secs(10);

/// Why an owner ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    /// Another process owns the provider.
    #[error("another process took over")]
    Fenced,
    /// The log cannot be used; a person must look.
    #[error("the log cannot be used: {0}")]
    Unusable(String),
}

/// Records that the log refused, by key, and why.
pub(super) type Refused = Vec<(ClaimKey, String)>;

impl Owner {
    /// Appends changes in as many steps as it takes, `states` with the last. Changes that the log
    /// refuses are left out and returned.
    pub(super) async fn append(
        &mut self,
        changes: Vec<(ClaimKey, Change)>,
        states: Vec<(String, SourceState)>,
        advance: Option<&Advance>,
    ) -> Result<Refused, Stop> {
        let mut refused = Vec::new();
        let trace = self.trace.clone().unwrap_or_else(record::new_trace);
        let partitions = self.shared.log.identity().partitions;
        let mut step = Step::default();
        for (key, change) in changes {
            let record = record::of_change(&key, &change, partitions, &trace);
            if step.is_full_with(&record) {
                refused.extend(self.commit(std::mem::take(&mut step), None).await?);
            }
            step.add(key, change, record);
        }
        let now = self.now();
        for (place, state) in states {
            let key = SourceKey::Location(self.provider.clone(), place);
            step.sources.push(record::of_source(&key, &state, now));
        }
        refused.extend(self.commit(step, advance).await?);
        Ok(refused)
    }

    /// Writes the provider's state if something other than its numbers changed, or `numbers` too.
    pub(super) async fn write_state(&mut self, numbers: bool) -> Result<(), Stop> {
        if numbers && self.written.is_some() {
            self.state.entities = i64::try_from(locked(&self.claims).len()).ok();
            self.times.write_to(&mut self.state);
        }
        self.commit(Step::default(), None).await.map(drop)
    }

    /// One step: the changes, the provider's state if it changed, and the position of a command.
    async fn commit(&mut self, mut step: Step, advance: Option<&Advance>) -> Result<Refused, Stop> {
        let mut refused = Vec::new();
        self.state.held = self.hold.state();
        let state = (self.written.as_ref() != Some(&self.state)).then(|| self.state.clone());
        let key = SourceKey::Provider(self.provider.clone());
        step.sources.extend(state.as_ref().map(|state| record::of_source(&key, state, self.now())));
        let missing = self.hold.note();
        if missing != self.written_missing {
            let key = SourceKey::Ours(missing_name(&self.provider));
            let state =
                SourceState { outcome: "ok".to_owned(), note: missing.clone(), ..SourceState::default() };
            step.sources.push(record::of_source(&key, &state, self.now()));
        }
        step.records.append(&mut step.sources);
        while !step.is_empty() || advance.is_some() {
            match self.commit_once(&step, advance).await? {
                None => break,
                Some((index, reason)) if index < step.changes.len() => {
                    let (key, _) = step.changes.remove(index);
                    step.records.remove(index);
                    tracing::warn!(provider = %self.provider, entity_ref = %key.entity_ref, reason, "change refused by the log");
                    refused.push((key, reason));
                }
                Some((_, reason)) => return Err(Stop::Unusable(reason)),
            }
        }
        self.written = state.or(self.written.take());
        self.written_missing = missing;
        Ok(refused)
    }

    /// Returns which record is refused, if one is.
    async fn commit_once(
        &mut self,
        step: &Step,
        advance: Option<&Advance>,
    ) -> Result<Option<(usize, String)>, Stop> {
        let before = locked(&self.claims).position();
        let mut back_off = FIRST_BACK_OFF;
        loop {
            let cause = match self.writer.append(&step.records, advance).await {
                Ok(offsets) => {
                    self.shared.log_away.store(false, Ordering::Relaxed);
                    self.acknowledge(step, &offsets);
                    return Ok(None);
                }
                Err(AppendError::Rejected { index, reason }) => return Ok(Some((index, reason))),
                Err(AppendError::Fenced) => return Err(Stop::Fenced),
                Err(AppendError::Unavailable(cause)) => cause,
            };
            self.shared.log_away.store(true, Ordering::Relaxed);
            tracing::warn!(provider = %self.provider, cause, "the log is away, waiting to append again");
            tokio::time::sleep(back_off).await;
            back_off = (back_off * 2).min(LAST_BACK_OFF);
            if self.settled(step, &before, advance).await? {
                self.shared.log_away.store(false, Ordering::Relaxed);
                return Ok(None);
            }
        }
    }

    /// Makes the producer anew, which settles the step that was in flight, and reads whether it is
    /// in the log. Steps are atomic and nobody else writes this provider's claims, so any record of
    /// it that is new is of that step.
    async fn settled(
        &mut self,
        step: &Step,
        before: &[(u32, i64)],
        advance: Option<&Advance>,
    ) -> Result<bool, Stop> {
        let looked = async {
            self.writer.take().await?;
            self.shared.tail.caught_up().await?;
            let Some(advance) = advance else { return Ok(false) };
            let committed = self.shared.log.committed(&advance.group, Topic::Commands).await?;
            let passed = |(partition, wanted)| {
                committed.iter().any(|(known, offset)| known == partition && offset >= wanted)
            };
            Ok(advance.positions.iter().map(|(partition, offset)| (partition, offset)).all(passed))
        };
        match looked.await {
            Ok(passed) => {
                let appended = !step.changes.is_empty() && locked(&self.claims).position() != before;
                Ok(passed || appended)
            }
            Err(LogError::Unavailable(_)) => Ok(false),
            Err(cause) => Err(Stop::Unusable(cause.to_string())),
        }
    }

    fn acknowledge(&self, step: &Step, offsets: &[backstitch_event_log::Offset]) {
        let mut claims = locked(&self.claims);
        for (((key, change), record), offset) in step.changes.iter().zip(&step.records).zip(offsets) {
            let content = change.content.as_ref().filter(|_| key.entity_ref.is_location());
            let content = content.cloned().map(Arc::new);
            claims.apply(key, &ChangeHeaders::of(change), (record.partition.0, offset.0), content);
        }
    }
}

/// What goes into the log at once.
#[derive(Default)]
struct Step {
    changes: Vec<(ClaimKey, Change)>,
    /// The records of `changes`, in the same order; then those of `catalog.sources`.
    records: Vec<Record>,
    /// Records of `catalog.sources` that are still to be put behind the others.
    sources: Vec<Record>,
    bytes: usize,
}

impl Step {
    fn is_full_with(&self, record: &Record) -> bool {
        let bytes = self.bytes + record.key.len() + record.value.len();
        self.records.len() >= STEP_RECORDS || (bytes > STEP_BYTES && !self.records.is_empty())
    }

    fn add(&mut self, key: ClaimKey, change: Change, record: Record) {
        self.bytes += record.key.len() + record.value.len();
        self.changes.push((key, change));
        self.records.push(record);
    }

    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.sources.is_empty()
    }
}
