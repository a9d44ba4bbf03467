//! Long reads see one commit.

use std::sync::Arc;

use backstitch_read_model::{Head, ReadModel, Revision};

use super::{
    LEASE, Loaded, Whole, commit, lead, loaded,
    samples::{first, relation, updated},
    whole,
};

pub(crate) async fn a_snapshot_is_of_one_commit_while_others_go_on(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    let mut written = first(20_000);
    written.relations_added = (1..=20_000).map(|source| relation(source.into(), source, 1)).collect();
    commit(&model, &leadership, &written).await;
    let (revision, parts) = model.snapshot().await.unwrap();
    let load = model.load().await.unwrap();
    let mut base = written.revision;
    for number in [20_000, 1, 19_999] {
        let mut changed = updated(base, number);
        changed.relations_removed = vec![relation(number.into(), number, 1)];
        commit(&model, &leadership, &changed).await;
        base = changed.revision;
    }
    let snapshot = whole(parts).await;
    assert_eq!(revision, written.revision);
    assert_eq!((snapshot.entities.len(), snapshot.relations.len()), (20_000, 20_000));
    assert!(snapshot.entities.iter().all(|entity| entity.revision <= revision));
    drop(load);
    let (revision, parts) = model.snapshot().await.unwrap();
    let snapshot = whole(parts).await;
    assert_eq!((revision, snapshot.relations.len()), (base, 19_997));
    assert_eq!(snapshot.entities.iter().map(|entity| entity.revision).max(), Some(base));
}

pub(crate) async fn an_unheard_read_frees_its_connection(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    commit(&model, &leadership, &first(20_000)).await;
    for _ in 0..30 {
        drop(model.snapshot().await.unwrap());
        drop(model.load().await.unwrap());
    }
    let head = tokio::time::timeout(LEASE, model.head()).await.unwrap().unwrap();
    assert_eq!(head.entities, 20_000);
}

pub(crate) async fn an_empty_read_model_is_empty(model: Arc<dyn ReadModel>) {
    assert_eq!(model.head().await.unwrap(), Head::default());
    assert_eq!(loaded(&model).await, Loaded::default());
    let (revision, parts) = model.snapshot().await.unwrap();
    assert_eq!((revision, whole(parts).await), (Revision(0), Whole::default()));
    assert_eq!(*model.commits().borrow(), Revision(0));
    assert_eq!(model.claims_with_problems(1).await.unwrap().total, 0);
    assert_eq!(model.latest_changes(9).await.unwrap(), []);
    assert_eq!(model.sources().await.unwrap(), []);
}
