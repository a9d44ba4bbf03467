//! What is planned, from the outside: claims as the log would have them, after saying things.

use std::sync::Arc;

use backstitch_schemas::{
    Change, ClaimKey, EntityRef, Identity, Listing, Problem, ProviderName, Timestamp,
    change::{Cause, CauseKind, Content},
    headers::ChangeHeaders,
};
use proptest::prelude::*;

use super::{
    Claims,
    plan::{self, Plan, Terms},
};
use crate::{Finding, Mutation, Removal, Submission, record};

/// A log of one partition, and the claims that it gives.
struct Log {
    claims: Claims,
    next: i64,
}

impl Log {
    fn new() -> Self {
        Self { claims: Claims::new(ProviderName::new("p")), next: 0 }
    }

    fn say(&mut self, mutation: Mutation) -> Plan {
        let plan = plan::of_mutation(&self.claims, mutation, &terms(self.next));
        self.append(&plan);
        plan
    }

    fn find(&mut self, findings: Vec<Finding>) -> Plan {
        let plan = plan::of_findings(&self.claims, findings, &terms(self.next));
        self.append(&plan);
        plan
    }

    fn append(&mut self, plan: &Plan) {
        let gone: std::collections::HashSet<_> = plan.missing.iter().cloned().collect();
        let lost = self.claims.unreachable(&gone, plan.changes.iter().map(|(key, _)| key));
        for (key, change) in &plan.changes {
            self.take(key, change);
        }
        for key in plan.missing.iter().chain(&lost) {
            let withdrawal = record::withdrawal(self.claims.get(key).unwrap(), cause(0));
            self.take(key, &withdrawal);
        }
        for (place, documents) in &plan.seen {
            self.claims.note_listed(place.clone(), documents.clone());
        }
    }

    fn take(&mut self, key: &ClaimKey, change: &Change) {
        let content = change.content.clone().map(Arc::new);
        self.claims.apply(key, &ChangeHeaders::of(change), (0, self.next), content);
        self.next += 1;
    }

    fn refs(&self) -> Vec<String> {
        let mut refs: Vec<_> = self.claims.keys().map(|key| key.entity_ref.to_string()).collect();
        refs.sort();
        refs
    }

    fn identity(&self, name: &str) -> Identity {
        self.claims.get(&own(name)).unwrap().identity
    }

    fn errors(&self, name: &str) -> Vec<String> {
        let place = (entity_ref(name), Arc::from(""));
        let claims = self.claims.claims_of_location(&place);
        claims.flat_map(|(_, content)| content.listing_errors.iter().map(|p| p.message.clone())).collect()
    }
}

fn cause(at: i64) -> Cause {
    Cause { kind: CauseKind::Read, detail: None, at: Timestamp(at) }
}

fn terms(at: i64) -> Terms<'static> {
    Terms { cause: cause(at), max_entity_bytes: 1_000, mint: &Identity::mint }
}

fn entity_ref(name: &str) -> EntityRef {
    let kind = if name.starts_with("loc") { "location" } else { "component" };
    EntityRef::new(kind, None, name)
}

fn own(name: &str) -> ClaimKey {
    ClaimKey::own(entity_ref(name), ProviderName::new("p"))
}

fn submission(name: &str, says: &str) -> Submission {
    Submission {
        entity_ref: entity_ref(name),
        location_key: None,
        location_id: None,
        content: Content {
            entity: format!("{{\"says\":\"{says}\"}}"),
            location: "file:/a.yaml".to_owned(),
            origin: "file:/a.yaml".to_owned(),
            position: None,
            substitutions: Vec::new(),
            listing_errors: Vec::new(),
        },
    }
}

fn full(submissions: Vec<Submission>) -> Mutation {
    Mutation::Full { submissions, kept: Vec::new(), removal: Removal::Found }
}

fn all(names: &[&str]) -> Mutation {
    full(names.iter().map(|name| submission(name, "x")).collect())
}

fn listing(location: &str, document: &str, listed: &str) -> Listing {
    Listing { location: entity_ref(location), document: document.into(), listed: listed.into() }
}

fn read(listing: Listing, names: &[&str]) -> Finding {
    Finding::Read {
        listing,
        submissions: names.iter().map(|name| submission(name, "x")).collect(),
        incomplete: false,
        errors: Vec::new(),
    }
}

fn listed(location: &str, document: &str, documents: &[&str]) -> Finding {
    Finding::Listed {
        location: entity_ref(location),
        document: document.into(),
        listed: documents.iter().map(|document| Arc::from(*document)).collect(),
        errors: Vec::new(),
    }
}

#[test]
fn the_same_said_again_plans_nothing() {
    let mut log = Log::new();
    assert_eq!(log.say(all(&["a", "b"])).changes.len(), 2);
    let again = log.say(all(&["a", "b"]));
    assert_eq!((again.changes.len(), again.missing.len(), again.unchanged), (0, 0, 2));
}

