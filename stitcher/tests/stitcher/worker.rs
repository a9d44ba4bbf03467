//! The whole loop on an embedded log and an SQLite read model.

use std::{sync::Arc, time::Duration};

use crate::{
    faults::{Fault, Faulty},
    histories::{self, history},
    pipeline::{Pipeline, record, run_and_kill, run_to_end, seen, seen_in_history},
};
use backstitch_event_log::{Partition, Record};
use backstitch_read_model::Revision;
use backstitch_schemas::{
    Clock, EntityRef, Problem, SystemClock, Timestamp, Topic, headers,
    processed::{Processed, Progress},
    source::{DEAD_LETTER, SourceKey, SourceState},
};
use backstitch_stitcher::{Error, State};
use proptest::prelude::*;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(20);

fn plain_history() -> Vec<Processed> {
    histories::some_components(5)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_processed_becomes_visible() {
    let pipeline = Pipeline::new().await;
    pipeline.append(&plain_history()).await;
    pipeline.append(&[Processed::Progress(Progress { next: 42 })]).await;
    let status = run_to_end(&pipeline, pipeline.read_model.clone()).await;
    assert_eq!(status.revision.counter(), 5);
    assert_eq!(status.positions[0].changes_next, 42);
    assert_eq!(seen(&*pipeline.read_model).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_changes_nothing() {
    let pipeline = Pipeline::new().await;
    pipeline.append(&plain_history()).await;
    let before = run_to_end(&pipeline, pipeline.read_model.clone()).await;
    let again = run_to_end(&pipeline, pipeline.read_model.clone()).await;
    assert_eq!(before.revision, again.revision);
    pipeline.append(&histories::some_components(6)).await;
    let more = run_to_end(&pipeline, pipeline.read_model.clone()).await;
    assert_eq!(more.revision, Revision(again.revision.0 + 1), "five are known, one is new");
}

/// A clock that is ahead by a hundred days.
struct Ahead;

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        Timestamp(SystemClock.now().0 + 100 * 24 * 60 * 60 * 1_000)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_beyond_its_retention_is_forgotten() {
    let pipeline = Pipeline::new().await;
    pipeline.append(&plain_history()).await;
    let status = run_to_end(&pipeline, pipeline.read_model.clone()).await;
    assert_eq!(pipeline.read_model.head().await.unwrap().history_from.counter(), 0);
    let worker = pipeline.worker_at(Arc::new(Ahead));
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(worker.run(shutdown.clone()));
    let forgotten = async {
        while pipeline.read_model.head().await.unwrap().history_from != status.revision {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, forgotten).await.expect("history is pruned by whoever leads");
    shutdown.cancel();
    timeout(PATIENCE, running).await.unwrap().unwrap().unwrap();
    assert_eq!(seen(&*pipeline.read_model).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_gives_the_same_entities_under_the_next_incarnation() {
    let pipeline = Pipeline::new().await;
    pipeline.append(&plain_history()).await;
    let first = run_to_end(&pipeline, pipeline.read_model.clone()).await;
    let before = seen(&*pipeline.read_model).await;
    let empty = pipeline.another_read_model("rebuilt").await;
    let second = run_to_end(&pipeline, empty.clone()).await;
    assert_eq!(seen(&*empty).await, before);
    assert_eq!(second.revision.incarnation(), first.revision.incarnation() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_of_another_log_is_refused_with_the_way_out() {
    let (one, other) = (Pipeline::new().await, Pipeline::new().await);
    one.append(&plain_history()).await;
    run_to_end(&one, one.read_model.clone()).await;
    let worker = other.worker(one.read_model.clone());
    let error = timeout(PATIENCE, worker.run(CancellationToken::new())).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::OtherLog { .. }), "{error}");
    assert!(error.to_string().contains("delete the read model"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_goes_to_the_dead_letters_and_the_partition_goes_on() {
    let pipeline = Pipeline::new().await;
    let mut broken = record(&histories::some_components(6)[5]);
    broken.value = b"not ours".as_slice().into();
    pipeline.append_records(&[broken.clone()]).await;
    pipeline.append(&plain_history()).await;
    run_to_end(&pipeline, pipeline.read_model.clone()).await;
    assert_eq!(seen(&*pipeline.read_model).await.len(), 5);
    let letters = pipeline.all(Topic::ProcessedDeadLetters).await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].value, broken.value);
    assert_eq!(letters[0].header(headers::DEAD_LETTER_STAGE), Some("stitcher"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_told_with_its_entity_which_stays_until_a_sound_record_follows() {
    let pipeline = Pipeline::new().await;
    let components = plain_history();
    pipeline.append(&components).await;
    // The embedded log compacts at once: only who has read the sound form by now still has it.
    run_to_end(&pipeline, pipeline.read_model.clone()).await;
    let mut broken = record(&components[3]);
    broken.value = b"not ours".as_slice().into();
    pipeline.append_records(&[broken]).await;
    run_to_end(&pipeline, pipeline.read_model.clone()).await;
    assert_eq!(seen(&*pipeline.read_model).await.len(), 5, "the last good form stays");
    let told = || async {
        let records = pipeline.all(Topic::Sources).await;
        let last = records.iter().rfind(|record| {
            matches!(SourceKey::decode(&record.key), Ok(SourceKey::Ours(name)) if name.starts_with(DEAD_LETTER))
        });
        SourceState::decode(&last.unwrap().value).unwrap()
    };
    let state = told().await;
    assert_eq!((state.outcome.as_str(), state.note.as_deref()), ("failed", Some("component:default/c3")));
    assert!(state.errors[0].message.contains("lies in the dead letters"), "{state:?}");

    // Another process takes note of what is told, and takes it back.
    pipeline.append(&histories::some_components(6)).await;
    run_to_end(&pipeline, pipeline.read_model.clone()).await;
    assert_eq!(told().await.outcome, "withdrawn");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_refuses_becomes_an_error_of_its_entity() {
    let pipeline = Pipeline::new().await;
    let poison = EntityRef::from_canonical("component:default/c3");
    let faulty = Faulty::refusing(pipeline.read_model.clone(), poison.clone());
    pipeline.append(&plain_history()).await;
    run_to_end(&pipeline, faulty).await;
    let seen = seen(&*pipeline.read_model).await;
    assert_eq!(seen.len(), 4);
    let claims = pipeline.read_model.claims_of(&poison).await.unwrap();
    let problems: Vec<&Problem> = claims.iter().flat_map(|claim| &claim.problems).collect();
    assert!(problems[0].message.contains("too strange"), "{problems:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn states_of_sources_are_copied() {
    let pipeline = Pipeline::new().await;
    let key = SourceKey::Ours("test".to_owned());
    let state = SourceState { outcome: "failed".to_owned(), ..SourceState::default() };
    let source = Record {
        topic: Topic::Sources,
        partition: Partition(0),
        key: key.encode().into(),
        value: state.encode().into(),
        headers: Vec::new(),
    };
    pipeline.append_records(&[source]).await;
    let (worker, shutdown) = (pipeline.worker(pipeline.read_model.clone()), CancellationToken::new());
    let running = tokio::spawn(worker.run(shutdown.clone()));
    timeout(PATIENCE, async {
        while pipeline.read_model.sources().await.unwrap().iter().all(|row| row.state != state) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    shutdown.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_takes_over_when_the_leader_goes() {
    let pipeline = Pipeline::new().await;
    pipeline.append(&plain_history()).await;
    let (leader, leader_stop) = (pipeline.worker_named("one"), CancellationToken::new());
    let mut leads = leader.status();
    let leading = tokio::spawn(leader.run(leader_stop.clone()));
    timeout(PATIENCE, leads.wait_for(|status| status.state == State::Live)).await.unwrap().unwrap();

    let (standby, standby_stop) = (pipeline.worker_named("two"), CancellationToken::new());
    let mut waits = standby.status();
    let standing_by = tokio::spawn(standby.run(standby_stop.clone()));
    timeout(PATIENCE, waits.wait_for(|status| status.state == State::Standby)).await.unwrap().unwrap();

    leader_stop.cancel();
    leading.await.unwrap().unwrap();
    timeout(PATIENCE, waits.wait_for(|status| status.state == State::Live)).await.unwrap().unwrap();
    standby_stop.cancel();
    standing_by.await.unwrap().unwrap();
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        3 => Just(Fault::None),
        1 => Just(Fault::Unavailable),
        1 => Just(Fault::UnclearAndNotMade),
        1 => Just(Fault::UnclearAndMade),
        1 => Just(Fault::Lost),
        2 => Just(Fault::KilledBefore),
        2 => Just(Fault::KilledAfter),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn a_crash_between_any_two_steps_loses_nothing_and_repeats_nothing(
        records in history(60),
        faults in prop::collection::vec(fault(), 0..10),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let pipeline = Pipeline::new().await;
            for part in records.chunks(9) {
                pipeline.append(part).await;
            }
            let undisturbed = pipeline.another_read_model("undisturbed").await;
            run_to_end(&pipeline, undisturbed.clone()).await;
            let faulty = Faulty::with(pipeline.read_model.clone(), faults);
            run_and_kill(&pipeline, faulty.clone(), &faulty.killed).await;
            let state = seen(&*pipeline.read_model).await;
            assert_eq!(state, seen(&*undisturbed).await);
            // Every revision is there once, and together they tell the state.
            assert_eq!(seen_in_history(&*pipeline.read_model).await, state);
        });
    }
}
