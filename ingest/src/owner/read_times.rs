//! When a provider was last heard, and when it reads again.

use backstitch_schemas::{Timestamp, source::SourceState};
use serde::{Deserialize, Serialize};

use crate::Finding;

/// When a provider was last heard or a place was read, and when that comes again. They change with every
/// look at what is unchanged, so they go into the log only with the summary of a provider, and when something
/// about a place is new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadTimes {
    /// The last attempt to read, or the last push.
    pub last_read: Option<Timestamp>,
    /// The last one that found what is read.
    pub last_success: Option<Timestamp>,
    /// The next attempt; `None` while one is under way, and for what is read once.
    pub next_read: Option<Timestamp>,
}

impl ReadTimes {
    /// As they stand in the log.
    pub(super) fn of(state: &SourceState) -> Self {
        Self {
            last_read: state.last_read_at,
            last_success: state.last_success_at,
            next_read: state.next_read_at,
        }
    }

    /// Notes that a mutation came.
    pub(super) fn told(&mut self, now: Timestamp) {
        (self.last_read, self.last_success) = (Some(now), Some(now));
    }

    /// Notes that places were read.
    pub(super) fn read(&mut self, findings: &[Finding], now: Timestamp) {
        if findings.is_empty() {
            return;
        }
        self.last_read = Some(now);
        let found = |finding: &Finding| match finding {
            // What is missing although it has to be there was not found.
            Finding::Failed { .. } | Finding::Absent { error: Some(_), .. } => false,
            _ => true,
        };
        if findings.iter().any(found) {
            self.last_success = Some(now);
        }
    }

    /// Puts them into what goes to the log.
    pub(super) fn write_to(self, state: &mut SourceState) {
        state.last_read_at = self.last_read;
        state.last_success_at = self.last_success;
        state.next_read_at = self.next_read;
    }
}
