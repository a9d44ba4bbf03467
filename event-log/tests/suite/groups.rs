//! Consumer groups: positions, takeover, fencing.

use std::{sync::Arc, time::Duration};

use backstitch_event_log::{
    AppendError, BatchLimits, Consumer, Delivery, EventLog, LogError, Offset, Partition, Record,
};
use backstitch_schemas::Topic;

use super::{Fixture, tools::*};

pub(crate) async fn a_group_without_positions_starts_at_the_beginning(fixture: impl Fixture) {
    let log = fixture.log();
    append(&log, &commands(0..3)).await;
    let mut consumer = log.join("group", Topic::Commands).await.unwrap();
    let first = must("the assignment", consumer.next(&BatchLimits::default())).await.unwrap();
    let Delivery::Assigned(partitions) = first else { panic!("{first:?} came before the assignment") };
    assert_eq!(partitions.len(), usize::try_from(log.partitions(Topic::Commands)).unwrap());
    let (records, _) = take(consumer.as_mut(), 3).await;
    assert_eq!(values(&records), ["value 0", "value 1", "value 2"]);
}

pub(crate) async fn a_group_goes_on_where_its_last_step_ended(fixture: impl Fixture) {
    let log = fixture.log();
    append(&log, &commands(0..3)).await;
    let mut consumer = log.join("group", Topic::Commands).await.unwrap();
    let (_, batch) = take(consumer.as_mut(), 3).await;
    let mut producer = log.producer("worker").await.unwrap();
    producer.append(&[], Some(&batch.advance)).await.unwrap();
    drop((consumer, producer));
    append(&log, &commands(3..5)).await;
    let mut consumer = log.join("group", Topic::Commands).await.unwrap();
    let (records, _) = take(consumer.as_mut(), 2).await;
    assert_eq!(values(&records), ["value 3", "value 4"]);
}

pub(crate) async fn a_rewound_member_gets_what_it_did_not_advance_past(fixture: impl Fixture) {
    let log = fixture.log();
    append(&log, &commands(0..2)).await;
    let mut consumer = log.join("group", Topic::Commands).await.unwrap();
    let (_, batch) = take(consumer.as_mut(), 2).await;
    let mut producer = log.producer("worker").await.unwrap();
    producer.append(&[], Some(&batch.advance)).await.unwrap();
    append(&log, &commands(2..5)).await;
    let (before, _) = take(consumer.as_mut(), 3).await;
    consumer.rewind().await.unwrap();
    let (after, batch) = take(consumer.as_mut(), 3).await;
    assert_eq!(values(&before), ["value 2", "value 3", "value 4"]);
    assert_eq!(before, after);
    producer.append(&[], Some(&batch.advance)).await.unwrap();
}

pub(crate) async fn groups_do_not_know_each_other(fixture: impl Fixture) {
    let log = fixture.log();
    append(&log, &commands(0..2)).await;
    for group in ["one", "other"] {
        let mut consumer = log.join(group, Topic::Commands).await.unwrap();
        let (records, batch) = take(consumer.as_mut(), 2).await;
        assert_eq!(values(&records), ["value 0", "value 1"]);
        let mut producer = log.producer(group).await.unwrap();
        producer.append(&[], Some(&batch.advance)).await.unwrap();
    }
}