#[test]
fn a_change_keeps_identity_and_creation_time_unless_the_location_key_differs() {
    let mut log = Log::new();
    log.say(all(&["a"]));
    let first = log.claims.get(&own("a")).unwrap().clone();
    log.say(full(vec![submission("a", "y")]));
    let changed = log.claims.get(&own("a")).unwrap().clone();
    assert_eq!((changed.identity, changed.created_at), (first.identity, first.created_at));
    assert_ne!(changed.digest, first.digest);
    log.say(full(vec![Submission { location_key: Some("k".to_owned()), ..submission("a", "y") }]));
    assert_ne!(log.identity("a"), first.identity);
}

#[test]
fn a_full_mutation_misses_what_it_does_not_list_and_does_not_keep() {
    let mut log = Log::new();
    log.say(all(&["a", "b", "c"]));
    log.say(Mutation::Full {
        submissions: vec![submission("a", "x")],
        kept: vec![entity_ref("b")],
        removal: Removal::Found,
    });
    assert_eq!(log.refs(), ["component:default/a", "component:default/b"]);
    let plan = log.say(Mutation::Full {
        submissions: Vec::new(),
        kept: Vec::new(),
        removal: Removal::Skipped("cut off".to_owned()),
    });
    assert_eq!((plan.missing.len(), plan.removal_skipped.as_deref()), (0, Some("cut off")));
}

#[test]
fn a_delta_ignores_what_is_not_its_own() {
    let mut log = Log::new();
    log.say(all(&["a"]));
    let plan =
        log.say(Mutation::Delta { added: Vec::new(), removed: vec![entity_ref("a"), entity_ref("z")] });
    assert_eq!((plan.missing.len(), plan.ignored), (1, 1));
    assert_eq!(log.refs(), [""; 0]);
}

#[test]
fn the_last_of_several_counts_and_both_are_named() {
    let mut log = Log::new();
    let plan = log.say(full(vec![submission("a", "1"), submission("b", "1"), submission("a", "2")]));
    assert_eq!(plan.changes.len(), 2);
    assert_eq!(
        plan.warnings,
        [
            "component:default/a is described twice, in number 1 of the list and in number 3 of the list; the last counts"
        ]
    );
    assert!(log.say(full(vec![submission("b", "1"), submission("a", "2")])).changes.is_empty());
}

#[test]
fn what_is_too_large_is_rejected_by_name_and_keeps_its_claim() {
    let mut log = Log::new();
    log.say(all(&["a"]));
    let plan = log.say(full(vec![submission("a", &"x".repeat(2_000))]));
    assert!(
        plan.rejected[0].1.starts_with("EntityTooLargeError: the entity has 2011 bytes"),
        "{:?}",
        plan.rejected
    );
    assert_eq!(log.refs(), ["component:default/a"]);
}

#[test]
fn a_location_that_goes_takes_along_what_only_it_led_to() {
    let mut log = Log::new();
    log.say(all(&["loc-1", "loc-2"]));
    log.find(vec![read(listing("loc-1", "", "file:/x"), &["a", "loc-3"])]);
    log.find(vec![read(listing("loc-3", "file:/x", "file:/y"), &["b"])]);
    log.find(vec![read(listing("loc-2", "", "file:/y"), &["b"])]);
    assert_eq!(log.claims.len(), 6);
    log.say(all(&["loc-2"]));
    assert_eq!(log.refs(), ["component:default/b", "location:default/loc-2"]);
}

#[test]
fn locations_that_list_each_other_do_not_keep_each_other() {
    let mut log = Log::new();
    log.say(all(&["loc-1"]));
    log.find(vec![read(listing("loc-1", "", "file:/x"), &["loc-2"])]);
    log.find(vec![read(listing("loc-2", "file:/x", "file:/y"), &["loc-3"])]);
    log.find(vec![read(listing("loc-3", "file:/y", "file:/x"), &["loc-2"])]);
    assert_eq!(log.claims.len(), 4);
    log.find(vec![listed("loc-1", "", &[])]);
    assert_eq!(log.refs(), ["location:default/loc-1"]);
}

#[test]
fn failures_remove_nothing_and_a_confirmed_absence_does() {
    let mut log = Log::new();
    log.say(all(&["loc-1"]));
    let x = listing("loc-1", "", "file:/x");
    log.find(vec![read(x.clone(), &["a", "b"])]);
    let problem = Problem::input("file:/x does not exist");
    log.find(vec![
        Finding::Failed { listing: x.clone(), problem: Problem::input("time-out") },
        Finding::Unchanged(x.clone()),
        Finding::Read {
            listing: x.clone(),
            submissions: vec![submission("a", "x")],
            incomplete: true,
            errors: vec![],
        },
    ]);
    log.find(vec![Finding::Absent { listing: x.clone(), error: Some(problem), gone: false }]);
    assert_eq!(log.claims.len(), 3);
    assert_eq!(log.errors("loc-1"), ["file:/x does not exist"]);
    log.find(vec![Finding::Absent { listing: x, error: None, gone: true }]);
    assert_eq!(log.refs(), ["location:default/loc-1"]);
    assert_eq!(log.errors("loc-1"), [""; 0]);
}

