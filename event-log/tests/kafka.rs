//! The log on Kafka: the common suite, and what only it promises.
//!
//! Needs a Kafka: `cargo xtask test` starts one around all tests, `cargo xtask services up` one to
//! keep.

#![expect(clippy::unwrap_used, reason = "this is a test, helpers included")]

mod suite;

use std::sync::Arc;

use backstitch_event_log::{
    EventLog, LogError,
    kafka::{KafkaConfig, KafkaLog},
};
use suite::Fixture;
use uuid::Uuid;

struct Kafka {
    config: KafkaConfig,
    log: Arc<KafkaLog>,
}

/// The settings of a log that nobody else has.
fn config() -> KafkaConfig {
    #[expect(clippy::disallowed_methods, reason = "tests are told by the environment where Kafka is")]
    let brokers = std::env::var("BACKSTITCH_TEST_KAFKA").unwrap_or_else(|_| {
        panic!(
            "BACKSTITCH_TEST_KAFKA is not set: `cargo xtask services up` starts a Kafka and prints it, \
             `cargo xtask test` does both around all tests"
        )
    });
    KafkaConfig {
        prefix: format!("test-{}.", Uuid::new_v4()),
        partitions: Some(3),
        replication: 1,
        ..KafkaConfig::new(brokers)
    }
}

impl Fixture for Kafka {
    const COMPACTS_AT_ONCE: bool = false;

    async fn create() -> Self {
        let config = config();
        let log = KafkaLog::connect(config.clone()).await.unwrap();
        Self { config, log }
    }

    fn log(&self) -> Arc<dyn EventLog> {
        self.log.clone()
    }

    async fn reopen(self) -> Self {
        drop(self.log);
        let log = KafkaLog::connect(self.config.clone()).await.unwrap();
        Self { config: self.config, log }
    }
}

suite!(Kafka);

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_once_agree_on_one_log() {
    let config = config();
    let starts = (0..4).map(|_| tokio::spawn(KafkaLog::connect(config.clone())));
    let logs = futures::future::join_all(starts).await;
    let identities: Vec<_> = logs.into_iter().map(|log| log.unwrap().unwrap().identity()).collect();
    assert!(identities.iter().all(|identity| *identity == identities[0]), "{identities:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_keeps_the_partition_count_that_it_was_created_with() {
    let config = config();
    KafkaLog::connect(config.clone()).await.unwrap();
    let unsaid = KafkaLog::connect(KafkaConfig { partitions: None, ..config.clone() }).await.unwrap();
    assert_eq!(unsaid.identity().partitions, 3);
    let other = KafkaLog::connect(KafkaConfig { partitions: Some(6), ..config }).await;
    assert!(matches!(&other, Err(LogError::Unusable(why)) if why.contains("3 partitions")), "{other:?}");
}
