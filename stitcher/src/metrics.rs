//! What the stitcher tells about its work. Every name stands in `docs/METRICS.md`.
//!
//! Once for each batch and commit, never for each record.

use std::time::Duration;

use opentelemetry::{
    KeyValue, global,
    metrics::{Counter, Histogram},
};

use crate::stitch::Delta;

/// Seconds of a commit or a batch: one changed entity takes milliseconds, a full batch seconds.
const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Entities of a commit.
const ENTITIES: [f64; 9] = [0.0, 1.0, 2.0, 10.0, 50.0, 250.0, 1_000.0, 5_000.0, 20_000.0];

/// The instruments of one worker.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    stitched: Counter<u64>,
    stitching: Histogram<f64>,
    commit: Histogram<f64>,
    commit_entities: Histogram<u64>,
    dead_letters: Counter<u64>,
}

impl Metrics {
    /// Instruments of the process, which collects by now or never does.
    pub(crate) fn new() -> Self {
        let meter = global::meter("backstitch.stitcher");
        let seconds =
            |name: &'static str| meter.f64_histogram(name).with_unit("s").with_boundaries(SECONDS.to_vec());
        Self {
            stitched: meter
                .u64_counter("catalog.stitched.entities.count")
                .with_description("Refs that were stitched, by what came of it")
                .build(),
            stitching: seconds("catalog.stitching.duration")
                .with_description("From a batch being read to its commit being applied")
                .build(),
            commit: seconds("catalog.commit.duration")
                .with_description("Of the transaction, waiting for the read model included")
                .build(),
            commit_entities: meter
                .u64_histogram("catalog.commit.entities")
                .with_description("Entities that a commit makes, changes or removes")
                .with_boundaries(ENTITIES.to_vec())
                .build(),
            dead_letters: meter
                .u64_counter("catalog.dead_letters.count")
                .with_description("Records of which nothing could be made, by stage")
                .build(),
        }
    }

    /// A commit was made of what was stitched.
    pub(crate) fn committed(&self, delta: &Tally, took: Duration) {
        self.stitched.add(delta.changed, &[KeyValue::new("result", "changed")]);
        self.stitched.add(delta.looked_at - delta.changed, &[KeyValue::new("result", "unchanged")]);
        self.commit_entities.record(delta.changed, &[]);
        self.commit.record(took.as_secs_f64(), &[]);
    }

    /// A batch is committed and applied.
    pub(crate) fn stitched(&self, took: Duration) {
        self.stitching.record(took.as_secs_f64(), &[]);
    }

    /// Records went to the dead letters.
    pub(crate) fn gave_up(&self, records: usize) {
        self.stitched.add(records as u64, &[KeyValue::new("result", "error")]);
        self.dead_letters.add(records as u64, &[KeyValue::new("stage", "stitcher")]);
    }
}

/// What came of the refs of a commit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    looked_at: u64,
    changed: u64,
}

impl Tally {
    /// Of a commit that is still to be made.
    pub(crate) fn of(delta: &Delta) -> Self {
        // Each change of an entity is a revision.
        Self { looked_at: delta.looked_at as u64, changed: delta.commit.history.len() as u64 }
    }
}
