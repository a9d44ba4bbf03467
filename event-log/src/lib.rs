//! The log between the stages.
//!
//! [`EventLog`] has two implementations, Kafka and an embedded one; one behavioural suite runs
//! against both, so a stage never needs to know which it has.
//!
//! What every implementation promises:
//! - Records of one partition are read in the order of their offsets, and offsets only grow.
//! - [`Producer::append`] is one atomic step: all records and all advanced positions, or nothing.
//!   What it acknowledged survives a crash of any process or machine that the deployment covers.
//! - Readers see committed steps only.
//! - On compacted topics at least the latest record of each key is kept for ever.
//! - A writer name belongs to one producer at a time: taking it fences the predecessor, and a step
//!   whose input was taken under an earlier assignment of its group is fenced as well.

pub mod embedded;
pub mod kafka;
pub mod trace;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use backstitch_schemas::{Timestamp, Topic, headers::Header};
use bytes::Bytes;
use uuid::Uuid;

/// A partition of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub u32);

/// The place of a record in its partition. As a position: the offset that is read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub i64);

/// A position per partition.
pub type Positions = Vec<(Partition, Offset)>;

/// Which log this is, as its header record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogIdentity {
    /// Minted when the log was created.
    pub id: Uuid,
    /// Partitions of the topics that are keyed by entity.
    pub partitions: u32,
}

/// A record to append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where to.
    pub topic: Topic,
    /// Which partition; see `backstitch_schemas::topic::partition_of_entity`.
    pub partition: Partition,
    /// The key that compaction goes by.
    pub key: Bytes,
    /// The value; a record without one is not used by any topic of ours.
    pub value: Bytes,
    /// Headers, in order.
    pub headers: Vec<Header>,
}

/// A record as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its topic.
    pub topic: Topic,
    /// Its partition.
    pub partition: Partition,
    /// Its place there.
    pub offset: Offset,
    /// When it was appended.
    pub timestamp: Timestamp,
    /// Its key.
    pub key: Bytes,
    /// Its value.
    pub value: Bytes,
    /// Its headers, in order.
    pub headers: Vec<(String, String)>,
}

impl StoredRecord {
    /// The value of the first header with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// When a batch is full.
#[derive(Clone, Copy, Debug)]
pub struct BatchLimits {
    /// At most this many records.
    pub records: usize,
    /// At most this many bytes of keys and values, but at least one record.
    pub bytes: usize,
    /// How long to go on collecting once there is a first record. Zero: whatever is there.
    pub linger: Duration,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { records: 2_000, bytes: 16 << 20, linger: Duration::ZERO }
    }
}

/// Records taken from a group's partitions, and the right to advance past them.
#[derive(Clone, Debug)]
pub struct Batch {
    /// In order within each partition.
    pub records: Vec<StoredRecord>,
    /// What to hand to [`Producer::append`] with the results.
    pub advance: Advance,
}

/// The right to move a group's positions: it names the membership under which the records were
/// taken, so that a step that comes after a rebalance is fenced.
#[derive(Clone)]
pub struct Advance {
    /// The group.
    pub group: Arc<str>,
    /// Its topic.
    pub topic: Topic,
    /// The offset that is read next, per partition that had records in the batch.
    pub positions: Positions,
    /// What the implementation needs to recognise the membership.
    pub membership: Arc<dyn std::any::Any + Send + Sync>,
}

impl fmt::Debug for Advance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Advance").field("group", &self.group).field("positions", &self.positions).finish()
    }
}

/// What a member of a group is told.
#[derive(Debug)]
pub enum Delivery {
    /// These partitions are now ours; reading starts at their committed positions.
    Assigned(Vec<Partition>),
    /// These are no longer ours; whatever was taken from them and not appended is somebody else's.
    Revoked(Vec<Partition>),
    /// Records of our partitions.
    Batch(Batch),
}

/// Why the log did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// It is away; the same call may succeed later.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    /// A position lies outside what the log still has; waiting cannot help.
    #[error("{topic} partition {partition:?} has no offset {offset:?} any more", partition = partition.0, offset = offset.0)]
    OutOfRange {
        /// The topic.
        topic: Topic,
        /// The partition.
        partition: Partition,
        /// The position asked for.
        offset: Offset,
    },
    /// It is not the log it should be, or is damaged; a person must look.
    #[error("{0}")]
    Unusable(String),
}

/// Why a step was not appended, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another writer has the name, or the group's partitions moved: the work is somebody else's.
    /// Drop the producer.
    #[error("another writer took over")]
    Fenced,
    /// The log is away, or its answer got lost. Make the producer anew, which settles what was in
    /// flight, and read positions again before doing anything twice.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    /// A record that the log will never take, such as one that is too large.
    #[error("record {index} cannot be appended: {reason}")]
    Rejected {
        /// Which record of the step.
        index: usize,
        /// Why.
        reason: String,
    },
}

/// The log. Cheap to share; all stages of a process use one.
#[async_trait]
pub trait EventLog: Send + Sync + fmt::Debug + 'static {
    /// Which log this is.
    fn identity(&self) -> LogIdentity;

    /// How many partitions a topic has.
    fn partitions(&self, topic: Topic) -> u32;

    /// A producer under `writer`'s name. Fences the name's predecessor and settles its last step.
    async fn producer(&self, writer: &str) -> Result<Box<dyn Producer>, LogError>;

    /// Joins a consumer group on one topic. A group without positions starts at the beginning.
    async fn join(&self, group: &str, topic: Topic) -> Result<Box<dyn Consumer>, LogError>;

    /// Reads a topic outside any group. Partitions that `from` does not name start at the beginning.
    async fn read(&self, topic: Topic, from: &[(Partition, Offset)]) -> Result<Box<dyn Reader>, LogError>;

    /// Where each partition of a topic ends: the offset after its last committed record. Where there
    /// is none, its beginning.
    async fn end(&self, topic: Topic) -> Result<Positions, LogError>;

    /// The committed positions of a group; partitions without one are left out.
    async fn committed(&self, group: &str, topic: Topic) -> Result<Positions, LogError>;
}

/// Appends to the log under one writer's name.
#[async_trait]
pub trait Producer: Send {
    /// Appends `records` in order and advances a group's positions, all or nothing. Returns the
    /// offset of each record. An empty list with an advance only moves the positions.
    async fn append(
        &mut self,
        records: &[Record],
        advance: Option<&Advance>,
    ) -> Result<Vec<Offset>, AppendError>;
}

/// A member of a consumer group on one topic.
#[async_trait]
pub trait Consumer: Send {
    /// Waits for the next delivery. Safe to cancel: nothing is lost. Must be called regularly, also
    /// while earlier batches are in work, or the group takes the partitions away.
    async fn next(&mut self, limits: &BatchLimits) -> Result<Delivery, LogError>;

    /// Goes back to the committed positions of the assigned partitions.
    async fn rewind(&mut self) -> Result<(), LogError>;
}

/// Reads a topic outside any group.
#[async_trait]
pub trait Reader: Send {
    /// Waits for records, at least one. Safe to cancel: nothing is lost.
    async fn next(&mut self, limits: &BatchLimits) -> Result<Vec<StoredRecord>, LogError>;

    /// Like [`Reader::next`], but returns an empty list once all that was committed when the call
    /// began has been delivered.
    async fn next_until_end(&mut self, limits: &BatchLimits) -> Result<Vec<StoredRecord>, LogError>;

    /// Where reading goes on, for every partition: after the last record that was delivered, or where
    /// it began. At the end of the log that is what [`EventLog::end`] says.
    fn positions(&self) -> Positions;
}
