//! Rows to write.

use backstitch_read_model::{
    ClaimId, ClaimRow, ClaimState, Commit, EntityRow, HistoryOperation, HistoryRow, PositionRow, RefId,
    RefRow, RelationEnd, RelationRow, Revision, Standing, TypeId, TypeRow,
};
use backstitch_schemas::{
    ClaimKey, Digest, EntityRef, Identity, Listing, Problem, ProviderName, Timestamp,
    change::{Cause, CauseKind},
};
use uuid::Uuid;

/// The log of all tests.
pub(crate) const LOG: Uuid = Uuid::from_u128(0x1070);

/// The ref with a number.
pub(crate) fn entity_ref(number: i32) -> EntityRef {
    EntityRef::new("component", None, &format!("c{number}"))
}

/// The row of the ref with a number.
pub(crate) fn ref_row(number: i32) -> RefRow {
    RefRow { id: RefId(number), entity_ref: entity_ref(number) }
}

/// The uid of the entity with a number.
pub(crate) fn uid(number: i32) -> Uuid {
    Uuid::from_u128(number as u128 + (7 << 100))
}

/// A good claim that wins its ref; claim and ref have the same number.
pub(crate) fn claim(number: i32) -> ClaimRow {
    let form = format!(r#"{{"kind":"Component","metadata":{{"name":"c{number}"}}}}"#);
    ClaimRow {
        id: ClaimId(number.into()),
        key: ClaimKey::own(entity_ref(number), ProviderName::new("inventory")),
        ref_id: RefId(number),
        identity: Identity(uid(number)),
        created_at: Timestamp(1_700_000_000_000),
        location_key: None,
        location_id: None,
        released: false,
        version: 10,
        state: ClaimState::Good,
        fingerprint: "f1".to_owned(),
        form_digest: Digest::of(form.as_bytes()),
        form: Some(form),
        form_errors: Vec::new(),
        errors_version: 0,
        errors_identity: Uuid::nil(),
        errors: Vec::new(),
        errors_owner: None,
        standing: Standing::Winner,
    }
}

/// The same claim by what a Location lists, losing.
pub(crate) fn listed_claim(id: i64, number: i32) -> ClaimRow {
    let listing = Listing {
        location: EntityRef::new("location", None, "root"),
        document: "".into(),
        listed: "url:https://example.com/\"a\".yaml".into(),
    };
    ClaimRow {
        id: ClaimId(id),
        key: ClaimKey::listed(entity_ref(number), ProviderName::new("locations"), listing),
        identity: Identity(Uuid::from_u128(id as u128)),
        standing: Standing::Loser,
        ..claim(number)
    }
}

/// The final entity of the claim with the same number.
pub(crate) fn entity(number: i32, revision: Revision) -> EntityRow {
    let body = format!(r#"{{"kind":"Component","metadata":{{"name":"c{number}","uid":"x"}}}}"#);
    EntityRow {
        ref_id: RefId(number),
        uid: uid(number),
        claim: ClaimId(number.into()),
        body_digest: Digest::of(body.as_bytes()),
        relations_digest: Digest(u128::MAX - 5),
        etag: format!("etag-{number}-{revision}"),
        body,
        revision,
    }
}

/// What history says of such an entity.
pub(crate) fn change(
    number: i32,
    revision: Revision,
    commit: Revision,
    operation: HistoryOperation,
) -> HistoryRow {
    let gone = operation == HistoryOperation::Deleted;
    HistoryRow {
        revision,
        commit,
        at: Timestamp(1_700_000_000_000 + revision.counter()),
        entity_ref: entity_ref(number),
        operation,
        uid: uid(number),
        etag: if gone { String::new() } else { format!("etag-{number}-{revision}") },
        body: (!gone).then(|| entity(number, revision).body),
        relations_added: vec![RelationEnd { kind: "ownedBy".to_owned(), target: entity_ref(number + 1) }],
        relations_removed: Vec::new(),
        cause: Cause { kind: CauseKind::Push, detail: Some("a push".to_owned()), at: Timestamp(5) },
    }
}

/// A relation of type 1.
pub(crate) fn relation(originator: i64, source: i32, target: i32) -> RelationRow {
    RelationRow {
        originator: ClaimId(originator),
        source: RefId(source),
        kind: TypeId(1),
        target: RefId(target),
    }
}

/// A problem with every field.
pub(crate) fn problem(message: &str) -> Problem {
    Problem {
        location: Some("file:/a.yaml".to_owned()),
        document: Some(2),
        line: Some(7),
        ..Problem::input(message).with_advice("write \u{0}it 🦀").at_path("/spec/owner")
    }
}

/// The first commit of incarnation 1: entities `1..=count`, each with its ref, claim and history.
pub(crate) fn first(count: i32) -> Commit {
    let base = Revision::start_of(1);
    let commit = added(base, 1..=count);
    Commit {
        log_id: Some(LOG),
        types: vec![TypeRow { id: TypeId(1), name: "ownedBy".to_owned() }],
        positions: vec![PositionRow { partition: 0, processed_next: 5, changes_next: 6 }],
        ..commit
    }
}

/// A commit that adds entities with their refs, claims and history.
pub(crate) fn added(base: Revision, numbers: std::ops::RangeInclusive<i32>) -> Commit {
    let last = Revision(base.0 + i64::from(numbers.end() - numbers.start() + 1));
    let revision = |number: i32| Revision(base.0 + i64::from(number - numbers.start() + 1));
    Commit {
        base,
        revision: last,
        at: Timestamp(9),
        refs: numbers.clone().map(ref_row).collect(),
        claims: numbers.clone().map(claim).collect(),
        entities: numbers.clone().map(|number| entity(number, revision(number))).collect(),
        history: numbers
            .clone()
            .map(|number| change(number, revision(number), last, HistoryOperation::Created))
            .collect(),
        ..Commit::default()
    }
}

/// A commit that changes one entity.
pub(crate) fn updated(base: Revision, number: i32) -> Commit {
    let revision = base.next();
    Commit {
        base,
        revision,
        entities: vec![entity(number, revision)],
        history: vec![change(number, revision, revision, HistoryOperation::Updated)],
        ..Commit::default()
    }
}
