//! The topics of the log: names, policies and partitions.

use std::fmt;

use crate::EntityRef;

/// Partitions of the topics that are keyed by entity, unless configured otherwise (embedded: 1).
pub const DEFAULT_PARTITIONS: u32 = 12;

/// The largest record a topic takes, in bytes. What ingest accepts is far smaller.
pub const MAX_RECORD_BYTES: usize = 16 * 1024 * 1024;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A topic of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// What providers claim: made or changed, released, withdrawn.
    Changes,
    /// What processing made of each claim.
    Processed,
    /// How reading goes, per provider and location.
    Sources,
    /// What people ask of providers. Transport only.
    Commands,
    /// Public: final entities.
    Entities,
    /// Public: relations.
    Relations,
    /// Public: every change of the final state.
    EntityEvents,
    /// Records of `catalog.changes` that no processor could take.
    ChangesDeadLetters,
    /// Records of `catalog.processed` that the stitcher could not take.
    ProcessedDeadLetters,
    /// Records of `catalog.commands` that ingest could not take.
    CommandsDeadLetters,
}

/// How a topic forgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleanup {
    /// Only the latest record of each key is kept, for ever.
    Compact,
    /// Every record is kept for this many milliseconds.
    DeleteAfterMs(i64),
}

/// How many partitions a topic has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partitioning {
    /// By entity ref, with the count that the log was created with.
    ByEntity,
    /// By provider name, with that same count.
    ByProvider,
    /// One partition, one total order.
    Single,
}

impl Topic {
    /// All topics.
    pub const ALL: [Self; 10] = [
        Self::Changes,
        Self::Processed,
        Self::Sources,
        Self::Commands,
        Self::Entities,
        Self::Relations,
        Self::EntityEvents,
        Self::ChangesDeadLetters,
        Self::ProcessedDeadLetters,
        Self::CommandsDeadLetters,
    ];

    /// The topics the pipeline itself runs on; all must exist before a stage starts.
    pub const INTERNAL: [Self; 7] = [
        Self::Changes,
        Self::Processed,
        Self::Sources,
        Self::Commands,
        Self::ChangesDeadLetters,
        Self::ProcessedDeadLetters,
        Self::CommandsDeadLetters,
    ];

    /// The name without the configurable prefix.
    pub fn base_name(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::Processed => "processed",
            Self::Sources => "sources",
            Self::Commands => "commands",
            Self::Entities => "entities",
            Self::Relations => "relations",
            Self::EntityEvents => "entity-events",
            Self::ChangesDeadLetters => "changes.dead-letters",
            Self::ProcessedDeadLetters => "processed.dead-letters",
            Self::CommandsDeadLetters => "commands.dead-letters",
        }
    }

    /// The full name: `catalog.changes` under the default prefix `catalog.`.
    pub fn name(self, prefix: &str) -> String {
        format!("{prefix}{}", self.base_name())
    }

    /// How the topic forgets.
    pub fn cleanup(self) -> Cleanup {
        match self {
            Self::Changes | Self::Processed | Self::Sources | Self::Entities | Self::Relations => {
                Cleanup::Compact
            }
            Self::Commands => Cleanup::DeleteAfterMs(7 * DAY_MS),
            Self::EntityEvents => Cleanup::DeleteAfterMs(90 * DAY_MS),
            Self::ChangesDeadLetters | Self::ProcessedDeadLetters | Self::CommandsDeadLetters => {
                Cleanup::DeleteAfterMs(30 * DAY_MS)
            }
        }
    }

    /// How its records are spread.
    pub fn partitioning(self) -> Partitioning {
        match self {
            Self::Sources => Partitioning::Single,
            Self::Commands | Self::CommandsDeadLetters => Partitioning::ByProvider,
            _ => Partitioning::ByEntity,
        }
    }

    /// Where records that this topic's consumer cannot take are put.
    pub fn dead_letters(self) -> Option<Self> {
        match self {
            Self::Changes => Some(Self::ChangesDeadLetters),
            Self::Processed => Some(Self::ProcessedDeadLetters),
            Self::Commands => Some(Self::CommandsDeadLetters),
            _ => None,
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "catalog.{}", self.base_name())
    }
}

/// The partition of everything about an entity, among `count`.
pub fn partition_of_entity(entity_ref: &EntityRef, count: u32) -> u32 {
    partition_of(entity_ref.as_str(), count)
}

/// The partition of a text key, as Kafka's own clients compute it: murmur2, sign bit cleared.
pub fn partition_of(key: &str, count: u32) -> u32 {
    (murmur2(key.as_bytes()) & 0x7fff_ffff) % count
}

/// Murmur2 with the seed of Kafka's Java client.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    for (index, byte) in rest.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * index);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur2_agrees_with_kafkas_java_client() {
        // Vectors of Kafka's own UtilsTest.
        for (text, hash) in [
            ("21", -973_932_308_i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ] {
            assert_eq!(murmur2(text.as_bytes()).cast_signed(), hash, "{text}");
        }
    }
}
