//! The log as one SQLite file: no server, durable, and never larger than what lives in it.
//!
//! - A step is one SQL transaction (WAL, `synchronous=FULL`), so it is on disk when it is
//!   acknowledged, records and positions together.
//! - Every topic has one partition, and a table of its own. Compacted topics keep the latest record
//!   of each key only: an append replaces the record that it supersedes.
//! - Everybody who reads or writes is in this process: the file is locked by it. So the epochs that
//!   fence writers and members live in memory, and readers are woken by the append itself. Nothing
//!   polls, and at rest nothing runs.

mod consumer;
mod cursor;
mod failure;
mod headers;
mod producer;
mod reader;
mod store;
mod tail;
mod topics;
mod writer;

use std::{fmt, path::Path, sync::Arc};

use async_trait::async_trait;
use backstitch_schemas::{Clock, Topic};
use store::{FileLock, Store};
use tokio::sync::Mutex;
use topics::Topics;
use writer::Writer;

use crate::{Consumer, EventLog, LogError, LogIdentity, Offset, Partition, Positions, Producer, Reader};

/// The only partition of each topic.
const PARTITION: Partition = Partition(0);

/// The embedded log.
pub struct EmbeddedLog {
    shared: Arc<Shared>,
}

/// What producers, consumers and readers have in common.
struct Shared {
    identity: LogIdentity,
    store: Store,
    topics: Arc<Topics>,
    /// The one who writes; whoever holds the lock may.
    writer: Arc<Mutex<Writer>>,
    _lock: FileLock,
}

impl EmbeddedLog {
    /// Opens the log in this file, or creates it. `clock` stamps the records and decides which have
    /// outlived their topic's retention.
    ///
    /// # Errors
    /// [`LogError::Unusable`] if another process has it open, a newer version wrote it, or it is
    /// no log or damaged; [`LogError::Unavailable`] if the file cannot be reached.
    pub async fn open(file: &Path, clock: Arc<dyn Clock>) -> Result<Arc<Self>, LogError> {
        let lock = FileLock::take(file)?;
        let (store, identity) = Store::open(file, clock.now()).await?;
        let topics = Arc::new(Topics::new());
        let mut writer = Writer::open(&store, topics.clone(), clock).await?;
        writer.forget_expired().await?;
        let writer = Arc::new(Mutex::new(writer));
        let shared = Shared { identity, store, topics, writer, _lock: lock };
        Ok(Arc::new(Self { shared: Arc::new(shared) }))
    }
}

impl fmt::Debug for EmbeddedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedLog").field("id", &self.shared.identity.id).finish()
    }
}

#[async_trait]
impl EventLog for EmbeddedLog {
    fn identity(&self) -> LogIdentity {
        self.shared.identity
    }

    fn partitions(&self, _: Topic) -> u32 {
        1
    }

    async fn producer(&self, writer: &str) -> Result<Box<dyn Producer>, LogError> {
        Ok(Box::new(producer::EmbeddedProducer::named(&self.shared, writer).await))
    }

    async fn join(&self, group: &str, topic: Topic) -> Result<Box<dyn Consumer>, LogError> {
        Ok(Box::new(consumer::EmbeddedConsumer::join(&self.shared, group, topic).await?))
    }

    async fn read(&self, topic: Topic, from: &[(Partition, Offset)]) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(reader::EmbeddedReader::new(&self.shared, topic, from)?))
    }

    async fn end(&self, topic: Topic) -> Result<Positions, LogError> {
        Ok(vec![(PARTITION, Offset(self.shared.topics.of(topic).end()))])
    }

    async fn committed(&self, group: &str, topic: Topic) -> Result<Positions, LogError> {
        let position = self.shared.store.position(group, topic).await?;
        Ok(position.map(|position| (PARTITION, Offset(position))).into_iter().collect())
    }
}