#[test]
fn errors_of_one_document_leave_those_of_the_others() {
    let mut log = Log::new();
    log.say(all(&["loc-1"]));
    let failing = |document: &str, text: &str| Finding::Read {
        listing: listing("loc-1", "", document),
        submissions: Vec::new(),
        incomplete: true,
        errors: vec![Problem::input(text)],
    };
    log.find(vec![failing("file:/x", "bad x"), failing("file:/y", "bad y")]);
    assert_eq!(log.errors("loc-1"), ["bad x", "bad y"]);
    log.find(vec![read(listing("loc-1", "", "file:/x"), &["a"])]);
    assert_eq!(log.errors("loc-1"), ["bad y"]);
    // What the provider says about the Location itself leaves them too.
    assert!(log.say(all(&["loc-1"])).changes.is_empty());
    log.find(vec![listed("loc-1", "", &["file:/x"])]);
    assert_eq!(log.errors("loc-1"), [""; 0]);
}

#[test]
fn a_document_that_is_no_longer_listed_adds_nothing() {
    let mut log = Log::new();
    log.say(all(&["loc-1"]));
    log.find(vec![listed("loc-1", "", &["file:/x"]), read(listing("loc-1", "", "file:/y"), &["a"])]);
    log.find(vec![read(listing("loc-9", "", "file:/x"), &["a"])]);
    assert_eq!(log.refs(), ["location:default/loc-1"]);
}

#[test]
fn a_record_that_is_taken_in_again_changes_nothing() {
    let mut log = Log::new();
    let plan = log.say(all(&["a"]));
    let (key, change) = plan.changes[0].clone();
    log.say(all(&[]));
    log.claims.apply(&key, &ChangeHeaders::of(&change), (0, 0), None);
    assert_eq!(log.claims.len(), 0);
    assert_eq!(log.claims.position(), [(0, 2)]);
}

/// The world: which documents there are and what is in them. `loc-N` lists the documents of row N.
fn worlds() -> impl Strategy<Value = (Vec<Vec<usize>>, Vec<Vec<String>>)> {
    let names = prop::collection::vec(0..8_usize, 0..5).prop_map(|picked| {
        picked.into_iter().map(|n| if n < 4 { format!("loc-{n}") } else { format!("c-{n}") }).collect()
    });
    let lists = prop::collection::vec(prop::collection::vec(0..4_usize, 0..4), 4);
    (lists, prop::collection::vec(names, 4))
}

/// Everything that could be found in a world, for every place a Location can stand in.
fn findings((lists, documents): &(Vec<Vec<usize>>, Vec<Vec<String>>)) -> Vec<Finding> {
    let mut found = Vec::new();
    let places = (0..4).map(|document| format!("file:/{document}")).chain([String::new()]);
    for place in places {
        for (location, targets) in lists.iter().enumerate() {
            let name = format!("loc-{location}");
            let listed_documents: Vec<_> = targets.iter().map(|target| format!("file:/{target}")).collect();
            let texts: Vec<_> = listed_documents.iter().map(String::as_str).collect();
            found.push(listed(&name, &place, &texts));
            for target in targets {
                let names: Vec<_> = documents[*target].iter().map(String::as_str).collect();
                found.push(read(listing(&name, &place, &format!("file:/{target}")), &names));
                found.push(Finding::Failed {
                    listing: listing(&name, &place, &format!("file:/{target}")),
                    problem: Problem::input("time-out"),
                });
            }
        }
    }
    found
}

fn keys(log: &Log) -> Vec<ClaimKey> {
    let mut keys: Vec<_> = log.claims.keys().collect();
    keys.sort();
    keys
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_and_repetition_of_findings_gives_the_same_claims(
        before in worlds(),
        after in worlds(),
        seeds in prop::collection::vec(any::<u64>(), 2),
    ) {
        let mut results = Vec::new();
        for seed in seeds {
            let mut log = Log::new();
            log.say(all(&["loc-0"]));
            for world in [&before, &after] {
                let mut found = findings(world);
                // Nothing can be found before what leads to it, so as many rounds as the walk is deep.
                for round in 0..24_u64 {
                    shuffle(&mut found, seed.wrapping_add(round));
                    for chunk in found.chunks(1 + usize::try_from(seed % 7).unwrap()) {
                        log.find(chunk.to_vec());
                    }
                }
            }
            results.push(keys(&log));
        }
        prop_assert_eq!(&results[0], &results[1]);
    }

    #[test]
    fn failures_never_remove(world in worlds()) {
        let mut log = Log::new();
        log.say(all(&["loc-0"]));
        for _ in 0..24 {
            log.find(findings(&world));
        }
        let known = keys(&log);
        let failures = findings(&world).into_iter().filter_map(|finding| match finding {
            Finding::Read { listing, .. } => Some(Finding::Failed { listing, problem: Problem::input("503") }),
            _ => None,
        });
        let plan = log.find(failures.collect());
        prop_assert!(plan.changes.is_empty() && plan.missing.is_empty());
        prop_assert_eq!(keys(&log), known);
    }
}

/// A permutation from a seed, so that a failing case can be run again.
fn shuffle(items: &mut [Finding], seed: u64) {
    let mut state = seed | 1;
    for index in (1..items.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(state >> 33).unwrap() % (index + 1);
        items.swap(index, other);
    }
}
