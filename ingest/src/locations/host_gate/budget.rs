//! How the budget of a host is shared out. Pure: the time is given.

use std::time::Duration;

use backstitch_schemas::Timestamp;

use super::rate_limit::RateLimit;
use crate::{Wake, locations::Interval};

/// One part in so many of a budget is kept for what people and hosts ask for.
const RESERVE: u64 = 10;

/// What is left of a host's budget for one more request: `Err` is when the next window begins.
pub(super) fn admits(known: RateLimit, under_way: u64, wake: Wake, now: Timestamp) -> Result<(), Timestamp> {
    let reserve = if wake == Wake::Polling { reserve(known.limit) } else { 0 };
    let left = known.remaining.saturating_sub(under_way);
    if left > reserve || known.reset <= now { Ok(()) } else { Err(known.reset) }
}

/// What polling leaves to others.
fn reserve(limit: u64) -> u64 {
    limit.div_ceil(RESERVE)
}

/// What reading everything behind one host once costs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Demand {
    /// Documents that are followed.
    pub(super) documents: usize,
    requests: u64,
    reads: u64,
}

impl Demand {
    /// Beyond so many reads, older ones count less.
    const REMEMBERED: u64 = 1000;

    /// Counts a request.
    pub(super) fn requested(&mut self) {
        self.requests += 1;
    }

    /// Counts a document that was read, with however many requests.
    pub(super) fn read(&mut self) {
        self.reads += 1;
        if self.reads >= Self::REMEMBERED {
            (self.reads, self.requests) = (self.reads / 2, self.requests / 2);
        }
    }

    /// The requests of one pass over all documents, judged by what was needed so far; one for each
    /// document as long as nothing is known.
    #[expect(clippy::cast_precision_loss, reason = "an estimate needs no more than 52 bits")]
    pub(super) fn requests_per_pass(&self) -> f64 {
        let per_document = if self.reads == 0 { 1.0 } else { self.requests as f64 / self.reads as f64 };
        self.documents as f64 * per_document
    }
}

/// The time between two reads of the same document at which `requests` a pass fit into what polling
/// may use of a budget of `limit` requests a `window`: the configured one, or longer.
#[expect(clippy::cast_precision_loss, reason = "an estimate needs no more than 52 bits")]
pub(super) fn stretched(configured: Interval, requests: f64, limit: u64, window: Duration) -> Interval {
    let polls = limit.saturating_sub(reserve(limit)).max(1);
    // A pass of a million years is as good as none, and no overflow.
    let windows = (requests / polls as f64).min(1e9);
    let pass = window.mul_f64(windows);
    if pass <= configured.min {
        return configured;
    }
    let spread = configured.max.as_secs_f64() / configured.min.as_secs_f64().max(1e-3);
    Interval { min: pass, max: pass.mul_f64(spread.clamp(1.0, 10.0)) }
}

/// How long a host's windows are, judged by how long the present one still lasts: hosts count by the
/// minute, the hour or the day, and do not say which.
pub(super) fn window(left: Duration) -> Duration {
    let minute = Duration::from_secs(60);
    let known = [minute, 60 * minute, 24 * 60 * minute];
    known.into_iter().find(|window| left <= *window).unwrap_or(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polling_leaves_a_tenth_and_people_may_use_it() {
        let now = Timestamp(1_000);
        let known = |remaining| RateLimit { limit: 60, remaining, reset: Timestamp(9_000) };
        let cases = [
            (7, 0, Wake::Polling, true),
            (7, 1, Wake::Polling, false),
            (6, 0, Wake::Polling, false),
            (6, 0, Wake::Watched, true),
            (1, 0, Wake::Person, true),
            (1, 1, Wake::Person, false),
            (0, 0, Wake::Person, false),
        ];
        for (remaining, under_way, wake, expected) in cases {
            let admitted = admits(known(remaining), under_way, wake, now);
            let expected = if expected { Ok(()) } else { Err(Timestamp(9_000)) };
            assert_eq!(admitted, expected, "{remaining} left, {under_way} under way, {wake:?}");
        }
        assert!(admits(known(0), 0, Wake::Polling, Timestamp(9_000)).is_ok(), "a new window");
    }

    #[test]
    fn the_interval_stretches_until_a_pass_fits_the_budget() {
        let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3600));
        let configured = Interval { min: 100 * second, max: 150 * second };
        let cases = [
            // Requests a pass, limit, window, expected.
            (0.0, 5000, hour, configured),
            (100.0, 5000, hour, configured),
            (125.0, 5000, hour, configured),
            (4500.0, 5000, hour, Interval { min: hour, max: hour + hour / 2 }),
            (45.0, 60, hour, Interval { min: hour * 5 / 6, max: hour * 5 / 4 }),
            (5400.0, 600, 60 * second, Interval { min: 600 * second, max: 900 * second }),
            (1.0, 0, hour, Interval { min: hour, max: hour + hour / 2 }),
        ];
        for (requests, limit, window, expected) in cases {
            let seen = stretched(configured, requests, limit, window);
            assert_eq!(seen, expected, "{requests} requests, {limit} a {window:?}");
        }
        assert!(stretched(configured, f64::MAX, 1, hour).min > 1000 * hour);
    }

    #[test]
    fn a_pass_costs_what_reading_needed_so_far() {
        let mut demand = Demand { documents: 300, ..Demand::default() };
        assert!((demand.requests_per_pass() - 300.0).abs() < 1e-9);
        for _ in 0..3000 {
            demand.requested();
            demand.requested();
            demand.read();
        }
        assert!((demand.requests_per_pass() - 600.0).abs() < 2.0);
    }

    #[test]
    fn windows_are_minutes_hours_and_days() {
        let seconds = Duration::from_secs;
        assert_eq!(window(seconds(0)), seconds(60));
        assert_eq!(window(seconds(60)), seconds(60));
        assert_eq!(window(seconds(61)), seconds(3600));
        assert_eq!(window(seconds(3601)), seconds(86_400));
    }
}
