//! What all parts of the log on Kafka share: its configuration, and a client that asks for offsets.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use backstitch_schemas::Topic;
use rdkafka::{TopicPartitionList, consumer::BaseConsumer, error::KafkaResult};

use super::{
    config::KafkaConfig,
    failure::{code, interrupted, is_settling, unavailable},
    last_record::LastRecords,
    partitions_of,
};
use crate::{LogError, Offset, Partition, Positions};

/// How long one question to the brokers may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How often a question is put again while the brokers settle something.
const SETTLING: Duration = Duration::from_millis(20);

/// The name under which readers outside any group are known; they never join one.
pub(super) const NO_GROUP: &str = "readers";

/// A connection to one log.
pub(super) struct Client {
    pub(super) config: KafkaConfig,
    /// Asks for offsets; never subscribed or assigned.
    asking: Arc<BaseConsumer>,
    partitions: u32,
    pub(super) last_records: Mutex<LastRecords>,
}

impl Client {
    pub(super) fn new(config: KafkaConfig, partitions: u32) -> Result<Self, LogError> {
        let asking = Arc::new(config.reading(NO_GROUP).create().map_err(unavailable)?);
        Ok(Self { config, asking, partitions, last_records: Mutex::default() })
    }

    /// The log's partition count.
    pub(super) fn count(&self) -> u32 {
        self.partitions
    }

    pub(super) fn partitions(&self, topic: Topic) -> u32 {
        partitions_of(topic, self.partitions)
    }

    /// The topic's name in the cluster.
    pub(super) fn name(&self, topic: Topic) -> String {
        topic.name(&self.config.prefix)
    }

    /// Asks the brokers something, on a thread that may block.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl Fn(&BaseConsumer) -> KafkaResult<T> + Send + 'static,
    ) -> Result<T, LogError> {
        let asking = self.asking.clone();
        let asked = tokio::task::spawn_blocking(move || patiently(|| question(&asking)));
        asked.await.map_err(interrupted)?.map_err(unavailable)
    }

    /// Positions in librdkafka's form.
    pub(super) fn list(&self, topic: Topic, positions: &Positions) -> TopicPartitionList {
        let name = self.name(topic);
        let mut list = TopicPartitionList::with_capacity(positions.len());
        for (partition, Offset(offset)) in positions {
            list.add_partition_offset(&name, number(*partition), rdkafka::Offset::Offset(*offset))
                .expect("positions are not negative");
        }
        list
    }

    /// All partitions of a topic, without offsets.
    pub(super) fn all_partitions(&self, topic: Topic) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&self.name(topic), 0, number(Partition(self.partitions(topic) - 1)));
        list
    }
}

/// Asks again while the brokers are agreeing on who leads a partition, as they do just after it was
/// created. Blocks.
pub(super) fn patiently<T>(question: impl Fn() -> KafkaResult<T>) -> KafkaResult<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match question() {
            Err(error) if code(&error).is_some_and(is_settling) && Instant::now() < deadline => {
                std::thread::sleep(SETTLING);
            }
            outcome => return outcome,
        }
    }
}

/// A partition as Kafka counts it.
pub(super) fn number(partition: Partition) -> i32 {
    i32::try_from(partition.0).expect("Kafka itself counts partitions with 31 bits")
}

/// A partition as we count it.
pub(super) fn partition(number: i32) -> Partition {
    Partition(u32::try_from(number).expect("a broker names no negative partition"))
}
