//! The suite on SQLite, and what only a file promises.
#![expect(clippy::unwrap_used, reason = "a test that fails should say so at once")]

mod suite;

use std::sync::Arc;

use backstitch_read_model::{ReadModel, SqliteReadModel};
use suite::{
    LEASE, commit, lead, loaded,
    samples::{first, relation},
};

async fn fixture() -> (Arc<dyn ReadModel>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let model = SqliteReadModel::open(&folder.path().join("read-model.db")).await.unwrap();
    (model, folder)
}

whole_suite!();

#[tokio::test]
async fn a_file_that_is_opened_again_has_everything_and_no_leader() {
    let (model, folder) = fixture().await;
    let old = lead(&model).await;
    commit(&model, &old, &first(3)).await;
    let before = loaded(&model).await;
    drop(model);
    let model = SqliteReadModel::open(&folder.path().join("read-model.db")).await.unwrap();
    assert_eq!(*model.commits().borrow(), first(3).revision);
    let model: Arc<dyn ReadModel> = model;
    assert_eq!(loaded(&model).await, before);
    let new = model.lead("another process", LEASE).await.unwrap().expect("the old process is dead");
    assert!(new.epoch > old.epoch);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_unusable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read-model.db");
    std::fs::write(&path, "not a database, but long enough to be taken for one".repeat(100)).unwrap();
    let error = SqliteReadModel::open(&path).await.unwrap_err();
    assert!(matches!(error, backstitch_read_model::ReadModelError::Unusable(_)), "{error:?}");
}

#[tokio::test]
async fn people_read_entities_and_relations_with_sql() {
    let (model, folder) = fixture().await;
    let leadership = lead(&model).await;
    let mut written = first(2);
    written.relations_added = vec![relation(1, 1, 2), relation(2, 1, 2)];
    commit(&model, &leadership, &written).await;
    let url = format!("sqlite:{}", folder.path().join("read-model.db").display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let sql = "SELECT entity FROM final_entities WHERE entity_ref = 'component:default/c1'";
    let entity: String = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
    let entity: serde_json::Value = serde_json::from_str(&entity).unwrap();
    assert_eq!(entity["metadata"]["etag"], written.entities[0].etag);
    let expected = serde_json::json!([{"type": "ownedBy", "targetRef": "component:default/c2"}]);
    assert_eq!(entity["relations"], expected);
    let relations: Vec<(String, String, String)> =
        sqlx::query_as("SELECT * FROM entity_relations").fetch_all(&pool).await.unwrap();
    assert_eq!(relations.len(), 1);
    assert_eq!(relations[0].2, "component:default/c2");
}
