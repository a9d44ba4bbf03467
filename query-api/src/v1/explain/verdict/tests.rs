//! Facts in, verdict out.

use backstitch_read_model::{ClaimRecord, ClaimState, Standing};
use backstitch_schemas::{ClaimKey, EntityRef, Identity, Listing, Problem, ProviderName, Timestamp};

use super::{of_claim, on_document, on_entity, wrong_first};
use crate::v1::explain::facts::{
    ClaimFacts, DocumentFacts, EntityFacts, Link, Matched, Place, SourceView, State, Unread, Way,
};

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
            owner: None,
            winner: None,
        },
        chain: vec![Link {
            document: DOCUMENT.to_owned(),
            listed_by: "location:default/root".to_owned(),
            location_wins: true,
            reading: Some(reading("ok")),
        }],
        unread: Unread::default(),
        held_since: None,
    }
}

fn reading(outcome: &str) -> SourceView {
    let is_read = matches!(outcome, "ok" | "unchanged");
    SourceView {
        provider: "p".to_owned(),
        outcome: outcome.to_owned(),
        since: Some("2026-01-01T00:01:00Z".to_owned()),
        http_status: (!is_read).then_some(503),
        last_read: None,
        last_success: Some("2026-01-01T00:00:00Z".to_owned()),
        next_read: Some("2026-01-01T00:02:00Z".to_owned()),
        errors: if is_read { Vec::new() } else { vec![Problem::new("Error", "the host is away")] },
    }
}

