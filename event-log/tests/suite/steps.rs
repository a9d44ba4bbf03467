//! Appending: atomic, durable, fenced.

use backstitch_event_log::{AppendError, BatchLimits, Partition, Record};
use backstitch_schemas::{Topic, topic::MAX_RECORD_BYTES};
use bytes::Bytes;

use super::{Fixture, tools::*};

pub(crate) async fn what_was_acknowledged_is_there_after_reopening(fixture: impl Fixture) {
    let log = fixture.log();
    let identity = log.identity();
    let mut consumer = log.join("group", Topic::Commands).await.unwrap();
    append(&log, &commands(0..10)).await;
    let (_, batch) = take(consumer.as_mut(), 10).await;
    let mut producer = log.producer("worker").await.unwrap();
    producer.append(&[record(Topic::Changes, "a", "result")], Some(&batch.advance)).await.unwrap();
    drop((consumer, producer, log));

    let fixture = fixture.reopen().await;
    let log = fixture.log();
    assert_eq!(log.identity(), identity);
    assert_eq!(values(&all(&log, Topic::Changes).await), ["result"]);
    assert_eq!(all(&log, Topic::Commands).await.len(), 10);
    let positions = log.committed("group", Topic::Commands).await.unwrap();
    assert!(batch.advance.positions.iter().all(|position| positions.contains(position)));
}

pub(crate) async fn offsets_go_on_after_reopening(fixture: impl Fixture) {
    let before = append(&fixture.log(), &[record(Topic::Changes, "a", "1")]).await;
    let fixture = fixture.reopen().await;
    let after = append(&fixture.log(), &[record(Topic::Changes, "a", "2")]).await;
    assert!(after[0] > before[0]);
    let read = all(&fixture.log(), Topic::Changes).await;
    assert_eq!(read.last().unwrap().offset, after[0]);
}

pub(crate) async fn a_step_may_span_topics_and_partitions(fixture: impl Fixture) {
    let log = fixture.log();
    let last = Partition(log.partitions(Topic::Processed) - 1);
    let step = [
        record(Topic::Processed, "a", "1"),
        record(Topic::Sources, "s", "2"),
        Record { partition: last, ..record(Topic::Processed, "b", "3") },
        record(Topic::Processed, "c", "4"),
    ];
    let offsets = append(&log, &step).await;
    for (appended, offset) in step.iter().zip(offsets) {
        let read = all(&log, appended.topic).await;
        let found = read.iter().find(|read| read.key == appended.key).unwrap();
        assert_eq!(
            (found.partition, found.offset, &found.value),
            (appended.partition, offset, &appended.value)
        );
    }
}

pub(crate) async fn records_and_positions_advance_together(fixture: impl Fixture) {
    let log = fixture.log();
    append(&log, &commands(0..5)).await;
    let mut consumer = log.join("group", Topic::Commands).await.unwrap();
    let (_, batch) = take(consumer.as_mut(), 5).await;
    assert_eq!(log.committed("group", Topic::Commands).await.unwrap(), []);
    let mut producer = log.producer("worker").await.unwrap();
    producer.append(&[record(Topic::Changes, "a", "1")], Some(&batch.advance)).await.unwrap();
    let positions = log.committed("group", Topic::Commands).await.unwrap();
    assert!(batch.advance.positions.iter().all(|position| positions.contains(position)));
    assert_eq!(values(&all(&log, Topic::Changes).await), ["1"]);
}

pub(crate) async fn a_step_without_records_moves_the_positions(fixture: impl Fixture) {
    let log = fixture.log();
    append(&log, &commands(0..5)).await;
    let mut consumer = log.join("group", Topic::Commands).await.unwrap();
    let (_, batch) = take(consumer.as_mut(), 5).await;
    let mut producer = log.producer("worker").await.unwrap();
    assert_eq!(producer.append(&[], Some(&batch.advance)).await.unwrap(), []);
    let positions = log.committed("group", Topic::Commands).await.unwrap();
    assert!(batch.advance.positions.iter().all(|position| positions.contains(position)));
}

pub(crate) async fn taking_a_writers_name_fences_its_predecessor(fixture: impl Fixture) {
    let log = fixture.log();
    let mut first = log.producer("worker").await.unwrap();
    first.append(&[record(Topic::Changes, "a", "1")], None).await.unwrap();
    let mut second = log.producer("worker").await.unwrap();
    let outcome = first.append(&[record(Topic::Changes, "b", "late")], None).await;
    assert!(matches!(outcome, Err(AppendError::Fenced)), "{outcome:?}");
    second.append(&[record(Topic::Changes, "c", "2")], None).await.unwrap();
    assert_eq!(values(&all(&log, Topic::Changes).await), ["1", "2"]);
}

pub(crate) async fn a_fenced_step_leaves_neither_records_nor_positions(fixture: impl Fixture) {
    let log = fixture.log();
    append(&log, &commands(0..5)).await;
    let mut consumer = log.join("group", Topic::Commands).await.unwrap();
    let (_, batch) = take(consumer.as_mut(), 5).await;
    let mut producer = log.producer("worker").await.unwrap();
    let _successor = log.producer("worker").await.unwrap();
    let outcome = producer.append(&[record(Topic::Changes, "a", "late")], Some(&batch.advance)).await;
    assert!(matches!(outcome, Err(AppendError::Fenced)), "{outcome:?}");
    assert_eq!(log.committed("group", Topic::Commands).await.unwrap(), []);
    assert!(all(&log, Topic::Changes).await.is_empty());
}

pub(crate) async fn names_of_other_writers_are_not_fenced(fixture: impl Fixture) {
    let log = fixture.log();
    let mut first = log.producer("first").await.unwrap();
    let mut second = log.producer("second").await.unwrap();
    first.append(&[record(Topic::Changes, "a", "1")], None).await.unwrap();
    second.append(&[record(Topic::Changes, "b", "2")], None).await.unwrap();
    first.append(&[record(Topic::Changes, "c", "3")], None).await.unwrap();
    assert_eq!(values(&all(&log, Topic::Changes).await), ["1", "2", "3"]);
}

pub(crate) async fn a_record_that_is_too_large_is_rejected_by_its_index(fixture: impl Fixture) {
    let log = fixture.log();
    let mut producer = log.producer("worker").await.unwrap();
    let large =
        Record { value: Bytes::from(vec![0; MAX_RECORD_BYTES + 1]), ..record(Topic::Changes, "large", "") };
    let outcome = producer.append(&[record(Topic::Changes, "a", "1"), large], None).await;
    assert!(matches!(outcome, Err(AppendError::Rejected { index: 1, .. })), "{outcome:?}");
    producer.append(&[record(Topic::Changes, "b", "2")], None).await.unwrap();
    let mut reader = log.read(Topic::Changes, &[]).await.unwrap();
    let batch = must("a batch", reader.next(&BatchLimits::default())).await.unwrap();
    assert!(batch.iter().all(|record| record.key != "a"), "nothing of the rejected step is visible");
    assert_eq!(values(&all(&log, Topic::Changes).await), ["2"]);
}
