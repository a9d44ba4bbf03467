//! How fast commits are written and read back: SQLite in a temporary directory and, if
//! `BACKSTITCH_TEST_POSTGRES` names one, the tables of a migrated, empty Postgres database.
//!
//! An entity has a body of about 1 KB, eight relations, and rows in refs, claims, entities and history.
#![expect(clippy::unwrap_used, reason = "a measurement that fails should say so at once")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use backstitch_read_model::{
    ClaimId, ClaimRow, ClaimState, Commit, EntityRow, HistoryOperation, HistoryRow, PostgresReadModel,
    ReadModel, RefId, RefRow, RelationEnd, RelationRow, Revision, SqliteReadModel, Standing, TypeId, TypeRow,
};
use backstitch_schemas::{
    ClaimKey, Digest, EntityRef, Identity, ProviderName, Timestamp,
    change::{Cause, CauseKind},
};
use uuid::Uuid;

const COMMITS: i32 = 25;
const ENTITIES: i32 = 2_000;
const RELATIONS: i32 = 8;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read-model.db");
    measure("sqlite", SqliteReadModel::open(&path).await.unwrap()).await;
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!("sqlite: {} MB on disk", bytes >> 20);
    #[expect(clippy::disallowed_methods, reason = "a measurement has no configuration")]
    if let Ok(url) = std::env::var("BACKSTITCH_TEST_POSTGRES") {
        PostgresReadModel::migrate(&url).await.unwrap();
        measure("postgres", PostgresReadModel::connect(&url).await.unwrap()).await;
    }
}

async fn measure(name: &str, model: Arc<dyn ReadModel>) {
    let leadership =
        model.lead("bench", Duration::from_secs(600)).await.unwrap().expect("an empty read model");
    let mut base = Revision::start_of(1);
    let mut slowest = Duration::ZERO;
    let mut total = Duration::ZERO;
    for number in 0..COMMITS {
        let commit = bulk(base, number);
        base = commit.revision;
        let begin = Instant::now();
        model.commit(&leadership, &commit).await.unwrap();
        slowest = slowest.max(begin.elapsed());
        total += begin.elapsed();
    }
    let rate = f64::from(COMMITS * ENTITIES) / total.as_secs_f64();
    println!("{name}: {rate:.0} entities/s in commits of {ENTITIES}, the slowest took {slowest:.0?}");

    let mut times: Vec<_> = Vec::new();
    for number in 0..200 {
        let commit = single(base, number * 97 + 1);
        base = commit.revision;
        let begin = Instant::now();
        model.commit(&leadership, &commit).await.unwrap();
        times.push(begin.elapsed());
    }
    times.sort();
    println!("{name}: one entity changed: p50 {:.1?}, p99 {:.1?}", times[100], times[197]);
    let begin = Instant::now();
    let mut parts = model.load().await.unwrap();
    while parts.recv().await.transpose().unwrap().is_some() {}
    println!("{name}: load of {} entities {:.0?}", COMMITS * ENTITIES, begin.elapsed());
    let begin = Instant::now();
    let (_, mut parts) = model.snapshot().await.unwrap();
    while parts.recv().await.transpose().unwrap().is_some() {}
    println!("{name}: snapshot {:.0?}", begin.elapsed());
    let begin = Instant::now();
    let changes = model.changes_since(Revision::start_of(1), 20_000).await.unwrap().unwrap();
    println!("{name}: {} changes read in {:.0?}", changes.len(), begin.elapsed());
}

fn bulk(base: Revision, number: i32) -> Commit {
    let revision = Revision(base.0 + i64::from(ENTITIES));
    let mut commit = Commit { base, revision, ..Commit::default() };
    if number == 0 {
        commit.log_id = Some(Uuid::from_u128(1));
        commit.types = (1..=RELATIONS)
            .map(|kind| TypeRow { id: TypeId(kind as i16), name: format!("relation{kind}") })
            .collect();
    }
    for at in 1..=ENTITIES {
        let id = number * ENTITIES + at;
        add(&mut commit, id, Revision(base.0 + i64::from(at)));
    }
    commit
}

