//! Facts in, verdict out.

use backstitch_read_model::{ClaimRecord, ClaimState, Standing};
use backstitch_schemas::{ClaimKey, EntityRef, Identity, Listing, Problem, ProviderName, Timestamp};

use super::{of_claim, on_document, on_entity};
use crate::v1::explain::facts::{ClaimFacts, DocumentFacts, EntityFacts, Link, SourceView, State};

const DOCUMENT: &str = "url:https://example.com/a.yaml";

fn claim(state: ClaimState, standing: Standing) -> ClaimFacts {
    let listing = Listing {
        location: EntityRef::new("location", None, "root"),
        document: "".into(),
        listed: DOCUMENT.into(),
    };
    let key = ClaimKey::listed(EntityRef::new("component", None, "a"), ProviderName::new("p"), listing);
    ClaimFacts {
        claim: ClaimRecord {
            key,
            identity: Identity::mint(),
            created_at: Timestamp(0),
            location_key: None,
            released: false,
            state,
            standing,
            problems: Vec::new(),
            winner: None,
        },
        chain: vec![Link {
            document: DOCUMENT.to_owned(),
            listed_by: "location:default/root".to_owned(),
            location_wins: true,
            reading: Some(reading("ok")),
        }],
        held_since: None,
    }
}

fn reading(outcome: &str) -> SourceView {
    let is_read = matches!(outcome, "ok" | "unchanged");
    SourceView {
        provider: "p".to_owned(),
        outcome: outcome.to_owned(),
        http_status: (!is_read).then_some(503),
        last_read: None,
        last_success: Some("2026-01-01T00:00:00Z".to_owned()),
        next_read: Some("2026-01-01T00:02:00Z".to_owned()),
        errors: if is_read { Vec::new() } else { vec![Problem::new("Error", "the host is away")] },
    }
}

fn wrong(mut facts: ClaimFacts) -> ClaimFacts {
    facts.claim.problems = vec![Problem {
        location: Some(DOCUMENT.to_owned()),
        line: Some(7),
        ..Problem::input("no owner").with_advice("add an owner")
    }];
    facts
}

#[test]
fn each_fate_of_a_claim_is_told_apart() {
    use ClaimState::{Formless, Good, Refused, Withdrawn};
    let mut released = claim(Good, Standing::Winner);
    released.claim.released = true;
    let mut stale = claim(Good, Standing::Winner);
    stale.chain[0].reading = Some(reading("failed"));
    let mut held = claim(Good, Standing::Winner);
    held.held_since = Some("2026-01-01T00:00:00Z".to_owned());
    let mut detached = claim(Good, Standing::Detached);
    detached.chain[0].location_wins = false;
    for (facts, state, said) in [
        (claim(Good, Standing::Winner), State::Visible, "last read at 2026-01-01T00:00:00Z"),
        (
            wrong(claim(Good, Standing::Winner)),
            State::LastGoodForm,
            "no owner (in url:https://example.com/a.yaml, line 7)",
        ),
        (released, State::Orphan, "orphans are kept"),
        (stale, State::Stale, "cannot be read since (HTTP 503): the host is away"),
        (held, State::RemovalHeld, "waits for a person"),
        (wrong(claim(Refused, Standing::Formless)), State::Refused, "is not let in: no owner"),
        (wrong(claim(Formless, Standing::Formless)), State::Invalid, "never passed: no owner"),
        (claim(Good, Standing::Loser), State::Lost, "loses against another claim"),
        (detached, State::Detached, "location:default/root"),
        (claim(Withdrawn, Standing::Formless), State::Withdrawn, "took it back"),
    ] {
        let verdict = of_claim(&facts);
        assert_eq!(verdict.state, state, "{}", verdict.text);
        assert!(verdict.text.contains(said), "{}", verdict.text);
        assert!(!verdict.advice.is_empty());
    }
}

#[test]
fn what_a_person_can_mend_counts_more_than_a_lost_conflict() {
    let facts = EntityFacts {
        entity_ref: EntityRef::new("component", None, "a"),
        revision: 1,
        visible: None,
        last_change: None,
        claims: vec![
            claim(ClaimState::Withdrawn, Standing::Formless),
            claim(ClaimState::Good, Standing::Detached),
            wrong(claim(ClaimState::Formless, Standing::Formless)),
        ],
        mentions: Vec::new(),
        nearest: Vec::new(),
    };
    let explanation = on_entity(facts);
    assert_eq!((explanation.state, explanation.advice.as_str()), (State::Invalid, "add an owner"));
}

#[test]
fn a_document_is_as_bad_as_the_worst_of_it() {
    let facts = |sources, claims: Vec<ClaimFacts>| DocumentFacts {
        location: DOCUMENT.to_owned(),
        revision: 1,
        sources,
        claims_total: 0,
        claims,
        nearest: Vec::new(),
    };
    let sound = || claim(ClaimState::Good, Standing::Winner);
    let unsound = || wrong(claim(ClaimState::Formless, Standing::Formless));
    for (facts, state) in [
        (facts(Vec::new(), Vec::new()), State::NotRead),
        (facts(vec![reading("failed")], vec![sound()]), State::Unreadable),
        (facts(vec![reading("ok")], Vec::new()), State::Empty),
        (facts(vec![reading("ok")], vec![sound(), sound()]), State::Visible),
        (facts(vec![reading("ok")], vec![sound(), unsound()]), State::Invalid),
    ] {
        assert_eq!(on_document(facts).state, state);
    }
}
