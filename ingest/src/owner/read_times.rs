//! When a provider was last heard, and when it reads again.

use backstitch_schemas::{Timestamp, source::SourceState};

use crate::Finding;

/// When a provider was last heard, and when it reads again. They change with every look at an
/// unchanged file, so they go into the log only with the summary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadTimes {
    /// The last attempt to read, or the last push.
    pub last_read: Option<Timestamp>,
    /// The last one that told what is there.
    pub last_success: Option<Timestamp>,
    /// When something of it is read again.
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
        if findings.iter().any(|finding| !matches!(finding, Finding::Failed { .. })) {
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
