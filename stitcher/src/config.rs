//! How the stitcher works; the comments are the manual.

use std::{num::NonZeroUsize, time::Duration};

/// How the stitcher takes batches and keeps its lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Records that one batch may have. Batches grow with lag up to here.
    pub max_batch: NonZeroUsize,
    /// Bytes of records at which a batch is full.
    pub max_batch_bytes: usize,
    /// How long a batch may be collected while more is waiting.
    pub max_collecting: Duration,
    /// How long a stitcher that went silent keeps the lead.
    pub lease: Duration,
    /// How long history is kept, in whole commits. The last body of each entity is always kept.
    pub history: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_batch: NonZeroUsize::new(20_000).expect("20,000 is not zero"),
            max_batch_bytes: 64 << 20,
            max_collecting: Duration::from_secs(1),
            lease: Duration::from_secs(10),
            history: Duration::from_secs(90 * 24 * 60 * 60),
        }
    }
}