pub(crate) async fn a_member_that_lost_its_partitions_is_fenced(fixture: impl Fixture) {
    let log = fixture.log();
    let spread = (0..log.partitions(Topic::Changes))
        .map(|n| Record { partition: Partition(n), ..record(Topic::Changes, &format!("key {n}"), "input") });
    append(&log, &spread.collect::<Vec<_>>()).await;
    let count = usize::try_from(log.partitions(Topic::Changes)).unwrap();

    let mut old = log.join("group", Topic::Changes).await.unwrap();
    let (_, batch) = take(old.as_mut(), count).await;
    let mut old_producer = log.producer("old").await.unwrap();
    let new = log.join("group", Topic::Changes);
    let (lost, mut new) = must("the takeover", async {
        let (lost, new) = tokio::join!(revoked(old.as_mut()), async {
            let mut new = new.await.unwrap();
            assigned(new.as_mut()).await;
            new
        });
        (lost, new)
    })
    .await;
    assert!(!lost.is_empty());

    let outcome = old_producer.append(&[record(Topic::Processed, "a", "late")], Some(&batch.advance)).await;
    assert!(matches!(outcome, Err(AppendError::Fenced)), "{outcome:?}");
    assert_eq!(log.committed("group", Topic::Changes).await.unwrap(), []);

    // The successor gets the work again, and its step counts. The old member goes on polling, as
    // every member must, until it sees that it is not needed.
    let batch = tokio::select! {
        batch = next_batch(new.as_mut()) => batch,
        never = poll_for_ever(old.as_mut()) => never,
    };
    let mut producer = log.producer("new").await.unwrap();
    producer.append(&[record(Topic::Processed, "a", "right")], Some(&batch.advance)).await.unwrap();
    assert_eq!(values(&all(&log, Topic::Processed).await), ["right"]);
}

pub(crate) async fn a_group_beyond_the_end_is_told_so(fixture: impl Fixture) {
    let log = fixture.log();
    append(&log, &commands(0..1)).await;
    let mut consumer = log.join("group", Topic::Commands).await.unwrap();
    let (_, mut batch) = take(consumer.as_mut(), 1).await;
    // As if the log had been replaced by a shorter one.
    let beyond = (Partition(0), Offset(1_000_000));
    batch.advance.positions = vec![beyond];
    log.producer("worker").await.unwrap().append(&[], Some(&batch.advance)).await.unwrap();
    drop(consumer);
    let error = must("an error", first_error(&log)).await;
    let LogError::OutOfRange { topic, partition, offset } = error else { panic!("{error:?}") };
    assert_eq!((topic, partition, offset), (Topic::Commands, beyond.0, beyond.1));
}

pub(crate) async fn a_member_collects_while_it_may_linger(fixture: impl Fixture) {
    let log = fixture.log();
    let mut consumer = log.join("group", Topic::Commands).await.unwrap();
    assigned(consumer.as_mut()).await;
    append(&log, &commands(0..1)).await;
    let limits = BatchLimits { records: 3, linger: Duration::from_secs(3_600), ..BatchLimits::default() };
    let collecting = tokio::spawn(async move {
        let mut keys = 0;
        // The log's header may be a part of the first batch.
        while keys < 3 {
            if let Delivery::Batch(batch) = consumer.next(&limits).await.unwrap() {
                keys += batch.records.len();
            }
        }
    });
    append(&log, &commands(1..6)).await;
    must("a full batch", collecting).await.unwrap();
}

/// What goes wrong first for a new member.
async fn first_error(log: &Arc<dyn EventLog>) -> LogError {
    let mut consumer = match log.join("group", Topic::Commands).await {
        Ok(consumer) => consumer,
        Err(error) => return error,
    };
    loop {
        if let Err(error) = consumer.next(&BatchLimits::default()).await {
            return error;
        }
    }
}

async fn revoked(consumer: &mut dyn Consumer) -> Vec<Partition> {
    loop {
        if let Delivery::Revoked(partitions) = consumer.next(&BatchLimits::default()).await.unwrap() {
            return partitions;
        }
    }
}

async fn assigned(consumer: &mut dyn Consumer) {
    must("the assignment", async {
        loop {
            match consumer.next(&BatchLimits::default()).await.unwrap() {
                Delivery::Assigned(partitions) if !partitions.is_empty() => return,
                _ => {}
            }
        }
    })
    .await;
}

async fn poll_for_ever<T>(consumer: &mut dyn Consumer) -> T {
    loop {
        consumer.next(&BatchLimits::default()).await.unwrap();
    }
}
