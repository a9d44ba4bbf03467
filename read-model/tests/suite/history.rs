//! What changed, in whole commits.

use std::sync::Arc;

use backstitch_read_model::{Commit, HistoryOperation, ReadModel, RefId, RelationsChange, Revision};
use backstitch_schemas::Timestamp;

use super::{
    commit, lead,
    samples::{added, entity_ref, first, updated},
};

pub(crate) async fn it_is_told_newest_first(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    let created = first(2);
    let changed = updated(created.revision, 1);
    let again = updated(changed.revision, 1);
    for written in [&created, &changed, &again] {
        commit(&model, &leadership, written).await;
    }
    let expected = [&again.history[0], &changed.history[0], &created.history[0]];
    let told = model.history_of(&entity_ref(1), 10).await.unwrap();
    assert_eq!(told.iter().collect::<Vec<_>>(), expected);
    assert_eq!(model.history_of(&entity_ref(1), 2).await.unwrap().len(), 2);
    assert_eq!(model.history_of(&entity_ref(99), 2).await.unwrap(), []);
    let latest = model.latest_changes(3).await.unwrap();
    let expected = [&again.history[0], &changed.history[0], &created.history[1]];
    assert_eq!(latest.iter().collect::<Vec<_>>(), expected);
}

pub(crate) async fn changes_come_in_whole_commits(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    let one = first(3);
    let two = added(one.revision, 4..=7);
    let three = updated(two.revision, 1);
    let commits = [&one, &two, &three];
    for written in commits {
        commit(&model, &leadership, written).await;
    }
    let since = |since, rows| {
        let model = model.clone();
        async move { model.changes_since(since, rows).await.unwrap().unwrap() }
    };
    for (rows, whole) in [(0, 1), (1, 1), (3, 1), (4, 2), (7, 2), (8, 3), (1_000, 3)] {
        let expected: Vec<_> = commits[..whole].iter().flat_map(|commit| commit.history.clone()).collect();
        assert_eq!(since(one.base, rows).await, expected, "at least {rows} rows");
    }
    assert_eq!(since(one.revision, 1).await, two.history);
    assert_eq!(since(three.revision, 1).await, []);
    let middle = one.revision.next();
    assert_eq!(since(middle, 1).await, two.history[1..]);
}

pub(crate) async fn what_history_does_not_reach_needs_a_snapshot(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    assert_eq!(model.changes_since(Revision(0), 1).await.unwrap(), Some(Vec::new()));
    let written = first(1);
    commit(&model, &leadership, &written).await;
    for since in [
        Revision(0),
        Revision(written.base.0 - 1),
        written.revision.next(),
        Revision::start_of(2),
        Revision::start_of(9).next(),
    ] {
        assert_eq!(model.changes_since(since, 10).await.unwrap(), None, "{since}");
    }
    let still = Commit { base: written.revision, revision: written.revision, ..Commit::default() };
    commit(&model, &leadership, &still).await;
    assert_eq!(model.changes_since(written.revision, 10).await.unwrap(), Some(Vec::new()));
}

pub(crate) async fn the_next_changes_may_end_within_a_commit(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    let one = first(3);
    let two = added(one.revision, 4..=7);
    commit(&model, &leadership, &one).await;
    commit(&model, &leadership, &two).await;
    let all: Vec<_> = one.history.iter().chain(&two.history).cloned().collect();
    for (skipped, rows) in [(0, 0), (0, 2), (1, 4), (5, 9), (7, 1)] {
        let since = Revision(one.base.0 + i64::try_from(skipped).unwrap());
        let next = model.history_after(since, rows).await.unwrap();
        let expected = all[skipped..].iter().take(rows).cloned().collect();
        assert_eq!(next, Some(expected), "{rows} after {skipped}");
    }
    assert_eq!(model.history_after(Revision(one.base.0 - 1), 1).await.unwrap(), None);
    assert_eq!(model.history_after(two.revision.next(), 1).await.unwrap(), None);
}

pub(crate) async fn bodies_and_relations_of_the_past_are_told(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    let created = first(2);
    let mut changed = updated(created.revision, 1);
    changed.history[0].body = Some("{\"new\":true}".to_owned());
    let mut removed = updated(changed.revision, 1);
    let gone = &mut removed.history[0];
    (gone.operation, gone.body, gone.etag) = (HistoryOperation::Deleted, None, String::new());
    (removed.entities, removed.entities_removed) = (Vec::new(), vec![RefId(1)]);
    for written in [&created, &changed, &removed] {
        commit(&model, &leadership, written).await;
    }
    let refs = [entity_ref(1), entity_ref(2), entity_ref(99)];
    let other = (entity_ref(2), created.history[1].body.clone().unwrap());
    let told = |at| {
        let (model, refs) = (model.clone(), refs.clone());
        async move {
            let mut bodies = model.bodies_at(&refs, at).await.unwrap();
            bodies.sort();
            bodies
        }
    };
    assert_eq!(told(created.base).await, []);
    let before = (entity_ref(1), created.history[0].body.clone().unwrap());
    assert_eq!(told(created.revision).await, [before, other.clone()]);
    assert_eq!(told(changed.revision).await, [(entity_ref(1), "{\"new\":true}".to_owned()), other.clone()]);
    assert_eq!(told(removed.revision).await, [other]);

    let later = model.relations_after(&refs[..1], created.revision).await.unwrap();
    let expected = [&changed, &removed].map(|commit| {
        let row = &commit.history[0];
        RelationsChange {
            revision: row.revision,
            entity_ref: row.entity_ref.clone(),
            operation: row.operation,
            added: row.relations_added.clone(),
            removed: row.relations_removed.clone(),
        }
    });
    assert_eq!(later, expected);
}

pub(crate) async fn pruned_history_needs_a_snapshot_and_keeps_last_bodies(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    let created = first(3);
    let mut changed = updated(created.revision, 1);
    let mut again = updated(changed.revision, 1);
    changed.history[0].at = Timestamp(created.history[2].at.0 + 1_000);
    again.history[0].at = Timestamp(created.history[2].at.0 + 2_000);
    for written in [&created, &changed, &again] {
        commit(&model, &leadership, written).await;
    }
    assert_eq!(model.prune_history(created.history[0].at).await.unwrap(), 0);
    assert_eq!(model.prune_history(again.history[0].at).await.unwrap(), 1, "one of four has a newer body");
    assert_eq!(model.changes_since(created.base, 1).await.unwrap(), None);
    assert_eq!(model.changes_since(changed.revision, 1).await.unwrap(), Some(again.history.clone()));
    assert_eq!(model.head().await.unwrap().history_from, changed.revision);
    let bodies = model.bodies_at(&[entity_ref(1), entity_ref(2)], changed.revision).await.unwrap();
    assert_eq!(bodies.len(), 2, "{bodies:?}");
    assert_eq!(model.prune_history(Timestamp(i64::MAX)).await.unwrap(), 1);
    assert_eq!(model.changes_since(again.revision, 1).await.unwrap(), Some(Vec::new()));
}
