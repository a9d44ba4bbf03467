//! When the log is away, its answers get lost, or another process takes over.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use axum::http::StatusCode;
use backstitch_event_log::{
    Advance, AppendError, Consumer, EventLog, LogError, LogIdentity, Offset, Partition, Positions, Producer,
    Reader, Record,
};
use backstitch_schemas::Topic;

use crate::support::{Setup, World, eventually, full, lines, open};

/// A log whose every third step fails: in turn before it is done, and after.
#[derive(Debug)]
struct Unreliable {
    log: Arc<dyn EventLog>,
    steps: Arc<AtomicUsize>,
}

struct UnreliableProducer {
    producer: Box<dyn Producer>,
    steps: Arc<AtomicUsize>,
}

#[async_trait]
impl Producer for UnreliableProducer {
    async fn append(
        &mut self,
        records: &[Record],
        advance: Option<&Advance>,
    ) -> Result<Vec<Offset>, AppendError> {
        let step = self.steps.fetch_add(1, Ordering::Relaxed);
        if step % 6 == 2 {
            return Err(AppendError::Unavailable("not done".to_owned()));
        }
        let offsets = self.producer.append(records, advance).await?;
        if step % 6 == 5 {
            return Err(AppendError::Unavailable("done, but the answer got lost".to_owned()));
        }
        Ok(offsets)
    }
}

#[async_trait]
impl EventLog for Unreliable {
    fn identity(&self) -> LogIdentity {
        self.log.identity()
    }

    fn partitions(&self, topic: Topic) -> u32 {
        self.log.partitions(topic)
    }

    async fn producer(&self, writer: &str) -> Result<Box<dyn Producer>, LogError> {
        let producer = self.log.producer(writer).await?;
        Ok(Box::new(UnreliableProducer { producer, steps: self.steps.clone() }))
    }

    async fn join(&self, group: &str, topic: Topic) -> Result<Box<dyn Consumer>, LogError> {
        self.log.join(group, topic).await
    }

    async fn read(&self, topic: Topic, from: &[(Partition, Offset)]) -> Result<Box<dyn Reader>, LogError> {
        self.log.read(topic, from).await
    }

    async fn end(&self, topic: Topic) -> Result<Positions, LogError> {
        self.log.end(topic).await
    }

    async fn committed(&self, group: &str, topic: Topic) -> Result<Positions, LogError> {
        self.log.committed(group, topic).await
    }
}

#[tokio::test]
async fn steps_that_fail_or_whose_answer_is_lost_are_in_the_log_once() {
    let directory = tempfile::tempdir().unwrap();
    let log = Arc::new(Unreliable { log: open(directory.path()).await, steps: Arc::default() });
    let begin = log.end(Topic::Changes).await.unwrap()[0].1.0;
    let world = World::start_on(log, Setup::default()).await;
    let (status, answer) = world.push_lines("cmdb", &lines(12_000)).await;
    assert_eq!((status, &answer["changed"]), (StatusCode::ACCEPTED, &12_000.into()));
    assert_eq!(world.end(Topic::Changes).await - begin, 12_000);
    let (done, nothing_is_held) = (StatusCode::OK, StatusCode::CONFLICT);
    let commands =
        [("refresh", done), ("discard", nothing_is_held), ("refresh", done), ("confirm", nothing_is_held)];
    for (what, expected) in commands {
        let path = format!("/api/ingest/v1/providers/cmdb/{what}");
        let (status, answer) = world.send("POST", &path, "application/json", String::new()).await;
        assert_eq!(status, expected, "{what}: {answer}");
    }
    assert_eq!(world.provider_state("cmdb").await.commands.len(), 4);
}

#[tokio::test]
async fn a_process_that_takes_over_knows_what_its_predecessor_said() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path()).await;
    let first = World::start_on(log.clone(), Setup::default()).await;
    first.push("cmdb", "", &full(20)).await;
    let end = first.end(Topic::Changes).await;

    let second = World::start_on(log, Setup::default()).await;
    let (_, answer) = second.push("cmdb", "", &full(20)).await;
    assert_eq!(answer["unchanged"], 20);
    assert_eq!(second.end(Topic::Changes).await, end);

    eventually("the first has let go", || !first.owns("cmdb")).await;
    let (status, answer) = first.push("cmdb", "", &full(21)).await;
    assert_eq!((status, &answer["changed"]), (StatusCode::ACCEPTED, &1.into()), "forwarded to the owner");
    let (status, answer) = first.push_lines("cmdb", &lines(22)).await;
    assert_eq!((status, &answer["changed"]), (StatusCode::ACCEPTED, &1.into()), "{answer}");
    second.kill().await;
    let (status, answer) = first.push("cmdb", "", &full(1)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
}
