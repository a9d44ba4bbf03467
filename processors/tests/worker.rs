//! The whole loop: changes in, results and positions out, whatever the log does meanwhile.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

mod support;

use std::{sync::Arc, time::Duration};

use backstitch_event_log::{AppendError, Partition, Record, StoredRecord};
use backstitch_processors::{Config, Error, Health, Pipeline, Worker};
use backstitch_schemas::{
    Change, ClaimKey, Clock, Digest, EntityRef, Identity, ProviderName, Timestamp, Topic, Version,
    change::{Cause, CauseKind, Content},
    headers::{self, ChangeHeaders, Operation},
    log_header,
    processed::{FormState, Processed},
    topic::partition_of_entity,
};
use support::ScriptedLog;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PARTITIONS: u32 = 3;

#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp(43_200_000)
    }
}

fn record(partition: u32, key: Vec<u8>, value: Vec<u8>) -> Record {
    Record {
        topic: Topic::Changes,
        partition: Partition(partition),
        key: key.into(),
        value: value.into(),
        headers: vec![(headers::TRACEPARENT, "00-trace".to_owned())],
    }
}

fn change(name: &str) -> Record {
    let entity_ref = EntityRef::new("system", None, name);
    let entity = format!(
        r#"{{"apiVersion":"backstage.io/v1alpha1","kind":"System","metadata":{{"name":"{name}"}},"spec":{{"owner":"x"}}}}"#
    );
    let change = Change {
        identity: Identity::mint(),
        created_at: Timestamp(0),
        location_key: None,
        location_id: None,
        digest: String::new(),
        released: false,
        content: Some(Content {
            entity,
            location: "url:https://a".to_owned(),
            origin: "url:https://a".to_owned(),
            position: None,
            substitutions: Vec::new(),
            listing_errors: Vec::new(),
        }),
        cause: Cause { kind: CauseKind::Read, detail: None, at: Timestamp(0) },
    };
    let partition = partition_of_entity(&entity_ref, PARTITIONS);
    record(partition, ClaimKey::own(entity_ref, ProviderName::new("p")).encode(), change.encode())
}

struct Running {
    shutdown: CancellationToken,
    health: tokio::sync::watch::Receiver<Health>,
    worker: JoinHandle<Result<(), Error>>,
}

fn start(log: &ScriptedLog) -> Running {
    let shutdown = CancellationToken::new();
    let pipeline = Arc::new(Pipeline::default());
    let worker = Worker::new(Arc::new(log.clone()), pipeline, Arc::new(Noon), "test", &Config::default());
    let health = worker.health();
    Running { health, worker: tokio::spawn(worker.run(shutdown.clone())), shutdown }
}

/// Waits until `done`, and tells what was seen if that takes too long.
async fn until(log: &ScriptedLog, done: impl Fn(&ScriptedLog) -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while !done(log) {
            tokio::task::yield_now().await;
        }
    });
    assert!(waited.await.is_ok(), "still {log:#?}");
}

async fn until_all_processed(log: &ScriptedLog) {
    until(log, |log| (0..PARTITIONS).all(|p| log.position(p) == log.records(Topic::Changes, p).len() as i64))
        .await;
}

impl Running {
    async fn stop(self) {
        self.shutdown.cancel();
        self.worker.await.unwrap().unwrap();
    }
}

fn decoded(log: &ScriptedLog, partition: u32) -> Vec<Processed> {
    let decode = |record: &StoredRecord| Processed::decode(&record.key, &record.value).unwrap();
    log.records(Topic::Processed, partition).iter().map(decode).collect()
}

