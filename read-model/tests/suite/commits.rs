//! A commit is made whole, or not at all.

use std::sync::Arc;

use backstitch_read_model::{
    Commit, CommitError, EntityRecord, EntityRelatedRow, HistoryOperation, PositionRow, ReadModel, RefId,
    RefRow, RelationRow, Revision, SourceRow,
};
use backstitch_schemas::{
    ClaimKey, Digest, EntityRef, LocationId, Problem, ProviderName, Timestamp,
    source::{SourceKey, SourceState},
};

use super::{
    commit, lead, loaded,
    samples::{added, change, claim, entity, entity_ref, first, listed_claim, problem, relation, updated},
    whole,
};

pub(crate) async fn every_field_comes_back(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    let mut written = first(3);
    written.claims[1].location_key = Some("key".to_owned());
    written.claims[1].location_id = Some(LocationId(uuid::Uuid::from_u128(78)));
    written.claims[1].released = true;
    written.claims[1].form_errors = vec![problem("beside the form")];
    written.claims[2].errors_version = 12;
    written.claims[2].errors_identity = uuid::Uuid::from_u128(77);
    written.claims[2].errors = vec![problem("one"), problem("two")];
    written.claims[2].errors_owner = Some(EntityRef::new("group", None, "g"));
    written.claims.push(listed_claim(9, 1));
    written.relations_added = vec![relation(1, 1, 2), relation(9, 1, 2), relation(1, 2, 1)];
    written.sources_next = Some(33);
    let state = SourceState {
        outcome: "failed".to_owned(),
        errors: vec![Problem::input("x")],
        last_read_at: Some(Timestamp(4)),
        ..SourceState::default()
    };
    written.sources = vec![SourceRow { key: r#"["provider","p"]"#.to_owned(), state }];
    commit(&model, &leadership, &written).await;

    let loaded = loaded(&model).await;
    assert_eq!(loaded.refs, written.refs);
    assert_eq!(loaded.types, written.types);
    assert_eq!(loaded.relations, sorted(&written.relations_added));
    assert_eq!(loaded.claims.len(), 4);
    for (head, row) in loaded.claims.iter().zip(&written.claims) {
        assert_eq!((head.id, &head.key, head.ref_id), (row.id, &row.key, row.ref_id));
        assert_eq!((head.identity, head.created_at), (row.identity, row.created_at));
        assert_eq!((&head.location_key, head.released), (&row.location_key, row.released));
        assert_eq!(head.location_id, row.location_id);
        assert_eq!((head.version, head.state, head.standing), (row.version, row.state, row.standing));
        assert_eq!((&head.fingerprint, head.form_digest), (&row.fingerprint, row.form_digest));
        assert_eq!((&head.form_errors, &head.errors), (&row.form_errors, &row.errors));
        assert_eq!((head.errors_version, head.errors_identity), (row.errors_version, row.errors_identity));
        assert_eq!(head.errors_owner, row.errors_owner);
    }
    for (head, row) in loaded.entities.iter().zip(&written.entities) {
        assert_eq!((head.ref_id, head.uid, head.claim), (row.ref_id, row.uid, row.claim));
        assert_eq!((head.body_digest, head.relations_digest), (row.body_digest, row.relations_digest));
    }
    assert_eq!(loaded.head, model.head().await.unwrap());
    assert_eq!(loaded.head.revision, written.revision);
    assert_eq!(loaded.head.positions, written.positions);
    assert_eq!((loaded.head.entities, loaded.head.sources_next), (3, 33));
    assert_eq!(loaded.head.history_from, written.base);

    let (revision, parts) = model.snapshot().await.unwrap();
    let snapshot = whole(parts).await;
    assert_eq!(revision, written.revision);
    let records: Vec<_> = written.entities.iter().cloned().map(record).collect();
    assert_eq!(snapshot.entities, records);
    assert_eq!((snapshot.refs, snapshot.types), (loaded.refs, loaded.types));
    assert_eq!(snapshot.relations, loaded.relations);

    let forms = model.forms(&written.claims.iter().map(|row| row.id).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(forms.len(), 4);
    for form in forms {
        let row = written.claims.iter().find(|row| row.id == form.id).unwrap();
        assert_eq!(Some(form.form), row.form);
    }
    assert_eq!(model.sources().await.unwrap(), written.sources);
    let provider = |name| SourceKey::Provider(ProviderName::new(name));
    assert_eq!(model.source(&provider("p")).await.unwrap().as_ref(), Some(&written.sources[0].state));
    assert_eq!(model.source(&provider("q")).await.unwrap(), None);
    let changes = model.changes_since(written.base, 100).await.unwrap().unwrap();
    assert_eq!(changes, written.history);
    assert_eq!(*model.commits().borrow(), written.revision);
}

pub(crate) async fn a_failing_list_leaves_nothing(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    commit(&model, &leadership, &first(2)).await;
    let before = (loaded(&model).await, model.latest_changes(100).await.unwrap());

    // Every list but the last is sound; a ref that was there before is not.
    let mut wrong = added(before.0.head.revision, 3..=4);
    wrong.relations_added = vec![relation(3, 3, 4)];
    wrong.positions = vec![PositionRow { partition: 0, processed_next: 50, changes_next: 60 }];
    wrong.history[1].entity_ref = EntityRef::new("component", None, "never-seen");
    let refused = model.commit(&leadership, &wrong).await.unwrap_err();
    assert!(matches!(refused, CommitError::Data(_)), "{refused:?}");
    let mut wrong = added(before.0.head.revision, 3..=4);
    wrong.refs.push(RefRow { id: RefId(99), entity_ref: entity_ref(1) });
    let refused = model.commit(&leadership, &wrong).await.unwrap_err();
    assert!(matches!(refused, CommitError::Data(_)), "{refused:?}");
    assert_eq!((loaded(&model).await, model.latest_changes(100).await.unwrap()), before);

    commit(&model, &leadership, &added(before.0.head.revision, 3..=4)).await;
    assert_eq!(model.head().await.unwrap().entities, 4);
}

pub(crate) async fn another_base_is_unclear(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    commit(&model, &leadership, &first(1)).await;
    let again = model.commit(&leadership, &first(1)).await.unwrap_err();
    assert!(matches!(again, CommitError::Unclear(_)), "{again:?}");
    let ahead = updated(Revision(model.head().await.unwrap().revision.0 + 1), 1);
    let ahead = model.commit(&leadership, &ahead).await.unwrap_err();
    assert!(matches!(ahead, CommitError::Unclear(_)), "{ahead:?}");
    assert_eq!(model.head().await.unwrap().revision, first(1).revision);
}

pub(crate) async fn the_first_commit_starts_an_incarnation(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    assert_eq!((leadership.revision, leadership.log_id), (Revision(0), None));
    let mut written = first(1);
    written.base = Revision::start_of(3);
    written.revision = written.base.next();
    written.history[0].revision = written.revision;
    written.history[0].commit = written.revision;
    commit(&model, &leadership, &written).await;
    model.resign(&leadership).await.unwrap();
    let leadership = lead(&model).await;
    assert_eq!((leadership.revision, leadership.log_id), (written.revision, written.log_id));
    assert_eq!(model.head().await.unwrap().history_from, written.base);
}

pub(crate) async fn odd_characters_are_kept_or_refused_as_data(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    let mut written = first(1);
    let body = "{\"a\":\"🦀 \\u0000 \\\" ' \\\\ \u{fffd} \u{202e} \u{10ffff}\",\"z\": 1.50}";
    written.entities[0].body = body.to_owned();
    written.history[0].body = Some(body.to_owned());
    written.claims[0].form = Some(body.to_owned());
    written.claims[0].form_errors = vec![problem("\u{0} ' \" 🦀")];
    written.claims[0].fingerprint = "{},\"\\ NULL '); --".to_owned();
    commit(&model, &leadership, &written).await;
    let (_, parts) = model.snapshot().await.unwrap();
    assert_eq!(whole(parts).await.entities[0].body, body);
    assert_eq!(model.history_of(&entity_ref(1), 1).await.unwrap()[0].body.as_deref(), Some(body));
    assert_eq!(loaded(&model).await.claims[0].form_errors, written.claims[0].form_errors);
    assert_eq!(loaded(&model).await.claims[0].fingerprint, written.claims[0].fingerprint);
    assert_eq!(model.forms(&[written.claims[0].id]).await.unwrap()[0].form, body);

    let odd = EntityRef::from_canonical("component:default/\u{0}");
    let mut with_nul = added(written.revision, 2..=2);
    with_nul.refs[0].entity_ref = odd.clone();
    with_nul.claims[0].key = ClaimKey { entity_ref: odd.clone(), ..with_nul.claims[0].key.clone() };
    with_nul.history[0].entity_ref = odd.clone();
    match model.commit(&leadership, &with_nul).await {
        Ok(()) => assert_eq!(model.history_of(&odd, 1).await.unwrap()[0].entity_ref, odd),
        Err(refused) => assert!(matches!(refused, CommitError::Data(_)), "{refused:?}"),
    }
}

pub(crate) async fn a_body_of_two_megabytes_comes_back(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    let mut written = first(1);
    let body = format!(r#"{{"definition":"{}"}}"#, "paths: 🦀\\n".repeat(200_000));
    assert!(body.len() > 2_000_000);
    written.entities[0].body = body.clone();
    written.history[0].body = Some(body.clone());
    commit(&model, &leadership, &written).await;
    let (_, parts) = model.snapshot().await.unwrap();
    assert!(whole(parts).await.entities[0].body == body);
    assert!(model.latest_changes(1).await.unwrap()[0].body.as_deref() == Some(body.as_str()));
}

pub(crate) async fn ten_thousand_rows_fit_in_one_commit(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    let mut written = first(10_000);
    written.relations_added = (1..10_000).map(|source| relation(source.into(), source, source + 1)).collect();
    commit(&model, &leadership, &written).await;
    let mut changed = Commit { base: written.revision, revision: written.revision, ..Commit::default() };
    changed.relations_removed = written.relations_added[..5_000].to_vec();
    changed.standings =
        written.claims.iter().map(|row| (row.id, backstitch_read_model::Standing::Detached)).collect();
    changed.entities_removed = (1..=2_000).map(RefId).collect();
    commit(&model, &leadership, &changed).await;
    let loaded = loaded(&model).await;
    assert_eq!((loaded.refs.len(), loaded.claims.len()), (10_000, 10_000));
    assert_eq!((loaded.entities.len(), loaded.head.entities), (8_000, 8_000));
    assert_eq!(loaded.relations, sorted(&written.relations_added[5_000..]));
    assert!(loaded.claims.iter().all(|head| head.standing == backstitch_read_model::Standing::Detached));
    assert_eq!(model.changes_since(written.base, 1).await.unwrap().unwrap().len(), 10_000);
}

pub(crate) async fn rows_that_are_removed_are_gone(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    let mut written = first(3);
    written.relations_added = vec![relation(1, 1, 2), relation(2, 1, 2), relation(3, 3, 1)];
    commit(&model, &leadership, &written).await;

    let revision = Revision(written.revision.0 + 2);
    let digest = Digest(0xabc << 100);
    let removal = Commit {
        base: written.revision,
        revision,
        relations_removed: vec![relation(1, 1, 2), relation(3, 3, 1), relation(8, 8, 8)],
        relations_added: vec![relation(2, 2, 3), relation(2, 1, 2)],
        entities_removed: vec![RefId(3), RefId(77)],
        entities_related: vec![EntityRelatedRow {
            ref_id: RefId(1),
            relations_digest: digest,
            etag: "related".to_owned(),
            revision,
        }],
        history: vec![
            change(3, Revision(written.revision.0 + 1), revision, HistoryOperation::Deleted),
            change(1, revision, revision, HistoryOperation::Updated),
        ],
        ..Commit::default()
    };
    commit(&model, &leadership, &removal).await;
    let loaded = loaded(&model).await;
    assert_eq!(loaded.relations, sorted(&[relation(2, 1, 2), relation(2, 2, 3)]));
    assert_eq!((loaded.entities.len(), loaded.head.entities), (2, 2));
    assert_eq!(loaded.entities[0].relations_digest, digest);
    assert_eq!(loaded.entities[0].body_digest, written.entities[0].body_digest);
    let (_, parts) = model.snapshot().await.unwrap();
    let entities = whole(parts).await.entities;
    let related =
        EntityRecord { etag: "related".to_owned(), revision, ..record(written.entities[0].clone()) };
    assert_eq!(entities[0], related);
    assert_eq!(model.history_of(&entity_ref(3), 9).await.unwrap()[0], removal.history[0]);

    let back = Commit {
        base: revision,
        revision,
        claims: vec![claim(3)],
        entities: vec![entity(3, revision), entity(1, revision)],
        ..Commit::default()
    };
    commit(&model, &leadership, &back).await;
    assert_eq!(model.head().await.unwrap().entities, 3);
}

pub(crate) async fn a_commit_without_changes_moves_the_positions_and_wakes(model: Arc<dyn ReadModel>) {
    let leadership = lead(&model).await;
    commit(&model, &leadership, &first(1)).await;
    let mut commits = model.commits();
    commits.mark_unchanged();
    let base = first(1).revision;
    let positions = [(0, 7, 8), (3, 1, 1)];
    let positions = positions.map(|(partition, processed_next, changes_next)| PositionRow {
        partition,
        processed_next,
        changes_next,
    });
    let moved = Commit { base, revision: base, positions: positions.to_vec(), ..Commit::default() };
    commit(&model, &leadership, &moved).await;
    tokio::time::timeout(super::LEASE, commits.changed()).await.unwrap().unwrap();
    let head = model.head().await.unwrap();
    assert_eq!((head.revision, head.positions), (base, positions.to_vec()));
}

fn record(row: backstitch_read_model::EntityRow) -> EntityRecord {
    EntityRecord { ref_id: row.ref_id, uid: row.uid, body: row.body, etag: row.etag, revision: row.revision }
}

fn sorted(rows: &[RelationRow]) -> Vec<RelationRow> {
    let mut rows = rows.to_vec();
    rows.sort();
    rows
}