fn document_facts(sources: Vec<SourceView>, claims: Vec<ClaimFacts>) -> DocumentFacts {
    let (claims, tally) = wrong_first(claims, 0);
    DocumentFacts {
        location: DOCUMENT.to_owned(),
        revision: 1,
        sources,
        listed: Vec::new(),
        named_by: Vec::new(),
        claims_total: 0,
        tally,
        matched: None,
        tells_reading: true,
        last_change: None,
        claims,
        nearest: Vec::new(),
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
    let mut lists = claim(Good, Standing::Winner);
    let place = Place { document: "url:https://example.com/b.yaml".to_owned(), reading: reading("failed") };
    lists.unread = Unread { places: vec![place], total: 3 };
    for (facts, state, said) in [
        (claim(Good, Standing::Winner), State::Visible, "last read at 2026-01-01T00:00:00Z"),
        (
            wrong(claim(Good, Standing::Winner)),
            State::LastGoodForm,
            "no owner (in url:https://example.com/a.yaml, line 7)",
        ),
        (released, State::Orphan, "orphans are kept"),
        (
            stale,
            State::Stale,
            "shown as of 2026-01-01T00:00:00Z, because it cannot be read since \
             2026-01-01T00:01:00Z (HTTP 503): the host is away",
        ),
        (
            lists,
            State::ListsTrouble,
            "but url:https://example.com/b.yaml, which it lists, cannot be read since 2026-01-01T00:01:00Z (HTTP 503): \
             the host is away (and 2 more",
        ),
        (held, State::RemovalHeld, "waits for a person"),
        (
            wrong(claim(Refused, Standing::Formless)),
            State::Refused,
            "is not let in: no owner (in url:https://example.com/a.yaml, line 7)",
        ),
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
        dead_letters: Vec::new(),
        mentions: Vec::new(),
        nearest: Vec::new(),
    };
    let letter =
        Problem::new("DataError", "The record lies in the dead letters").with_advice("submit it again");
    let with_letter = EntityFacts { dead_letters: vec![letter], ..facts.clone() };
    let explanation = on_entity(facts);
    assert_eq!((explanation.state, explanation.advice.as_str()), (State::Invalid, "add an owner"));
    let explanation = on_entity(with_letter);
    assert_eq!((explanation.state, explanation.advice.as_str()), (State::DeadLetter, "submit it again"));
}

#[test]
fn a_document_is_as_bad_as_the_worst_of_it() {
    let facts = |sources, claims: Vec<ClaimFacts>| document_facts(sources, claims);
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

#[test]
fn a_document_that_was_never_read_names_what_lists_it_and_when_it_is_tried_again() {
    let link = |document: &str, listed_by: &str| Link {
        document: document.to_owned(),
        listed_by: listed_by.to_owned(),
        location_wins: true,
        reading: None,
    };
    let chain = vec![
        link(DOCUMENT, "location:default/services"),
        link("url:https://example.com/root.yaml", "location:default/generated-1"),
    ];
    let sources = vec![SourceView { last_success: None, ..reading("failed") }];
    let listed = vec![Way { provider: "p".to_owned(), chain }];
    let facts = DocumentFacts { listed, ..document_facts(sources, Vec::new()) };
    let explanation = on_document(facts);
    assert_eq!(
        explanation.summary,
        "url:https://example.com/a.yaml, listed by location:default/services below location:default/generated-1, was \
         never read and cannot be read since 2026-01-01T00:01:00Z (HTTP 503): the host is away."
    );
    assert!(explanation.advice.contains("read again at 2026-01-01T00:02:00Z"), "{}", explanation.advice);
}

#[test]
fn nothing_is_said_about_when_where_nobody_can_be_asked() {
    let mut facts = claim(ClaimState::Good, Standing::Winner);
    facts.chain[0].reading = Some(SourceView { last_success: None, next_read: None, ..reading("ok") });
    let verdict = of_claim(&facts);
    assert!(verdict.text.ends_with("makes it, unchanged since 2026-01-01T00:01:00Z"), "{}", verdict.text);
    let mut stale = claim(ClaimState::Good, Standing::Winner);
    stale.chain[0].reading = Some(SourceView { next_read: None, ..reading("failed") });
    assert!(of_claim(&stale).advice.ends_with("nobody who reads it answers"));
}

#[test]
fn all_is_said_only_of_what_was_looked_at() {
    let sound = || claim(ClaimState::Good, Standing::Winner);
    let mut claims: Vec<_> = (0..300).map(|_| sound()).collect();
    claims.push(claim(ClaimState::Withdrawn, Standing::Formless));
    claims.push(wrong(claim(ClaimState::Formless, Standing::Formless)));
    let (ordered, tally) = wrong_first(claims.clone(), 0);
    assert_eq!((tally.live, tally.wrong), (301, 1));
    assert_eq!(of_claim(&ordered[0]).state, State::Invalid, "what is wrong is never cut off");
    assert_eq!(of_claim(ordered.last().unwrap()).state, State::Withdrawn);
    assert_eq!(on_document(document_facts(vec![reading("ok")], claims)).state, State::Invalid);

    let mut sounds = document_facts(vec![reading("ok")], vec![sound(), sound()]);
    assert!(on_document(sounds.clone()).summary.contains("all 2 of its entities"));
    sounds.tally.unseen = 7;
    let said = on_document(sounds).summary;
    assert!(!said.contains("all") && said.contains("7 more were not looked at"), "{said}");
}

#[test]
fn what_is_not_listed_any_more_is_not_said_to_be_read() {
    let withdrawn = claim(ClaimState::Withdrawn, Standing::Formless);
    let gone = on_document(document_facts(Vec::new(), vec![withdrawn]));
    assert_eq!(gone.state, State::Withdrawn);
    assert!(gone.summary.contains("is not listed any more"), "{}", gone.summary);
    let mut held = claim(ClaimState::Good, Standing::Winner);
    held.held_since = Some("2026-01-01T00:00:00Z".to_owned());
    let held = on_document(document_facts(Vec::new(), vec![claim(ClaimState::Good, Standing::Winner), held]));
    assert_eq!(held.state, State::RemovalHeld);
    assert!(held.advice.contains("providers confirm p"), "{}", held.advice);
    assert!(!held.summary.contains("was read"), "{}", held.summary);
}

#[test]
fn a_pattern_is_told_by_what_it_finds() {
    let facts = |matched| DocumentFacts { matched, ..document_facts(vec![reading("ok")], Vec::new()) };
    let found = |troubled| Matched { total: 2, troubled, first: Some("file:/g/a.yaml".to_owned()) };
    for (matched, state, said) in [
        (found(0), State::Visible, "finds 2 documents, such as file:/g/a.yaml."),
        (found(1), State::ListsTrouble, "1 cannot be read"),
        (Matched::default(), State::Empty, "nothing matches it"),
    ] {
        let told = on_document(facts(Some(matched)));
        assert_eq!(told.state, state);
        assert!(told.summary.contains(said), "{}", told.summary);
    }
}

#[test]
fn a_document_that_cannot_be_read_is_named_once() {
    let mut stale = claim(ClaimState::Good, Standing::Winner);
    let url = DOCUMENT.strip_prefix("url:").unwrap();
    for message in [
        format!("Unable to read url, Error: {url} could not be read as {url}, 503 Service Unavailable"),
        format!("file {url} could not be read, 503 Service Unavailable"),
        format!("Unable to read url: 503 Service Unavailable for {url}"),
    ] {
        let reading = SourceView { errors: vec![Problem::new("Error", message)], ..reading("failed") };
        stale.chain[0].reading = Some(reading);
        let said = of_claim(&stale).text;
        assert_eq!(said.matches(url).count(), 1, "{said}");
        assert!(said.ends_with(": 503 Service Unavailable"), "{said}");
    }
}
