//! How the log on Kafka is reached and created.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;

/// How the log on Kafka is reached and created.
#[derive(Clone, Debug)]
pub struct KafkaConfig {
    /// `host:port` of some brokers, separated by commas.
    pub brokers: String,
    /// In front of the names of topics, groups and writers; each log of a cluster has its own.
    pub prefix: String,
    /// Partitions of the topics that are keyed by entity. A log keeps the count that it was created
    /// with; naming another is an error. None: that count, and 12 for a new log.
    pub partitions: Option<u32>,
    /// Copies of each topic that is created. One is for a single node, and loses data with it.
    pub replication: u16,
    /// Further settings of librdkafka, such as those for TLS and SASL.
    pub settings: BTreeMap<String, String>,
}

impl KafkaConfig {
    /// The usual settings for a production cluster.
    pub fn new(brokers: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            prefix: "catalog.".to_owned(),
            partitions: None,
            replication: 3,
            settings: BTreeMap::new(),
        }
    }

    /// What every client has in common.
    pub(super) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "backstitch")
            .set("retry.backoff.ms", "5")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "5000");
        client.extend(self.settings.iter().map(|(key, value)| (key.clone(), value.clone())));
        client
    }

    /// A client that reads. Positions are never committed behind our back, and a position outside
    /// the log is an error, never silently another one.
    pub(super) fn reading(&self, group: &str) -> ClientConfig {
        let mut client = self.client();
        client
            .set("group.id", self.named(group))
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("session.timeout.ms", "10000")
            .set("heartbeat.interval.ms", "1000")
            .set("partition.assignment.strategy", "range")
            .set("fetch.wait.max.ms", "500")
            .set("fetch.error.backoff.ms", "50")
            .set("fetch.message.max.bytes", "4194304")
            .set("queued.max.messages.kbytes", "32768");
        client
    }

    /// A client that appends in transactions. No lingering: what can be batched comes in one step.
    pub(super) fn writing(&self, writer: &str) -> ClientConfig {
        let mut client = self.client();
        client
            .set("transactional.id", self.named(writer))
            // An open transaction holds back every reader of its partitions.
            .set("transaction.timeout.ms", "10000")
            .set("message.timeout.ms", "10000")
            .set("linger.ms", "0")
            .set("compression.type", "lz4")
            .set("message.max.bytes", backstitch_schemas::topic::MAX_RECORD_BYTES.to_string())
            .set("queue.buffering.max.messages", "1000000")
            .set("queue.buffering.max.kbytes", "2097151");
        client
    }

    /// A name of ours in the cluster.
    pub(super) fn named(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}
