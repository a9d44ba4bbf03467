//! Short words for the suite.

use std::{sync::Arc, time::Duration};

use backstitch_event_log::{
    Batch, BatchLimits, Consumer, Delivery, EventLog, Offset, Partition, Reader, Record, StoredRecord,
};
use backstitch_schemas::{Topic, log_header};
use bytes::Bytes;
use tokio::time::timeout;

/// How long anything may take that must happen.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits for what must happen; says what if it does not.
pub(crate) async fn must<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("{what} did not happen within {DEADLINE:?}"))
}

pub(crate) fn record(topic: Topic, key: &str, value: &str) -> Record {
    Record {
        topic,
        partition: Partition(0),
        key: Bytes::copy_from_slice(key.as_bytes()),
        value: Bytes::copy_from_slice(value.as_bytes()),
        headers: vec![],
    }
}

/// Commands `from..to`, each with a key of its own.
pub(crate) fn commands(numbers: std::ops::Range<usize>) -> Vec<Record> {
    numbers.map(|n| record(Topic::Commands, &format!("key {n}"), &format!("value {n}"))).collect()
}

pub(crate) async fn append(log: &Arc<dyn EventLog>, records: &[Record]) -> Vec<Offset> {
    let mut producer = log.producer("test-appender").await.unwrap();
    must("the append", producer.append(records, None)).await.unwrap()
}

/// All records of a topic but its header, in the order of their offsets per partition.
pub(crate) async fn all(log: &Arc<dyn EventLog>, topic: Topic) -> Vec<StoredRecord> {
    let mut reader = log.read(topic, &[]).await.unwrap();
    let records = rest(reader.as_mut()).await;
    records.into_iter().filter(|record| record.key != log_header::KEY).collect()
}

/// What a reader gives up to the end.
pub(crate) async fn rest(reader: &mut dyn Reader) -> Vec<StoredRecord> {
    let mut records = Vec::new();
    loop {
        let batch = must("the end", reader.next_until_end(&BatchLimits::default())).await.unwrap();
        if batch.is_empty() {
            return records;
        }
        records.extend(batch);
    }
}

pub(crate) fn values(records: &[StoredRecord]) -> Vec<&str> {
    records.iter().map(|record| std::str::from_utf8(&record.value).unwrap()).collect()
}

/// The member's next batch that holds more than the log's header.
pub(crate) async fn next_batch(consumer: &mut dyn Consumer) -> Batch {
    must("a batch", async {
        loop {
            match consumer.next(&BatchLimits::default()).await.unwrap() {
                Delivery::Batch(mut batch) => {
                    batch.records.retain(|record| record.key != log_header::KEY);
                    if !batch.records.is_empty() {
                        return batch;
                    }
                }
                Delivery::Assigned(_) | Delivery::Revoked(_) => {}
            }
        }
    })
    .await
}

/// Takes batches until `count` records have come; the last batch advances past all of them.
pub(crate) async fn take(consumer: &mut dyn Consumer, count: usize) -> (Vec<StoredRecord>, Batch) {
    let mut records = Vec::new();
    loop {
        let batch = next_batch(consumer).await;
        records.extend(batch.records.clone());
        if records.len() >= count {
            return (records, batch);
        }
    }
}
