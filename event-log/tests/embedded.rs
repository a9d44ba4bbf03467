//! The embedded log: the common suite, and what only it promises.

#![expect(clippy::unwrap_used, reason = "this is a test, helpers included")]

mod suite;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use backstitch_event_log::{EventLog, LogError, Offset, Partition, Record, embedded::EmbeddedLog};
use backstitch_schemas::{Clock, SystemClock, Timestamp, Topic};
use bytes::Bytes;
use sqlx::{Connection as _, SqliteConnection};
use suite::Fixture;
use tempfile::TempDir;

struct Embedded {
    folder: TempDir,
    log: Arc<EmbeddedLog>,
}

impl Embedded {
    async fn open(folder: TempDir) -> Self {
        let log = EmbeddedLog::open(&folder.path().join("log.db"), Arc::new(SystemClock)).await.unwrap();
        Self { folder, log }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("log.db")
    }
}

impl Fixture for Embedded {
    const COMPACTS_AT_ONCE: bool = true;

    async fn create() -> Self {
        Self::open(tempfile::tempdir().unwrap()).await
    }

    fn log(&self) -> Arc<dyn EventLog> {
        self.log.clone()
    }

    async fn reopen(self) -> Self {
        drop(self.log);
        Self::open(self.folder).await
    }
}

suite!(Embedded);

/// A clock that a test moves.
#[derive(Default)]
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

fn record(topic: Topic, key: String) -> Record {
    Record {
        topic,
        partition: Partition(0),
        key: key.into(),
        value: Bytes::from_static(&[7; 1_000]),
        headers: vec![],
    }
}

#[tokio::test]
async fn a_log_that_is_open_cannot_be_opened_again() {
    let fixture = Embedded::create().await;
    let again = EmbeddedLog::open(&fixture.file(), Arc::new(SystemClock)).await;
    assert!(matches!(again, Err(LogError::Unusable(_))), "{again:?}");
}

#[tokio::test]
async fn a_log_of_a_newer_version_is_refused() {
    let Embedded { folder, log } = Embedded::create().await;
    drop(log);
    let file = folder.path().join("log.db");
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    sqlx::query("UPDATE log SET format = 99").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let opened = EmbeddedLog::open(&file, Arc::new(SystemClock)).await;
    assert!(matches!(&opened, Err(LogError::Unusable(why)) if why.contains("newer")), "{opened:?}");
}

#[tokio::test]
async fn a_file_that_is_no_log_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.db");
    std::fs::write(&file, "this is not a database, and long enough to be looked at".repeat(200)).unwrap();
    let opened = EmbeddedLog::open(&file, Arc::new(SystemClock)).await;
    assert!(matches!(opened, Err(LogError::Unusable(_))), "{opened:?}");
}

#[tokio::test]
async fn expired_records_go_and_their_offsets_are_never_given_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.db");
    let clock = Arc::new(Hand::default());
    let log = EmbeddedLog::open(&file, clock.clone()).await.unwrap();
    let mut producer = log.producer("worker").await.unwrap();
    let first = producer.append(&[record(Topic::Commands, "a".to_owned())], None).await.unwrap();
    clock.0.store(8 * 24 * 60 * 60 * 1_000, Ordering::SeqCst);
    drop((producer, log));

    let log = EmbeddedLog::open(&file, clock.clone()).await.unwrap();
    let mut reader = log.read(Topic::Commands, &[(Partition(0), Offset(1))]).await.unwrap();
    assert!(reader.next_until_end(&Default::default()).await.unwrap().is_empty());
    let mut producer = log.producer("worker").await.unwrap();
    let second = producer.append(&[record(Topic::Commands, "b".to_owned())], None).await.unwrap();
    assert!(second[0] > first[0]);
}

#[tokio::test]
async fn records_expire_in_a_log_that_stays_open() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(Hand::default());
    let log = EmbeddedLog::open(&folder.path().join("log.db"), clock.clone()).await.unwrap();
    let mut producer = log.producer("worker").await.unwrap();
    // More than a tail holds in memory, so that reading shows what is in the file.
    let old: Vec<_> = (0..10_000).map(|n| record(Topic::Commands, format!("old {n}"))).collect();
    producer.append(&old, None).await.unwrap();
    clock.0.store(8 * 24 * 60 * 60 * 1_000, Ordering::SeqCst);
    producer.append(&[record(Topic::Commands, "new".to_owned())], None).await.unwrap();
    let mut reader = log.read(Topic::Commands, &[(Partition(0), Offset(1))]).await.unwrap();
    let records = reader.next(&Default::default()).await.unwrap();
    assert_eq!(records[0].key, "new");
}

#[tokio::test]
async fn the_file_grows_with_what_lives_in_it_and_not_with_what_was_written() {
    let fixture = Embedded::create().await;
    let log = fixture.log();
    let mut producer = log.producer("worker").await.unwrap();
    let step: Vec<_> = (0..1_000).map(|n| record(Topic::Changes, format!("key {n}"))).collect();
    for _ in 0..50 {
        producer.append(&step, None).await.unwrap();
    }
    let size = std::fs::metadata(fixture.file()).unwrap().len();
    assert!(size < 10_000_000, "1 MB lives in a file of {size} bytes");
    let mut reader = log.read(Topic::Changes, &[]).await.unwrap();
    let mut keys = std::collections::HashSet::new();
    loop {
        let records = reader.next_until_end(&Default::default()).await.unwrap();
        if records.is_empty() {
            break;
        }
        assert!(records.into_iter().all(|record| keys.insert(record.key)), "a key came twice");
    }
    assert_eq!(keys.len(), 1_001, "every key and the header");
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_a_whole_step() {
    let fixture = Embedded::create().await;
    let log = fixture.log();
    let mut producer = log.producer("worker").await.unwrap();
    let step: Vec<_> = (0..500).map(|n| record(Topic::Changes, format!("key {n}"))).collect();
    // Dropped while it is under way.
    let _ = tokio::time::timeout(std::time::Duration::from_micros(500), producer.append(&step, None)).await;
    let offsets = producer.append(&[record(Topic::Changes, "after".to_owned())], None).await.unwrap();
    let mut reader = log.read(Topic::Changes, &[(Partition(0), Offset(1))]).await.unwrap();
    let records = reader.next_until_end(&Default::default()).await.unwrap();
    assert!(records.len() == 501 || records.len() == 1, "{} records", records.len());
    assert_eq!(records.last().unwrap().offset, offsets[0]);
}
