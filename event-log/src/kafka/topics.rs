//! Topics as the log needs them.

use std::time::Duration;

use backstitch_schemas::{
    Topic,
    topic::{Cleanup, DEFAULT_PARTITIONS, MAX_RECORD_BYTES},
};
use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    types::RDKafkaErrorCode,
};
use tokio::time::{Instant, sleep};

use super::{
    client::PATIENCE,
    config::KafkaConfig,
    failure::{interrupted, unavailable},
    partitions_of,
};
use crate::LogError;

/// How long a compacted topic keeps a tombstone: a consumer that slept less long sees it.
const TOMBSTONES_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// How often we ask whether a created topic is known.
const PROPAGATION: Duration = Duration::from_millis(20);

type Admin = AdminClient<DefaultClientContext>;

/// Creates what is missing, checks the rest, and returns the log's partition count.
pub(super) async fn ensure(config: &KafkaConfig) -> Result<u32, LogError> {
    let admin: Admin = config.client().create().map_err(unavailable)?;
    let (admin, mut existing) = list(admin, config).await?;
    let count = config
        .partitions
        .or_else(|| existing.iter().find(|(topic, _)| *topic == Topic::Changes).map(|(_, count)| *count))
        .unwrap_or(DEFAULT_PARTITIONS);
    let missing: Vec<_> =
        Topic::ALL.into_iter().filter(|topic| existing.iter().all(|(known, _)| known != topic)).collect();
    if !missing.is_empty() {
        create(&admin, config, &missing, count).await?;
        existing = appeared(admin, config).await?;
    }
    for topic in Topic::ALL {
        let expected = partitions_of(topic, count);
        match existing.iter().find(|(known, _)| *known == topic) {
            Some((_, found)) if *found == expected => {}
            Some((_, found)) => return Err(wrong_count(config, topic, *found, expected)),
            None => {
                return Err(LogError::Unavailable(format!(
                    "{} is not there yet",
                    topic.name(&config.prefix)
                )));
            }
        }
    }
    Ok(count)
}

/// Our topics, once the brokers have told each other of all of them.
async fn appeared(mut admin: Admin, config: &KafkaConfig) -> Result<Vec<(Topic, u32)>, LogError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (again, existing) = list(admin, config).await?;
        if existing.len() == Topic::ALL.len() || Instant::now() > deadline {
            return Ok(existing);
        }
        admin = again;
        sleep(PROPAGATION).await;
    }
}

fn wrong_count(config: &KafkaConfig, topic: Topic, found: u32, expected: u32) -> LogError {
    LogError::Unusable(format!(
        "topic {} has {found} partitions where {expected} are expected; a log keeps the count that it was \
         created with, so configure that, or another prefix for a new log",
        topic.name(&config.prefix)
    ))
}

/// Our topics that exist, with their counts.
async fn list(admin: Admin, config: &KafkaConfig) -> Result<(Admin, Vec<(Topic, u32)>), LogError> {
    let asked = tokio::task::spawn_blocking(move || {
        let metadata = admin.inner().fetch_metadata(None, PATIENCE);
        (admin, metadata)
    });
    let (admin, metadata) = asked.await.map_err(interrupted)?;
    let metadata = metadata.map_err(unavailable)?;
    let found = Topic::ALL.into_iter().filter_map(|topic| {
        let name = topic.name(&config.prefix);
        let found = metadata.topics().iter().find(|found| found.name() == name && found.error().is_none())?;
        let count = u32::try_from(found.partitions().len()).ok()?;
        (count > 0).then_some((topic, count))
    });
    Ok((admin, found.collect()))
}

async fn create(admin: &Admin, config: &KafkaConfig, topics: &[Topic], count: u32) -> Result<(), LogError> {
    let plans: Vec<_> = topics.iter().map(|topic| Plan::of(*topic, config)).collect();
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE));
    let new: Vec<_> = plans.iter().map(|plan| plan.new_topic(count, config)).collect();
    for outcome in admin.create_topics(&new, &options).await.map_err(unavailable)? {
        match outcome {
            // Another process of ours was faster.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, RDKafkaErrorCode::InvalidReplicationFactor)) => {
                return Err(LogError::Unusable(format!(
                    "topic {name} cannot have {} copies: the cluster has fewer brokers; a single node needs \
                     replication 1, and its data is lost with it",
                    config.replication
                )));
            }
            Err((name, code)) => {
                return Err(LogError::Unavailable(format!("topic {name} was not created: {code}")));
            }
        }
    }
    Ok(())
}

/// A topic to create, with its settings as text.
struct Plan {
    topic: Topic,
    name: String,
    settings: Vec<(&'static str, String)>,
}

impl Plan {
    fn of(topic: Topic, config: &KafkaConfig) -> Self {
        let mut settings = vec![
            ("max.message.bytes", MAX_RECORD_BYTES.to_string()),
            ("min.insync.replicas", config.replication.saturating_sub(1).max(1).to_string()),
            ("unclean.leader.election.enable", "false".to_owned()),
        ];
        match topic.cleanup() {
            Cleanup::Compact => {
                settings.push(("cleanup.policy", "compact".to_owned()));
                settings.push(("delete.retention.ms", TOMBSTONES_MS.to_string()));
            }
            Cleanup::DeleteAfterMs(kept) => {
                settings.push(("cleanup.policy", "delete".to_owned()));
                settings.push(("retention.ms", kept.to_string()));
            }
        }
        Self { topic, name: topic.name(&config.prefix), settings }
    }

    fn new_topic(&self, count: u32, config: &KafkaConfig) -> NewTopic<'_> {
        let partitions = i32::try_from(partitions_of(self.topic, count)).unwrap_or(i32::MAX);
        let replication = TopicReplication::Fixed(i32::from(config.replication));
        let topic = NewTopic::new(&self.name, partitions, replication);
        self.settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value))
    }
}
