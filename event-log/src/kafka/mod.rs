//! The log on Kafka.
//!
//! - A step is a transaction: its records, and its input positions with the group membership under
//!   which the input was taken, so that the broker itself refuses what comes after a rebalance.
//! - Readers use `read_committed` and read up to the last stable offset; [`EventLog::end`] names the
//!   last record before it.
//! - Groups use the *eager* protocol with range assignment: at a rebalance every member gives
//!   everything up and gets a new assignment under a new generation. So one generation belongs to
//!   one assignment, and the membership noted with it holds for every batch taken under it. (The
//!   cooperative protocol would keep partitions across generations, and batches taken under the
//!   old one would be refused although nobody else has the partition.)

mod client;
mod closing;
mod config;
mod consumer;
mod failure;
mod header;
mod inbox;
mod last_record;
mod offsets;
mod producer;
mod reader;
mod rebalance;
mod records;
mod topics;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use backstitch_schemas::{Topic, topic::Partitioning};
use client::Client;
pub use config::KafkaConfig;

use crate::{Consumer, EventLog, LogError, LogIdentity, Offset, Partition, Positions, Producer, Reader};

/// The log on Kafka.
pub struct KafkaLog {
    client: Arc<Client>,
    identity: LogIdentity,
}

impl KafkaLog {
    /// Connects, creates the topics that are missing, and reads which log this is. Processes that
    /// start at the same time agree on one log.
    ///
    /// # Errors
    /// [`LogError::Unusable`] if the topics are not those of one log, or not as configured;
    /// [`LogError::Unavailable`] if the brokers cannot be reached.
    pub async fn connect(config: KafkaConfig) -> Result<Arc<Self>, LogError> {
        let partitions = topics::ensure(&config).await?;
        let client = Arc::new(Client::new(config, partitions)?);
        let identity = header::ensure(&client).await?;
        Ok(Arc::new(Self { client, identity }))
    }
}

impl fmt::Debug for KafkaLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaLog").field("id", &self.identity.id).finish()
    }
}

#[async_trait]
impl EventLog for KafkaLog {
    fn identity(&self) -> LogIdentity {
        self.identity
    }

    fn partitions(&self, topic: Topic) -> u32 {
        self.client.partitions(topic)
    }

    async fn producer(&self, writer: &str) -> Result<Box<dyn Producer>, LogError> {
        Ok(Box::new(producer::KafkaProducer::named(&self.client, writer).await?))
    }

    async fn join(&self, group: &str, topic: Topic) -> Result<Box<dyn Consumer>, LogError> {
        Ok(Box::new(consumer::KafkaConsumer::join(&self.client, group, topic)?))
    }

    async fn read(&self, topic: Topic, from: &[(Partition, Offset)]) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(reader::KafkaReader::open(&self.client, topic, from).await?))
    }

    async fn end(&self, topic: Topic) -> Result<Positions, LogError> {
        last_record::ends_of_records(&self.client, topic).await
    }

    async fn committed(&self, group: &str, topic: Topic) -> Result<Positions, LogError> {
        offsets::committed_by(&self.client, group, topic).await
    }
}

/// How many partitions a topic has in a log with `count`.
fn partitions_of(topic: Topic, count: u32) -> u32 {
    match topic.partitioning() {
        Partitioning::Single => 1,
        Partitioning::ByEntity | Partitioning::ByProvider => count,
    }
}
