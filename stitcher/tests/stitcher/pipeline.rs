//! A log and a read model in a folder of their own, and a stitcher between them.

use std::{collections::BTreeMap, num::NonZeroUsize, sync::Arc, time::Duration};

use backstitch_event_log::{
    BatchLimits, EventLog, Partition, Producer, Record, StoredRecord, embedded::EmbeddedLog,
};
use backstitch_read_model::{ReadModel, RelationEnd, SnapshotPart, SqliteReadModel};
use backstitch_schemas::{Clock, EntityRef, SystemClock, Topic, processed::Processed};
use backstitch_stitcher::{Config, Status, Worker};
use tempfile::TempDir;
use tokio::{
    sync::{Mutex, Notify},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::replica::{Replica, Seen};

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Pipeline {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) read_model: Arc<dyn ReadModel>,
    producer: Mutex<Box<dyn Producer>>,
    folder: TempDir,
}

impl Pipeline {
    pub(crate) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let log = EmbeddedLog::open(&folder.path().join("log"), Arc::new(SystemClock)).await.unwrap();
        let read_model = SqliteReadModel::open(&folder.path().join("read-model")).await.unwrap();
        let producer = Mutex::new(log.producer("processors-test").await.unwrap());
        Self { log, read_model, producer, folder }
    }

    pub(crate) async fn another_read_model(&self, name: &str) -> Arc<dyn ReadModel> {
        SqliteReadModel::open(&self.folder.path().join(name)).await.unwrap()
    }

    pub(crate) async fn append(&self, processed: &[Processed]) {
        let records: Vec<_> = processed.iter().map(record).collect();
        self.append_records(&records).await;
    }

    pub(crate) async fn append_records(&self, records: &[Record]) {
        self.producer.lock().await.append(records, None).await.unwrap();
    }

    pub(crate) async fn all(&self, topic: Topic) -> Vec<StoredRecord> {
        let mut reader = self.log.read(topic, &[]).await.unwrap();
        let records = reader.next_until_end(&BatchLimits::default()).await.unwrap();
        records.into_iter().filter(|record| &*record.key != br#"["log"]"#).collect()
    }

    pub(crate) fn worker(&self, read_model: Arc<dyn ReadModel>) -> Worker {
        Worker::new(Arc::clone(&self.log), read_model, Arc::new(SystemClock), "test", config())
    }

    pub(crate) fn worker_at(&self, clock: Arc<dyn Clock>) -> Worker {
        Worker::new(Arc::clone(&self.log), Arc::clone(&self.read_model), clock, "test", config())
    }

    pub(crate) fn worker_named(&self, holder: &str) -> Worker {
        let (log, read_model) = (Arc::clone(&self.log), Arc::clone(&self.read_model));
        Worker::new(log, read_model, Arc::new(SystemClock), holder, config())
    }
}

/// Small batches, so that a few records make several commits.
fn config() -> Config {
    Config {
        max_batch: NonZeroUsize::new(7).unwrap(),
        lease: Duration::from_millis(500),
        ..Config::default()
    }
}

/// The record of a result.
pub(crate) fn record(processed: &Processed) -> Record {
    let (key, value) = processed.encode();
    Record {
        topic: Topic::Processed,
        partition: Partition(0),
        key: key.into(),
        value: value.into(),
        headers: Vec::new(),
    }
}

/// Runs a stitcher until it committed all there is.
pub(crate) async fn run_to_end(pipeline: &Pipeline, read_model: Arc<dyn ReadModel>) -> Status {
    run_and_kill(pipeline, read_model, &Notify::new()).await
}

/// Runs a stitcher until it committed all there is. One that is killed on the way is followed by
/// another.
pub(crate) async fn run_and_kill(
    pipeline: &Pipeline,
    read_model: Arc<dyn ReadModel>,
    killed: &Notify,
) -> Status {
    let end = pipeline.log.end(Topic::Processed).await.unwrap()[0].1.0;
    let there = |status: &Status| status.positions.iter().any(|row| row.processed_next >= end);
    let finish = async {
        loop {
            let (worker, shutdown) = (pipeline.worker(Arc::clone(&read_model)), CancellationToken::new());
            let mut status = worker.status();
            let mut running = tokio::spawn(worker.run(shutdown.clone()));
            tokio::select! {
                found = status.wait_for(there) => {
                    let found = found.unwrap().clone();
                    shutdown.cancel();
                    // A commit of sources may be under way still, and may be the one to die in.
                    tokio::select! {
                        () = killed.notified() => running.abort(),
                        result = &mut running => result.unwrap().unwrap(),
                    }
                    return found;
                }
                () = killed.notified() => running.abort(),
                result = &mut running => result.unwrap().unwrap(),
            }
        }
    };
    timeout(PATIENCE, finish).await.unwrap()
}

/// All final entities of a read model.
pub(crate) async fn seen(read_model: &dyn ReadModel) -> BTreeMap<EntityRef, Seen> {
    let (_, mut parts) = read_model.snapshot().await.unwrap();
    let (mut refs, mut types) = (BTreeMap::new(), BTreeMap::new());
    let (mut entities, mut relations) = (Vec::new(), Vec::new());
    while let Some(part) = parts.recv().await {
        match part.unwrap() {
            SnapshotPart::Refs(rows) => refs.extend(rows.into_iter().map(|row| (row.id, row.entity_ref))),
            SnapshotPart::Types(rows) => types.extend(rows.into_iter().map(|row| (row.id, row.name))),
            SnapshotPart::Entities(rows) => entities.extend(rows),
            SnapshotPart::Relations(rows) => relations.extend(rows),
        }
    }
    let seen = entities.into_iter().map(|row| {
        let shown = relations.iter().filter(|relation| relation.source == row.ref_id);
        let ends = shown.map(|relation| RelationEnd {
            kind: types[&relation.kind].clone(),
            target: refs[&relation.target].clone(),
        });
        let seen = Seen { uid: row.uid, etag: row.etag, body: row.body, relations: ends.collect() };
        (refs[&row.ref_id].clone(), seen)
    });
    seen.collect()
}

/// All final entities, as someone knows them who only read the history.
pub(crate) async fn seen_in_history(read_model: &dyn ReadModel) -> BTreeMap<EntityRef, Seen> {
    let mut history = read_model.latest_changes(10_000).await.unwrap();
    history.reverse();
    let revisions: Vec<_> = history.iter().map(|row| row.revision.0).collect();
    assert!(revisions.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{revisions:?}");
    Replica { history, ..Replica::default() }.seen_in_history()
}
