//! The suite on Postgres, and what only a server promises. One database for each test.
#![expect(clippy::unwrap_used, reason = "a test that fails should say so at once")]

mod suite;

use std::{sync::Arc, time::Duration};

use backstitch_read_model::{CommitError, PostgresReadModel, ReadModel, ReadModelError, Revision};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use suite::{
    LEASE, commit, lead,
    samples::{first, relation, updated},
};
use tokio::sync::watch;

/// A database of its own, left behind for those who ask why a test failed.
struct Database {
    url: String,
}

impl Database {
    async fn create() -> Self {
        #[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
        let server = std::env::var("BACKSTITCH_TEST_POSTGRES").expect(
            "BACKSTITCH_TEST_POSTGRES must be the URL of a Postgres role that may create databases; \
            `cargo xtask test` provides it, and so does `cargo xtask services up`",
        );
        let name = format!("read_model_{}", uuid::Uuid::new_v4().simple());
        let mut conn = PgConnection::connect(&server).await.unwrap();
        let sql = format!("CREATE DATABASE {name}");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
        let base = server.split('?').next().unwrap();
        let start = base.find("://").map_or(0, |at| at + 3);
        let host = base[start..].find('/').map_or(base, |at| &base[..start + at]);
        Self { url: format!("{host}/{name}") }
    }

    async fn session(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    async fn connect(&self) -> Arc<dyn ReadModel> {
        PostgresReadModel::connect(&self.url).await.unwrap()
    }
}

async fn fixture() -> (Arc<dyn ReadModel>, Database) {
    let database = Database::create().await;
    PostgresReadModel::migrate(&database.url).await.unwrap();
    (database.connect().await, database)
}

async fn heard(commits: &mut watch::Receiver<Revision>, revision: Revision) {
    let wait = commits.wait_for(|last| *last == revision);
    tokio::time::timeout(LEASE, wait).await.expect("the commit is heard").unwrap();
}

whole_suite!();

#[tokio::test]
async fn commits_of_another_process_are_heard() {
    let (writer, database) = fixture().await;
    let reader = database.connect().await;
    let mut commits = reader.commits();
    let leadership = lead(&writer).await;
    commit(&writer, &leadership, &first(1)).await;
    heard(&mut commits, first(1).revision).await;
}

#[tokio::test]
async fn a_commit_during_a_gap_of_the_listener_is_heard_after_it() {
    let (writer, database) = fixture().await;
    let reader = database.connect().await;
    let mut commits = reader.commits();
    let leadership = lead(&writer).await;
    commit(&writer, &leadership, &first(1)).await;
    heard(&mut commits, first(1).revision).await;
    // All but the leader's own sessions end; the commit may fall into the gap or behind it.
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'LISTEN%'";
    let ended: i64 = sqlx::query_scalar(sql).fetch_one(&mut database.session().await).await.unwrap();
    assert!(ended >= 1);
    let next = updated(first(1).revision, 1);
    commit(&writer, &leadership, &next).await;
    heard(&mut commits, next.revision).await;
}

#[tokio::test]
async fn a_leader_that_froze_in_a_commit_is_ended() {
    let (model, database) = fixture().await;
    let mut frozen = database.session().await;
    let sql = "UPDATE leader SET holder = 'frozen', epoch = epoch + 1, expires_at = now(),
            backend = pid, backend_started_at = backend_start
        FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    sqlx::query(sql).execute(&mut frozen).await.unwrap();
    sqlx::query("BEGIN").execute(&mut frozen).await.unwrap();
    sqlx::query("SELECT epoch FROM leader FOR UPDATE").execute(&mut frozen).await.unwrap();

    let taken = tokio::time::timeout(LEASE, model.lead("standby", LEASE)).await.unwrap().unwrap();
    commit(&model, &taken.expect("the lease has run out"), &first(1)).await;
    assert!(sqlx::query("COMMIT").execute(&mut frozen).await.is_err());
}

#[tokio::test]
async fn a_leader_whose_session_broke_goes_on_with_another() {
    let (model, database) = fixture().await;
    let leadership = lead(&model).await;
    commit(&model, &leadership, &first(1)).await;
    let mut session = database.session().await;
    let sql = "SELECT pg_terminate_backend(backend, 5000) FROM leader";
    assert!(sqlx::query_scalar::<_, bool>(sql).fetch_one(&mut session).await.unwrap());
    let next = updated(first(1).revision, 1);
    let broken = model.commit(&leadership, &next).await.unwrap_err();
    assert!(matches!(broken, CommitError::ReadModel(ReadModelError::Unavailable(_))), "{broken:?}");
    commit(&model, &leadership, &next).await;
    let adopted = "SELECT count(*) FROM leader JOIN pg_stat_activity ON pid = backend AND backend_start =
        backend_started_at";
    assert_eq!(sqlx::query_scalar::<_, i64>(adopted).fetch_one(&mut session).await.unwrap(), 1);
    assert!(model.renew(&leadership, LEASE).await.unwrap());
}

#[tokio::test]
async fn a_session_of_an_old_epoch_is_not_adopted() {
    let (model, database) = fixture().await;
    let standby = database.connect().await;
    let old = model.lead("old", Duration::ZERO).await.unwrap().unwrap();
    let new = standby.lead("new", LEASE).await.unwrap().unwrap();
    // The takeover ended the old session; whether that shows first, or the lost leadership, is luck.
    let outcome = model.commit(&old, &first(1)).await.unwrap_err();
    let retried = model.commit(&old, &first(1)).await.unwrap_err();
    assert!(!matches!(outcome, CommitError::Unclear(_) | CommitError::Data(_)), "{outcome:?}");
    assert!(matches!(retried, CommitError::LostLeadership), "{retried:?}");
    commit(&standby, &new, &first(1)).await;
}

#[tokio::test]
async fn a_database_without_tables_says_what_to_do() {
    let database = Database::create().await;
    let error = PostgresReadModel::connect(&database.url).await.unwrap_err();
    assert!(
        matches!(&error, ReadModelError::Unusable(text) if text.contains("backstitch migrate")),
        "{error:?}"
    );
    PostgresReadModel::migrate(&database.url).await.unwrap();
    PostgresReadModel::migrate(&database.url).await.unwrap();
    assert_eq!(database.connect().await.head().await.unwrap().entities, 0);
}

#[tokio::test]
async fn people_read_entities_and_relations_with_sql() {
    let (model, database) = fixture().await;
    let leadership = lead(&model).await;
    let mut written = first(2);
    written.entities[0].body = r#"{"metadata":{"name":"c1"},"spec":{"odd":"\u0000"}}"#.to_owned();
    written.relations_added = vec![relation(1, 1, 2), relation(2, 1, 2)];
    commit(&model, &leadership, &written).await;
    let mut session = database.session().await;
    let sql = "SELECT entity::text FROM final_entities WHERE entity_ref = 'component:default/c1'";
    let entity: String = sqlx::query_scalar(sql).fetch_one(&mut session).await.unwrap();
    let entity: serde_json::Value = serde_json::from_str(&entity).unwrap();
    assert_eq!(entity["metadata"]["etag"], written.entities[0].etag);
    let expected = serde_json::json!([{"type": "ownedBy", "targetRef": "component:default/c2"}]);
    assert_eq!(entity["relations"], expected);
    let relations: Vec<(String, String, String)> =
        sqlx::query_as("SELECT * FROM entity_relations").fetch_all(&mut session).await.unwrap();
    assert_eq!(relations.len(), 1);
    assert_eq!(relations[0].2, "component:default/c2");
}