/// The names of the entities that have a good form, in the order of the log.
fn good_names(log: &ScriptedLog, partition: u32) -> Vec<String> {
    let name = |record: &Processed| match record {
        Processed::Form(claim, form) if matches!(form.state, FormState::Good(_)) => {
            Some(claim.entity_ref.name().to_owned())
        }
        _ => None,
    };
    decoded(log, partition).iter().filter_map(name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_gives_one_result_in_its_order_and_progress_comes_last() {
    let log = ScriptedLog::new(PARTITIONS);
    log.write(&record(0, log_header::KEY.to_vec(), Vec::new()));
    let mut expected = vec![Vec::new(); PARTITIONS as usize];
    for number in 0..1000 {
        let change = change(&format!("s{number}"));
        expected[change.partition.0 as usize].push(format!("s{number}"));
        log.write(&change);
    }
    let running = start(&log);
    until_all_processed(&log).await;
    running.stop().await;
    for partition in 0..PARTITIONS {
        assert_eq!(good_names(&log, partition), expected[partition as usize]);
        let Some(Processed::Progress(progress)) = decoded(&log, partition).pop() else {
            panic!("no progress in partition {partition}")
        };
        assert_eq!(progress.next, log.position(partition));
    }
    let result = &log.records(Topic::Processed, 0)[0];
    assert_eq!(result.header("ce_time"), Some("1970-01-01T12:00:00Z"));
    assert_eq!(result.header(headers::TRACEPARENT), Some("00-trace"));
    assert!(result.header(headers::FINGERPRINT).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_goes_to_the_dead_letters_and_the_partition_goes_on() {
    let log = ScriptedLog::new(PARTITIONS);
    let sound = change("sound");
    let partition = sound.partition.0;
    log.write(&record(partition, sound.key.to_vec(), b"rubbish".to_vec()));
    log.write(&record(partition, b"rubbish".to_vec(), sound.value.to_vec()));
    log.write(&sound);
    let running = start(&log);
    until_all_processed(&log).await;
    running.stop().await;
    let letters = log.records(Topic::ChangesDeadLetters, partition);
    assert_eq!(letters.len(), 2);
    assert_eq!((&letters[0].key, &letters[0].value[..]), (&sound.key, &b"rubbish"[..]));
    assert_eq!(
        letters[0].header(headers::DEAD_LETTER_ORIGIN),
        Some(format!("catalog.changes/{partition}/0").as_str())
    );
    assert_eq!(letters[0].header(headers::DEAD_LETTER_HEADERS), Some(r#"[["traceparent","00-trace"]]"#));
    assert!(letters[1].header(headers::DEAD_LETTER_REASON).unwrap().contains("key"));
    assert_eq!(good_names(&log, partition), ["sound"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_cannot_be_read_is_an_error_on_its_entity_as_well() {
    let log = ScriptedLog::new(PARTITIONS);
    let identity = Identity::mint();
    let of_change = |operation| ChangeHeaders {
        digest: Digest::of(b"x"),
        identity,
        created_at: Timestamp(7),
        location_key: Some("k".to_owned()),
        location_id: None,
        operation,
    };
    let claimed = change("a");
    let partition = claimed.partition.0;
    let rubbish = |operation| Record {
        value: "rubbish".into(),
        headers: of_change(operation).encode(),
        ..claimed.clone()
    };
    log.write(&rubbish(Operation::Claimed));
    log.write(&rubbish(Operation::Withdrawn));
    let running = start(&log);
    until_all_processed(&log).await;
    running.stop().await;
    assert_eq!(log.records(Topic::ChangesDeadLetters, partition).len(), 2);
    let results = decoded(&log, partition);
    let Processed::Errors(claim, errors) = &results[0] else { panic!("{results:?}") };
    assert_eq!(claim.encode(), claimed.key);
    assert_eq!((errors.stamp.version, errors.stamp.identity), (Version(0), identity));
    assert_eq!((errors.stamp.created_at, errors.stamp.location_key.as_deref()), (Timestamp(7), Some("k")));
    assert!(errors.errors[0].message.contains("dead letters"), "{:?}", errors.errors);
    let Processed::Form(_, form) = &results[1] else { panic!("{results:?}") };
    assert_eq!((form.stamp.version, &form.state), (Version(1), &FormState::Withdrawn));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fenced_step_leaves_nothing_and_the_work_is_looked_at_again() {
    let log = ScriptedLog::new(PARTITIONS);
    log.fail_next(AppendError::Fenced);
    let change = change("a");
    log.write(&change);
    let running = start(&log);
    until_all_processed(&log).await;
    running.stop().await;
    assert_eq!(good_names(&log, change.partition.0), ["a"]);
    assert_eq!(log.producers(), 2, "a fenced producer is dropped");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_log_is_away_the_worker_waits_and_says_so() {
    let log = ScriptedLog::new(PARTITIONS);
    log.fail_next(AppendError::Unavailable("no broker".to_owned()));
    let change = change("a");
    log.write(&change);
    let mut running = start(&log);
    let waiting = running.health.wait_for(|health| *health == Health::Waiting("no broker".to_owned()));
    tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap().unwrap();
    until_all_processed(&log).await;
    assert_eq!(good_names(&log, change.partition.0), ["a"]);
    let working = running.health.wait_for(|health| *health == Health::Working);
    tokio::time::timeout(Duration::from_secs(20), working).await.unwrap().unwrap();
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_the_log_does_not_take_becomes_a_dead_letter() {
    let log = ScriptedLog::new(PARTITIONS);
    log.fail_next(AppendError::Rejected { index: 0, reason: "too large".to_owned() });
    let mut change = change("a");
    change.headers.extend(ChangeHeaders::of(&Change::decode(&change.value).unwrap()).encode());
    log.write(&change);
    let running = start(&log);
    until_all_processed(&log).await;
    running.stop().await;
    assert!(matches!(decoded(&log, change.partition.0)[0], Processed::Errors(..)), "{log:#?}");
    let letters = log.records(Topic::ChangesDeadLetters, change.partition.0);
    assert_eq!(letters[0].value, change.value);
    assert_eq!(letters[0].header(headers::DEAD_LETTER_REASON), Some("too large"));
}
