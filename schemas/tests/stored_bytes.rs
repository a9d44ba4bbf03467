//! Records that earlier versions wrote are still read: `tests/bytes` holds one of each type and
//! schema version. A schema that changes gets a new version and a new file; no file is ever edited.

#![expect(clippy::unwrap_used, reason = "this is a test, helpers included")]

use std::{fs, path::PathBuf};

use backstitch_schemas::{
    Change, ClaimKey, EntityRef, Identity, Listing, LocationId, Problem, ProviderName, Timestamp, Version,
    change::{Cause, CauseKind, Content, PathLine, Position, Substitution},
    command::Command,
    log_header::LogHeader,
    processed::{Errors, Form, FormState, GoodForm, Processed, Progress, Relation, Stamp},
    source::{ChangesPosition, CommandOutcome, Held, ListedBy, SourceState},
};
use uuid::Uuid;

fn stored(name: &str) -> Vec<u8> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/bytes").join(name);
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// The newest version writes these bytes; a difference means that a schema changed without a new
/// version.
fn is_stored(name: &str, bytes: &[u8]) {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(bytes, stored(name), "{name} would now be\n{hex}");
}

fn identity() -> Identity {
    Identity(Uuid::from_u128(0x0123_4567_89ab_4def_8123_4567_89ab_cdef))
}

fn problem() -> Problem {
    Problem {
        name: "InputError".to_owned(),
        message: "something is missing".to_owned(),
        advice: Some("add it".to_owned()),
        location: Some("file:/a.yaml".to_owned()),
        document: Some(2),
        line: Some(17),
        path: Some("/spec/owner".to_owned()),
    }
}

fn cause() -> Cause {
    Cause { kind: CauseKind::Read, detail: Some("file:/a.yaml".to_owned()), at: Timestamp(1_700_000_000_000) }
}

fn claim() -> ClaimKey {
    let listing = Listing {
        location: EntityRef::new("location", None, "root"),
        document: "".into(),
        listed: "file:/a.yaml".into(),
    };
    ClaimKey::listed(EntityRef::new("component", None, "a"), ProviderName::new("p"), listing)
}

fn location_id() -> LocationId {
    LocationId(Uuid::from_u128(0xfedc_ba98_7654_4210_8fed_cba9_8765_4321))
}

fn stamp() -> Stamp {
    Stamp {
        version: Version(42),
        identity: identity(),
        created_at: Timestamp(1_600_000_000_000),
        location_key: Some("file:/a.yaml".to_owned()),
        location_id: Some(location_id()),
        released: false,
        fingerprint: "f1".to_owned(),
    }
}

#[test]
fn changes_of_all_versions_are_read() {
    let content = Content {
        entity: r#"{"kind":"Component"}"#.to_owned(),
        location: "file:/a.yaml".to_owned(),
        origin: "file:/root.yaml".to_owned(),
        position: Some(Position {
            document: 2,
            line: 12,
            lines: vec![PathLine { path: "/spec".to_owned(), line: 17 }],
        }),
        substitutions: vec![Substitution {
            value: "./api.yaml".to_owned(),
            text: Some("openapi".to_owned()),
            error: None,
        }],
        listing_errors: vec![problem()],
    };
    let change = Change {
        identity: identity(),
        created_at: Timestamp(1_600_000_000_000),
        location_key: None,
        location_id: Some(location_id()),
        digest: "00112233445566778899aabbccddeeff".to_owned(),
        released: true,
        content: Some(content),
        cause: cause(),
    };
    is_stored("change.v2.hex", &change.encode());
    assert_eq!(Change::decode(&stored("change.v2.hex")).unwrap(), change);
    let without_location_id = Change { location_id: None, ..change };
    assert_eq!(Change::decode(&stored("change.v1.hex")).unwrap(), without_location_id);
}

