//! The first record of every internal topic: which log this is, and how it is partitioned.
//!
//! The stitcher compares it with what it stored, so that a log that was replaced or repartitioned
//! behind its back is noticed before anything is derived from it.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{DecodeError, codec::Codec};

static CODEC: LazyLock<Codec> =
    LazyLock::new(|| Codec::new(&[(5, include_str!("../avro/log_header.v1.avsc"))]));

/// The key of the header, in partition 0 of every internal topic.
pub const KEY: &[u8] = br#"["log"]"#;

/// Which log this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogHeader {
    /// Minted when the log was created.
    pub log_id: Uuid,
    /// Partitions of the topics that are keyed by entity.
    pub partitions: i32,
}

impl LogHeader {
    /// The record's value.
    pub fn encode(&self) -> Vec<u8> {
        CODEC.encode(self)
    }

    /// Reads a record's value.
    ///
    /// # Errors
    /// If the bytes are no header of any version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        CODEC.decode(bytes)
    }
}
