//! How reading one place goes: what was seen, what is noted about it, when to try again.

use std::{sync::Arc, time::Duration};

use backstitch_schemas::{
    Digest, Problem, Timestamp,
    source::{ListedBy, SourceState},
};
use tokio::task::AbortHandle;

use super::{
    Interval,
    fetch::{Again, Failure, Place},
    host_gate::ReadThrough,
    read::Seen,
};
use crate::{Presence, ReadTimes, Wake};

/// How long a file that vanished is given to come back, because some editors remove what they save.
pub(super) const GRACE: Duration = Duration::from_millis(100);
/// The longest back-off where nothing else is configured.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(150);

/// After so many failures in a row the back-off is at its longest where nothing else is configured.
const LAST_TOLD: u32 = 7;

/// How reading one place goes.
#[derive(Default)]
pub(super) struct Reading {
    /// What was seen when it was last read.
    pub(super) seen: Option<Arc<Seen>>,
    /// Whether anything would go if it were absent.
    pub(super) held: bool,
    /// Whether it was missing the last time, and is looked at once more.
    pub(super) doubted: bool,
    /// Since when it is confirmed to be absent.
    pub(super) absent_since: Option<Timestamp>,
    /// Whether it is looked at once more, because its host told of a change.
    pub(super) second_look: SecondLook,
    /// Whether it is read next even if its host says that it is unchanged.
    pub(super) forced: bool,
    /// The gate that it is read through, if it stands behind a URL.
    pub(super) through: Option<ReadThrough>,
    /// The read that is under way.
    pub(super) running: Option<Running>,
    /// What is wrong in what was last read.
    content_errors: Vec<Problem>,
    failures: u32,
    state: SourceState,
}

/// Whether a place is looked at once more after its host told of a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum SecondLook {
    /// It is not.
    #[default]
    No,
    /// As soon as it was read, that is planned.
    Owed,
    /// The next read is it.
    Planned,
}

/// A read that is under way.
pub(super) struct Running {
    pub(super) handle: AbortHandle,
    /// Tells its result from that of one that was replaced.
    pub(super) number: u64,
    pub(super) wake: Wake,
    /// Whether it has to be read again afterwards, and for whom.
    pub(super) again: Option<Wake>,
}

/// What is noted about an attempt.
pub(super) struct Noted<'a> {
    pub(super) outcome: &'a str,
    pub(super) errors: Vec<Problem>,
    pub(super) status: Option<u16>,
    pub(super) entities: Option<usize>,
    pub(super) listed_by: Vec<ListedBy>,
    pub(super) note: Option<String>,
}

impl Reading {
    /// Takes up where an earlier process left off.
    ///
    /// Its ETag is good only if nothing was wrong: what was wrong in a document is not kept.
    pub(super) fn resume(state: SourceState) -> Self {
        let sound = matches!(state.outcome.as_str(), "ok" | "unchanged") && state.errors.is_empty();
        let etag = state.etag.clone().filter(|_| sound);
        let digest = state.digest.as_deref().and_then(Digest::parse).unwrap_or_default();
        let seen = etag.map(|etag| Arc::new(Seen { etag: Some(etag), digest, ..Seen::default() }));
        Self { seen, absent_since: state.absent_since, state, ..Self::default() }
    }

    /// Notes a good read, and what is wrong in the content.
    pub(super) fn succeeded(&mut self, seen: Seen, errors: Option<Vec<Problem>>) {
        self.seen = Some(Arc::new(seen));
        self.failures = 0;
        self.doubted = false;
        self.forced = false;
        self.absent_since = None;
        if let Some(errors) = errors {
            self.content_errors = errors;
        }
    }

    /// Notes that a search was answered.
    pub(super) fn answered(&mut self) {
        self.failures = 0;
    }

    /// Whether it was read and stands for nothing else, so that it is the same while its content is.
    pub(super) fn is_self_contained(&self) -> bool {
        self.seen.as_ref().is_some_and(|seen| seen.etag.is_some() && seen.parts.is_empty())
    }

    /// Whether it is known how the last attempt went, now or in an earlier process.
    pub(super) fn has_outcome(&self) -> bool {
        !self.state.outcome.is_empty()
    }

    /// Whether the last attempt told what is there.
    pub(super) fn is_read(&self) -> bool {
        matches!(self.state.outcome.as_str(), "ok" | "unchanged")
    }

