//! What processing tells about its work. Every name stands in `docs/METRICS.md`.
//!
//! Once for each batch, never for each change.

use std::time::Duration;

use opentelemetry::{
    KeyValue, global,
    metrics::{Counter, Histogram},
};

/// Seconds of a batch: one change takes milliseconds, a full batch up to seconds.
const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// How many changes of a batch had which result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// A new form, or a withdrawal.
    pub(crate) changed: u64,
    /// Errors, or a refusal: the last good form stays, or nothing is shown.
    pub(crate) errors: u64,
    /// Nothing could be made of it; it is in the dead letters.
    pub(crate) failed: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.changed += other.changed;
        self.errors += other.errors;
        self.failed += other.failed;
    }
}

/// The instruments of one worker.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    processed: Counter<u64>,
    processing: Histogram<f64>,
    dead_letters: Counter<u64>,
}

impl Metrics {
    /// Instruments of the process, which collects by now or never does.
    pub(crate) fn new() -> Self {
        let meter = global::meter("backstitch.processors");
        Self {
            processed: meter
                .u64_counter("catalog.processed.entities.count")
                .with_description("Changes that were processed, by result")
                .build(),
            processing: meter
                .f64_histogram("catalog.processing.duration")
                .with_unit("s")
                .with_boundaries(SECONDS.to_vec())
                .with_description("From a batch being read to its results being in the log")
                .build(),
            dead_letters: meter
                .u64_counter("catalog.dead_letters.count")
                .with_description("Records of which nothing could be made, by stage")
                .build(),
        }
    }

    /// The results of a batch are in the log.
    pub(crate) fn appended(&self, tally: Tally, took: Duration) {
        for (result, count) in
            [("changed", tally.changed), ("errors", tally.errors), ("failed", tally.failed)]
        {
            self.processed.add(count, &[KeyValue::new("result", result)]);
        }
        if tally.failed > 0 {
            self.dead_letters.add(tally.failed, &[KeyValue::new("stage", "processors")]);
        }
        self.processing.record(took.as_secs_f64(), &[]);
    }
}
