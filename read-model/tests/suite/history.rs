//! What changed, in whole commits.

use std::sync::Arc;

use backstitch_read_model::{Commit, ReadModel, Revision};

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
