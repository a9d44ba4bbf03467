//! What a confirmed absence means. Pure: the time is given.

use std::time::Duration;

use backstitch_schemas::{Problem, Timestamp};

use super::listings::no_files_found;

/// A document that is confirmed not to exist, although it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Absence {
    /// Since when that is known.
    pub(super) since: Timestamp,
    /// When what it held goes where its presence is required; `None` if there is nothing to wait for.
    pub(super) goes_at: Option<Timestamp>,
}

impl Absence {
    /// An absence as it is `now`, first confirmed at `known`, if it was before. `held` says whether
    /// anything stood in the document.
    pub(super) fn at(now: Timestamp, known: Option<Timestamp>, grace: Duration, held: bool) -> Self {
        let since = known.unwrap_or(now);
        let ends = Timestamp(since.0.saturating_add(i64::try_from(grace.as_millis()).unwrap_or(i64::MAX)));
        Self { since, goes_at: (held && ends > now).then_some(ends) }
    }

    /// What to show where the presence is required.
    pub(super) fn problem(&self, location: &str) -> Problem {
        let (path, message) = match location.strip_prefix("url:") {
            Some(url) => (url, no_files_found(url)),
            None => {
                let path = location.strip_prefix("file:").unwrap_or(location);
                (path, format!("file {path} does not exist"))
            }
        };
        let (message, what_happens) = match self.goes_at {
            Some(at) => (
                format!("{message} since {}", self.since),
                format!("; what stood in it stays until {at}, then it goes"),
            ),
            None => (message, String::new()),
        };
        let advice = format!(
            "there is no `{path}`; put it back, correct the target, or write `presence: optional`{what_happens}"
        );
        let problem = Problem::new("NotFoundError", message).with_advice(advice);
        Problem { location: Some(location.to_owned()), ..problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_held_goes_after_the_grace() {
        let grace = Duration::from_millis(100);
        let cases = [
            // Known since, held, now: since, goes at.
            (None, true, 50, 50, Some(150)),
            (Some(50), true, 149, 50, Some(150)),
            (Some(50), true, 150, 50, None),
            (Some(50), false, 60, 50, None),
            (None, false, 50, 50, None),
        ];
        for (known, held, now, since, goes_at) in cases {
            let seen = Absence::at(Timestamp(now), known.map(Timestamp), grace, held);
            let expected = Absence { since: Timestamp(since), goes_at: goes_at.map(Timestamp) };
            assert_eq!(seen, expected, "known since {known:?}, held: {held}, now {now}");
        }
        assert!(Absence::at(Timestamp(1), None, Duration::MAX, true).goes_at.is_some());
    }

    #[test]
    fn the_error_says_since_when_and_what_happens() {
        let absence = Absence { since: Timestamp(0), goes_at: Some(Timestamp(86_400_000)) };
        let problem = absence.problem("file:/a.yaml");
        assert_eq!(problem.message, "file /a.yaml does not exist since 1970-01-01T00:00:00Z");
        assert!(problem.advice.unwrap().ends_with("stays until 1970-01-02T00:00:00Z, then it goes"));
        let gone = Absence { goes_at: None, ..absence };
        assert_eq!(gone.problem("file:/a.yaml").message, "file /a.yaml does not exist");
    }
}
