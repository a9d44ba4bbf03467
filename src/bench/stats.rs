//! Percentiles of a list of times.

use std::time::Duration;

/// Measured times.
#[derive(Clone, Debug, Default)]
pub(super) struct Timings(Vec<Duration>);

impl Timings {
    pub(super) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(super) fn p50_ms(&self) -> f64 {
        self.percentile_ms(50)
    }

    pub(super) fn p99_ms(&self) -> f64 {
        self.percentile_ms(99)
    }

    /// The time that `percent` in a hundred do not exceed.
    fn percentile_ms(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(rank).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_times() {
        let mut timings = Timings::default();
        for ms in (1..=100).rev() {
            timings.add(Duration::from_millis(ms));
        }
        assert!((timings.p50_ms() - 50.0).abs() < f64::EPSILON);
        assert!((timings.p99_ms() - 99.0).abs() < f64::EPSILON);
    }
}