fn single(base: Revision, id: i32) -> Commit {
    let revision = base.next();
    let mut commit = Commit { base, revision, ..Commit::default() };
    add(&mut commit, id, revision);
    commit.refs.clear();
    commit.relations_added.clear();
    commit.history[0].operation = HistoryOperation::Updated;
    commit
}

fn add(commit: &mut Commit, id: i32, revision: Revision) {
    let entity_ref = entity_ref(id);
    let body = body(id);
    let uid = Uuid::from_u128(u128::from(Digest::of(body.as_bytes()).0 as u64) << 64 | id as u128);
    let digest = Digest::of(body.as_bytes());
    commit.refs.push(RefRow { id: RefId(id), entity_ref: entity_ref.clone() });
    for kind in 1..=RELATIONS {
        commit.relations_added.push(RelationRow {
            originator: ClaimId(id.into()),
            source: RefId(if kind % 2 == 0 { id } else { other(id, kind) }),
            kind: TypeId(kind as i16),
            target: RefId(if kind % 2 == 0 { other(id, kind) } else { id }),
        });
    }
    commit.claims.push(claim(id, &entity_ref, uid, &body));
    commit.entities.push(EntityRow {
        ref_id: RefId(id),
        uid,
        claim: ClaimId(id.into()),
        body: body.clone(),
        body_digest: digest,
        relations_digest: digest,
        etag: format!("{digest}01234567"),
        revision,
    });
    let end =
        |kind| RelationEnd { kind: format!("relation{kind}"), target: self::entity_ref(other(id, kind)) };
    commit.history.push(HistoryRow {
        revision,
        commit: commit.revision,
        at: Timestamp(1_700_000_000_000),
        entity_ref,
        operation: HistoryOperation::Created,
        uid,
        etag: format!("{digest}01234567"),
        body: Some(body),
        relations_added: (1..=RELATIONS).map(end).collect(),
        relations_removed: Vec::new(),
        cause: Cause { kind: CauseKind::Push, detail: Some("inventory".to_owned()), at: Timestamp(1) },
    });
}

fn claim(id: i32, entity_ref: &EntityRef, uid: Uuid, body: &str) -> ClaimRow {
    ClaimRow {
        id: ClaimId(id.into()),
        key: ClaimKey::own(entity_ref.clone(), ProviderName::new("inventory")),
        ref_id: RefId(id),
        identity: Identity(uid),
        created_at: Timestamp(1_700_000_000_000),
        location_key: None,
        location_id: None,
        released: false,
        version: id.into(),
        state: ClaimState::Good,
        fingerprint: "0123456789abcdef".to_owned(),
        form: Some(body.to_owned()),
        form_digest: Digest::of(body.as_bytes()),
        form_errors: Vec::new(),
        errors_version: -1,
        errors_identity: Uuid::nil(),
        errors: Vec::new(),
        errors_owner: None,
        standing: Standing::Winner,
    }
}

fn entity_ref(id: i32) -> EntityRef {
    EntityRef::new("component", None, &format!("service-number-{id}"))
}

/// Somewhere else among the entities, the same at each run.
fn other(id: i32, kind: i32) -> i32 {
    let hash = Digest::of(&[id.to_le_bytes(), kind.to_le_bytes()].concat()).0;
    (hash % (COMMITS * ENTITIES) as u128) as i32 + 1
}

fn body(id: i32) -> String {
    let annotations: Vec<_> = (0..9)
        .map(|at| {
            let value = Digest::of(&(id * 16 + at).to_le_bytes());
            format!(r#""example.com/annotation-{at}":"https://example.com/{value}/{id}""#)
        })
        .collect();
    format!(
        r#"{{"apiVersion":"backstage.io/v1alpha1","kind":"Component","metadata":{{"annotations":{{{}}},"name":"service-number-{id}","namespace":"default"}},"spec":{{"lifecycle":"production","owner":"group:default/team-{}","type":"service"}}}}"#,
        annotations.join(","),
        id % 97,
    )
}
