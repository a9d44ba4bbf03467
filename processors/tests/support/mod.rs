//! A log in memory whose appends fail by script, for the paths that a sound log never shows.
//!
//! What a log promises is tested in `event-log`; this one only keeps the promises that a worker
//! relies on: an append is all or nothing, and a rewind goes back to the committed positions.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use backstitch_event_log::{
    Advance, AppendError, Batch, BatchLimits, Consumer, Delivery, EventLog, LogError, LogIdentity, Offset,
    Partition, Positions, Producer, Reader, Record, StoredRecord,
};
use backstitch_schemas::{Timestamp, Topic};
use tokio::sync::Notify;
use uuid::Uuid;

#[derive(Debug, Default)]
struct State {
    records: BTreeMap<(Topic, Partition), Vec<StoredRecord>>,
    committed: BTreeMap<Partition, Offset>,
    failures: VecDeque<AppendError>,
    producers: usize,
}

/// The log. Clones share their content.
#[derive(Clone, Debug)]
pub(crate) struct ScriptedLog {
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
    partitions: u32,
}

impl ScriptedLog {
    pub(crate) fn new(partitions: u32) -> Self {
        Self { state: Arc::default(), changed: Arc::new(Notify::new()), partitions }
    }

    /// The next append fails like this.
    pub(crate) fn fail_next(&self, error: AppendError) {
        self.lock().failures.push_back(error);
    }

    /// Appends one record as another process would.
    pub(crate) fn write(&self, record: &Record) {
        self.lock().push(record);
        self.changed.notify_waiters();
    }

    /// All records of a topic's partition.
    pub(crate) fn records(&self, topic: Topic, partition: u32) -> Vec<StoredRecord> {
        self.lock().records.get(&(topic, Partition(partition))).cloned().unwrap_or_default()
    }

    /// The committed position of a partition.
    pub(crate) fn position(&self, partition: u32) -> i64 {
        self.lock().committed.get(&Partition(partition)).map_or(0, |offset| offset.0)
    }

    /// How many producers were made.
    pub(crate) fn producers(&self) -> usize {
        self.lock().producers
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics with the lock held")
    }
}

impl State {
    fn push(&mut self, record: &Record) -> Offset {
        let records = self.records.entry((record.topic, record.partition)).or_default();
        let offset = Offset(i64::try_from(records.len()).expect("tests are small"));
        let headers = record.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        records.push(StoredRecord {
            topic: record.topic,
            partition: record.partition,
            offset,
            timestamp: Timestamp(0),
            key: record.key.clone(),
            value: record.value.clone(),
            headers: headers.collect(),
        });
        offset
    }
}

#[async_trait]
impl EventLog for ScriptedLog {
    fn identity(&self) -> LogIdentity {
        LogIdentity { id: Uuid::nil(), partitions: self.partitions }
    }

    fn partitions(&self, _: Topic) -> u32 {
        self.partitions
    }

    async fn producer(&self, _: &str) -> Result<Box<dyn Producer>, LogError> {
        self.lock().producers += 1;
        Ok(Box::new(self.clone()))
    }

    async fn join(&self, group: &str, topic: Topic) -> Result<Box<dyn Consumer>, LogError> {
        let member = Member { log: self.clone(), group: group.into(), topic, next: None };
        Ok(Box::new(member))
    }

    async fn read(&self, _: Topic, _: &[(Partition, Offset)]) -> Result<Box<dyn Reader>, LogError> {
        Err(LogError::Unusable("workers read through their group".to_owned()))
    }

    async fn end(&self, _: Topic) -> Result<Positions, LogError> {
        Err(LogError::Unusable("workers do not ask for the end".to_owned()))
    }

    async fn committed(&self, _: &str, _: Topic) -> Result<Positions, LogError> {
        Ok(self.lock().committed.iter().map(|(partition, offset)| (*partition, *offset)).collect())
    }
}

#[async_trait]
impl Producer for ScriptedLog {
    async fn append(
        &mut self,
        records: &[Record],
        advance: Option<&Advance>,
    ) -> Result<Vec<Offset>, AppendError> {
        let mut state = self.lock();
        if let Some(error) = state.failures.pop_front() {
            return Err(error);
        }
        let offsets = records.iter().map(|record| state.push(record)).collect();
        state.committed.extend(advance.into_iter().flat_map(|advance| advance.positions.iter().copied()));
        drop(state);
        self.changed.notify_waiters();
        Ok(offsets)
    }
}

struct Member {
    log: ScriptedLog,
    group: Arc<str>,
    topic: Topic,
    /// Where reading goes on; `None` before the assignment.
    next: Option<BTreeMap<Partition, Offset>>,
}

impl Member {
    fn take(&mut self, limits: &BatchLimits) -> Option<Delivery> {
        let state = self.log.lock();
        let Some(next) = &mut self.next else {
            self.next = Some(state.committed.clone());
            return Some(Delivery::Assigned((0..self.log.partitions).map(Partition).collect()));
        };
        let (mut records, mut positions) = (Vec::new(), Vec::new());
        for partition in (0..self.log.partitions).map(Partition) {
            let from = next.get(&partition).map_or(0, |offset| offset.0);
            let all = state.records.get(&(self.topic, partition));
            let fresh = all.into_iter().flatten().filter(|record| record.offset.0 >= from);
            let fresh: Vec<_> = fresh.take(limits.records - records.len()).cloned().collect();
            if let Some(last) = fresh.last() {
                let after = Offset(last.offset.0 + 1);
                positions.push((partition, after));
                next.insert(partition, after);
            }
            records.extend(fresh);
        }
        let advance = Advance {
            group: Arc::clone(&self.group),
            topic: self.topic,
            positions,
            membership: Arc::new(()),
        };
        (!records.is_empty()).then_some(Delivery::Batch(Batch { records, advance }))
    }
}

#[async_trait]
impl Consumer for Member {
    async fn next(&mut self, limits: &BatchLimits) -> Result<Delivery, LogError> {
        loop {
            let changed = Arc::clone(&self.log.changed);
            let changed = changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(delivery) = self.take(limits) {
                return Ok(delivery);
            }
            changed.await;
        }
    }

    async fn rewind(&mut self) -> Result<(), LogError> {
        self.next = Some(self.log.lock().committed.clone());
        Ok(())
    }
}