    /// Whether it was there at the last attempt, if that was at `since` or later.
    pub(super) fn presence(&self, since: Timestamp) -> Presence {
        if self.state.last_read_at < Some(since) {
            return Presence::Unknown;
        }
        match self.state.outcome.as_str() {
            "ok" | "unchanged" => Presence::There,
            "absent" => Presence::Absent,
            "failed" if self.state.http_status == Some(404) => Presence::OutOfSight,
            _ => Presence::Unknown,
        }
    }

    /// When it was read, and is read again at `next`.
    pub(super) fn times(&self, next: Option<Timestamp>) -> ReadTimes {
        ReadTimes {
            last_read: self.state.last_read_at,
            last_success: self.state.last_success_at,
            next_read: next,
        }
    }

    /// Whether the last attempt failed, and the one before did not.
    pub(super) fn has_failed_once(&self) -> bool {
        self.failures == 1
    }

    /// What is wrong in what was last read.
    pub(super) fn content_errors(&self) -> Vec<Problem> {
        self.content_errors.clone()
    }

    /// The wait until the next attempt after a failure, drawn with `chance` between 0 and 1, where
    /// good reads come at `interval`; `None` if there is none.
    pub(super) fn back_off(
        &mut self,
        failure: &Failure,
        place: &Place,
        interval: Option<Interval>,
        chance: f64,
    ) -> Option<Duration> {
        match failure.again {
            Again::Never => None,
            Again::Regularly => interval.map(|interval| interval.draw(chance)),
            Again::After { wait, asked } => {
                // Those that were not asked for may be many, and do not all come at once.
                let spread = interval.filter(|_| !asked).map(|interval| interval.max - interval.min);
                Some(wait + spread.unwrap_or_default().max(Duration::from_secs(1)).mul_f64(chance))
            }
            Again::BackOff => {
                self.failures += 1;
                let first = match place {
                    Place::File(_) => Duration::from_millis(50),
                    Place::Url(_) => Duration::from_secs(2),
                };
                let longest = interval.map_or(LONGEST_BACK_OFF, |interval| interval.max);
                let wait = first.saturating_mul(1 << (self.failures - 1).min(16)).min(longest);
                Some(wait.mul_f64(0.5 + chance / 2.0))
            }
        }
    }

    /// What to write about the attempt, if it tells anything that was not known.
    pub(super) fn note(
        &mut self,
        noted: Noted<'_>,
        now: Timestamp,
        next: Option<Timestamp>,
    ) -> Option<SourceState> {
        let noted_failure = noted.outcome == "failed" && self.failures > 0;
        let seen = self.seen.as_deref().filter(|_| noted.outcome == "ok");
        // Parts have no place in the record, so an earlier process could not tell that they changed.
        let etag = seen.map(|seen| seen.etag.clone().filter(|_| seen.parts.is_empty()));
        let digest = seen.map(|seen| seen.digest.to_string()).or_else(|| self.state.digest.clone());
        let is_as_before = noted.outcome == self.state.outcome && digest == self.state.digest;
        let state = SourceState {
            outcome: noted.outcome.to_owned(),
            errors: noted.errors,
            etag: etag.unwrap_or_else(|| self.state.etag.clone()),
            digest,
            http_status: noted
                .status
                .filter(|status| *status != 304)
                .map(i32::from)
                .or_else(|| self.state.http_status.filter(|_| noted.status.is_some())),
            last_read_at: Some(now),
            last_success_at: if noted.outcome == "ok" { Some(now) } else { self.state.last_success_at },
            next_read_at: next,
            entities: noted.entities.and_then(|count| i64::try_from(count).ok()).or(self.state.entities),
            since_at: self.state.since_at.filter(|_| is_as_before).or(Some(now)),
            absent_since: self.absent_since,
            listed_by: noted.listed_by,
            note: noted.note,
            ..SourceState::default()
        };
        // While the wait grows, it is worth knowing; once it does not, that would be noise.
        let backs_off = noted_failure && self.failures <= LAST_TOLD;
        let changed = backs_off || !same(&state, &self.state);
        self.state = state;
        changed.then(|| self.state.clone())
    }
}

/// Whether two states tell people the same; when they were written does not count.
fn same(one: &SourceState, other: &SourceState) -> bool {
    let timeless = |state: &SourceState| SourceState {
        last_read_at: None,
        last_success_at: None,
        next_read_at: None,
        ..state.clone()
    };
    timeless(one) == timeless(other)
}