#[test]
fn results_of_all_versions_are_read() {
    let relation = Relation {
        source: EntityRef::new("component", None, "a"),
        kind: "ownedBy".to_owned(),
        target: EntityRef::new("group", None, "g"),
    };
    let good = GoodForm { entity: "{}".to_owned(), relations: vec![relation], errors: vec![problem()] };
    let results = |stamp: Stamp, owner: Option<EntityRef>| {
        let form = Form { stamp: stamp.clone(), state: FormState::Good(good.clone()), cause: cause() };
        let errors = Errors { stamp, errors: vec![problem()], owner, cause: cause() };
        [Processed::Form(claim(), form), Processed::Errors(claim(), errors)]
    };
    let owner = EntityRef::new("group", None, "g");
    let newest =
        results(stamp(), Some(owner)).into_iter().chain([Processed::Progress(Progress { next: 4711 })]);
    for (name, record) in ["form.v2.hex", "errors.v3.hex", "progress.v1.hex"].into_iter().zip(newest) {
        let (key, value) = record.encode();
        is_stored(name, &value);
        assert_eq!(Processed::decode(&key, &stored(name)).unwrap(), record, "{name}");
    }
    let [_, without_owner] = results(stamp(), None);
    let (key, _) = without_owner.encode();
    assert_eq!(Processed::decode(&key, &stored("errors.v2.hex")).unwrap(), without_owner);
    let without_location_id = results(Stamp { location_id: None, ..stamp() }, None);
    for (name, record) in ["form.v1.hex", "errors.v1.hex"].into_iter().zip(without_location_id) {
        let (key, _) = record.encode();
        assert_eq!(Processed::decode(&key, &stored(name)).unwrap(), record, "{name}");
    }
}

#[test]
fn states_commands_and_headers_of_all_versions_are_read() {
    let mut state = SourceState {
        outcome: "failed".to_owned(),
        errors: vec![problem()],
        etag: Some("\"x\"".to_owned()),
        http_status: Some(503),
        last_read_at: Some(Timestamp(1_700_000_000_000)),
        since_at: Some(Timestamp(1_650_000_000_000)),
        absent_since: Some(Timestamp(1_600_000_000_000)),
        listed_by: vec![ListedBy {
            location: EntityRef::new("location", None, "root"),
            document: "file:/root.yaml".to_owned(),
        }],
        entities: Some(3),
        held: Some(Held { count: 11, since: Timestamp(5), sample: vec!["component:default/a".to_owned()] }),
        commands: vec![CommandOutcome {
            id: "c".to_owned(),
            kind: "refresh".to_owned(),
            outcome: "done".to_owned(),
            message: None,
            reason: Some("conflict".to_owned()),
            detail: Some("{}".to_owned()),
            positions: vec![ChangesPosition { partition: 3, next: 17 }],
            at: Timestamp(6),
        }],
        ..SourceState::default()
    };
    is_stored("source_state.v4.hex", &state.encode());
    assert_eq!(SourceState::decode(&stored("source_state.v4.hex")).unwrap(), state);
    (state.since_at, state.listed_by) = (None, Vec::new());
    assert_eq!(SourceState::decode(&stored("source_state.v3.hex")).unwrap(), state);
    state.absent_since = None;
    assert_eq!(SourceState::decode(&stored("source_state.v2.hex")).unwrap(), state);
    let CommandOutcome { id, kind, outcome, at, .. } = state.commands.remove(0);
    state.commands.push(CommandOutcome { id, kind, outcome, at, ..CommandOutcome::default() });
    assert_eq!(SourceState::decode(&stored("source_state.v1.hex")).unwrap(), state);

    let command = Command {
        id: identity().0,
        kind: "refresh".to_owned(),
        payload: Some("{}".to_owned()),
        requested_by: None,
        at: Timestamp(7),
    };
    is_stored("command.v1.hex", &command.encode());
    assert_eq!(Command::decode(&stored("command.v1.hex")).unwrap(), command);

    let header = LogHeader { log_id: identity().0, partitions: 12 };
    is_stored("log_header.v1.hex", &header.encode());
    assert_eq!(LogHeader::decode(&stored("log_header.v1.hex")).unwrap(), header);
}
