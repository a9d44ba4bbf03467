//! Who has an entity, told in pictures: providers, what they list, and what stays when something goes.
//!
//! `E1`, `E2` and so on are Locations, because only Locations lead to others.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use backstitch_read_model::Standing;
use backstitch_schemas::{
    ClaimKey, EntityRef, Identity, Listing, ProviderName, Timestamp, Version,
    change::{Cause, CauseKind},
    processed::{Form, FormState, GoodForm, Processed, Relation, Stamp},
};
use backstitch_stitcher::{Catalog, Frame};
use uuid::Uuid;

use crate::replica::Replica;

/// Edges: `P1>E1` is submitted by a provider, `E1>E2` is listed by a Location.
type Edges = &'static [&'static str];

fn name(entity: &str) -> EntityRef {
    let kind = if entity.starts_with('E') { "Location" } else { "Component" };
    EntityRef::new(kind, None, entity)
}

fn ends(edge: &str) -> (&str, &str) {
    edge.split_once('>').unwrap()
}

/// One claim for each edge that a provider reaches, in each document that it is reached in.
fn claims(edges: &[&'static str]) -> Vec<ClaimKey> {
    let mut claims = Vec::new();
    let mut walked = HashSet::new();
    let roots = edges.iter().map(|edge| ends(edge)).filter(|(from, _)| from.starts_with('P'));
    let mut next: Vec<(&str, &str, String)> = Vec::new();
    for (provider, entity) in roots {
        claims.push(ClaimKey::own(name(entity), ProviderName::new(provider)));
        next.push((provider, entity, String::new()));
    }
    while let Some(place) = next.pop() {
        if !walked.insert(place.clone()) {
            continue;
        }
        let (provider, location, document) = place;
        for (_, child) in edges.iter().map(|edge| ends(edge)).filter(|(from, _)| *from == location) {
            let listed = format!("file:{location}");
            let listing = Listing {
                location: name(location),
                document: document.as_str().into(),
                listed: listed.as_str().into(),
            };
            claims.push(ClaimKey::listed(name(child), ProviderName::new(provider), listing));
            next.push((provider, child, listed));
        }
    }
    claims.sort();
    claims.dedup();
    claims
}

/// A catalog that takes records one by one.
#[derive(Default)]
struct World {
    replica: Replica,
    catalog: Catalog,
    version: i64,
}

/// What a record says besides its claim.
#[derive(Clone, Default)]
struct Says {
    identity: u128,
    location_key: Option<&'static str>,
    content: &'static str,
    /// Source, type, target.
    relations: &'static [(&'static str, &'static str, &'static str)],
}

fn good(says: &Says) -> FormState {
    let relation = |(source, kind, target): &(&str, &str, &str)| Relation {
        source: name(source),
        kind: (*kind).to_owned(),
        target: name(target),
    };
    let relations = says.relations.iter().map(relation).collect();
    let entity = format!(r#"{{"kind":"Location","metadata":{{}},"spec":{{"says":"{}"}}}}"#, says.content);
    FormState::Good(GoodForm { entity, relations, errors: Vec::new() })
}

impl World {
    fn of(edges: &[&'static str]) -> Self {
        let mut world = Self::default();
        for (key, identity) in claims(edges).into_iter().zip(1..) {
            world.says(&key, &Says { identity, ..Says::default() });
        }
        world
    }

    fn says(&mut self, key: &ClaimKey, says: &Says) {
        self.takes(key, says, good(says));
    }

    fn withdraws(&mut self, key: &ClaimKey) {
        self.takes(key, &Says::default(), FormState::Withdrawn);
    }

    fn takes(&mut self, key: &ClaimKey, says: &Says, state: FormState) {
        let record = self.record(key, says, state);
        self.takes_together(vec![record]);
    }

    /// A record whose cause tells which one it is: the provider's name and what is said.
    fn record(&mut self, key: &ClaimKey, says: &Says, state: FormState) -> Processed {
        self.version += 1;
        let stamp = Stamp {
            version: Version(self.version),
            identity: Identity(Uuid::from_u128(says.identity)),
            created_at: Timestamp(i64::try_from(says.identity).unwrap()),
            location_key: says.location_key.map(str::to_owned),
            location_id: None,
            released: false,
            fingerprint: String::new(),
        };
        let what = if state == FormState::Withdrawn { "gone" } else { says.content };
        let detail = Some(format!("{} {} {what}", key.provider, key.entity_ref.name()));
        let cause = Cause { kind: CauseKind::Read, detail, at: Timestamp(self.version) };
        Processed::Form(key.clone(), Form { stamp, state, cause })
    }

    fn takes_together(&mut self, records: Vec<Processed>) {
        let plan = self.catalog.plan(records);
        let forms = self.replica.forms(&plan.needs());
        let frame = Frame { base: self.replica.revision, at: Timestamp(1), ..Frame::default() };
        let delta = plan.finish(forms, frame).unwrap();
        self.replica.apply(&delta.commit);
        self.catalog.apply(delta.memory);
    }

    /// Why an entity last changed.
    fn cause(&self, entity: &str) -> String {
        let history = &self.replica.history;
        let last = history.iter().rev().find(|row| row.entity_ref == name(entity)).unwrap();
        last.cause.detail.clone().unwrap()
    }

    /// The names of all entities.
    fn names(&self) -> BTreeSet<String> {
        self.replica.seen().keys().map(|entity_ref| entity_ref.name().to_uppercase()).collect()
    }

    /// What an entity says, and the number of its identity.
    fn shown(&self, entity: &str) -> Option<(String, u128)> {
        let seen = self.replica.seen().remove(&name(entity))?;
        let body: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
        Some((body["spec"]["says"].as_str().unwrap().to_owned(), seen.uid.as_u128()))
    }

    fn relations(&self, entity: &str) -> Vec<String> {
        let seen = self.replica.seen().remove(&name(entity)).unwrap();
        seen.relations.iter().map(|end| format!("{} {}", end.kind, end.target.name())).collect()
    }
}

/// Withdraws what a provider submitted, one root after the other, and nothing that was listed: what only
/// they led to has to go by itself.
fn check_removal(edges: Edges, removed: &[(&str, &str)], left: &[&str]) {
    let mut world = World::of(edges);
    for (provider, entity) in removed {
        world.withdraws(&ClaimKey::own(name(entity), ProviderName::new(*provider)));
    }
    let left: BTreeSet<_> = left.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(world.names(), left, "{edges:?} without {removed:?}");
}

#[test]
fn what_a_provider_removes_goes_with_all_that_only_it_led_to() {
    let simple: Edges = &["P1>E1", "E1>E2", "P1>E3", "P1>E4", "P2>E5"];
    check_removal(simple, &[("P1", "E1"), ("P1", "E3")], &["E4", "E5"]);
    check_removal(&["P1>E1", "P1>E1"], &[("P1", "E1")], &[]);
    check_removal(&["P1>E1", "E1>E2", "P2>E3", "E3>E2"], &[("P1", "E1")], &["E2", "E3"]);
    check_removal(&["P1>E1", "E1>E2", "P1>E3", "E3>E2"], &[("P1", "E1")], &["E2", "E3"]);
    // A chain and a diamond.
    check_removal(&["P1>E1", "E1>E2", "E2>E3", "E1>E4", "E4>E3"], &[("P1", "E1")], &[]);
    // Both submit the same one.
    check_removal(&["P1>E1", "P2>E1", "E1>E2"], &[("P1", "E1")], &["E1", "E2"]);
}

#[test]
fn loops_of_locations_go_when_nothing_leads_to_them() {
    let edges: Edges = &["P1>E1", "E1>E2", "E2>E1", "E2>E6", "P1>E3", "E3>E4", "E4>E5", "E5>E6", "E3>E5"];
    check_removal(edges, &[("P1", "E1")], &["E3", "E4", "E5", "E6"]);
    check_removal(edges, &[("P1", "E1"), ("P1", "E3")], &[]);
}

#[test]
fn what_others_submit_or_what_is_no_root_cannot_be_removed() {
    let edges: Edges = &["P1>E1", "E1>E2", "P2>E3"];
    check_removal(edges, &[("P1", "E2"), ("P1", "E3"), ("P2", "E1")], &["E1", "E2", "E3"]);
}

#[test]
fn orphans_and_what_only_they_lead_to_are_not_shown_and_leave_no_relation() {
    let whole: Edges = &[
        "P1>E1", "E1>E2", "P2>E8", "E8>E7", "P3>E9", // what stays
        "P4>E4", "E4>E3", "E3>E2", "E4>E5", "P4>E6", "E6>E5", "E6>E7", "P4>E10", // what is cut off
    ];
    let mut world = World::of(whole);
    let cut = |entity: &str| ClaimKey::own(name(entity), ProviderName::new("P4"));
    // What is cut off is related to what stays.
    let related: [(&str, &'static [_]); 2] =
        [("E4", &[("E2", "ownerOf", "E4")]), ("E6", &[("E7", "ownerOf", "E6")])];
    for (entity, relations) in related {
        world.says(&cut(entity), &Says { identity: 90, relations, ..Says::default() });
    }
    assert_eq!(world.names().len(), 10);
    assert_eq!(world.relations("E2"), ["ownerOf e4"]);
    for entity in ["E4", "E6", "E10"] {
        world.withdraws(&cut(entity));
    }
    let left: Vec<_> = world.names().into_iter().collect();
    assert_eq!(left, ["E1", "E2", "E7", "E8", "E9"]);
    assert_eq!((world.relations("E2"), world.relations("E7")), (Vec::new(), Vec::new()));
}

/// First said with one location key, then by somebody else with another.
#[test]
fn a_location_key_wins_over_none_and_otherwise_the_earlier_claim() {
    let first = ClaimKey::own(name("e"), ProviderName::new("first"));
    let second = ClaimKey::own(name("e"), ProviderName::new("second"));
    for (first_key, second_key, winner) in [
        (None, None, "first"),
        (None, Some("x"), "second"),
        (Some("x"), Some("y"), "first"),
        (Some("x"), None, "first"),
        (Some("x"), Some("x"), "first"),
    ] {
        let mut world = World::default();
        let says =
            |identity, content, location_key| Says { identity, location_key, content, ..Says::default() };
        world.says(&first, &says(1, "first", first_key));
        world.says(&second, &says(2, "second", second_key));
        let case = format!("{first_key:?} then {second_key:?}");
        assert_eq!(world.shown("e").unwrap().0, winner, "{case}");
        // The other is known, and told as a conflict.
        let standings: BTreeMap<_, _> =
            world.replica.standings().into_iter().map(|(key, s)| (key.provider.to_string(), s)).collect();
        let loser = if winner == "first" { "second" } else { "first" };
        assert_eq!((standings[winner], standings[loser]), (Standing::Winner, Standing::Loser), "{case}");
    }
}

#[test]
fn a_keyed_claim_takes_an_entity_over_and_gives_it_back_when_it_goes() {
    let submitted = ClaimKey::own(name("e"), ProviderName::new("p"));
    let listing = Listing { location: name("E1"), document: "".into(), listed: "file:a".into() };
    let overriding = ClaimKey::listed(name("e"), ProviderName::new("q"), listing);
    let mut world = World::default();
    world.says(&submitted, &Says { identity: 1, content: "original", ..Says::default() });
    let root = ClaimKey::own(name("E1"), ProviderName::new("q"));
    world.says(&root, &Says { identity: 2, ..Says::default() });
    let keyed = Says { identity: 3, location_key: Some("file:a"), content: "override", ..Says::default() };
    world.says(&overriding, &keyed);
    assert_eq!(world.shown("e"), Some(("override".to_owned(), 3)));
    let winners = world
        .replica
        .standings()
        .into_iter()
        .filter(|(key, standing)| key.entity_ref == name("e") && *standing == Standing::Winner);
    assert_eq!(winners.count(), 1);
    // The original is not forgotten meanwhile, and needs no further sync to come back.
    world.withdraws(&overriding);
    assert_eq!(world.shown("e"), Some(("original".to_owned(), 1)));
    world.withdraws(&submitted);
    assert_eq!(world.shown("e"), None);
}

#[test]
fn the_same_relation_of_two_originators_is_shown_once_until_both_are_gone() {
    let [group, user] = ["group", "user"].map(|entity| ClaimKey::own(name(entity), ProviderName::new("p")));
    // Both say the same: one as `members`, the other as `memberOf`.
    let both = &[("group", "hasMember", "user"), ("user", "memberOf", "group")];
    let related = |identity| Says { identity, relations: both, ..Says::default() };
    let unrelated = |identity| Says { identity, ..Says::default() };
    let etag = |world: &World| world.replica.seen()[&name("group")].etag.clone();
    let mut world = World::default();
    world.says(&group, &unrelated(1));
    let alone = etag(&world);
    world.says(&group, &related(1));
    let with_member = etag(&world);
    assert_ne!(with_member, alone);
    world.says(&user, &related(2));
    assert_eq!(world.relations("group"), ["hasMember user"]);
    assert_eq!(world.relations("user"), ["memberOf group"]);
    assert_eq!(etag(&world), with_member, "the same entity has the same etag");
    let revision = world.replica.revision;
    world.says(&user, &related(2));
    assert_eq!(world.replica.revision, revision, "the same said again changes nothing");
    world.says(&group, &unrelated(1));
    assert_eq!((world.relations("group"), etag(&world)), (vec!["hasMember user".to_owned()], with_member));
    world.says(&user, &unrelated(2));
    assert_eq!((world.relations("group"), etag(&world)), (Vec::new(), alone));
}

/// What happens together in one batch.
fn together(world: &mut World, records: &[(&ClaimKey, Option<Says>)]) {
    let records = records.iter().map(|(key, says)| match says {
        Some(says) => world.record(key, says, good(says)),
        None => world.record(key, &Says::default(), FormState::Withdrawn),
    });
    let records = records.collect();
    world.takes_together(records);
}

#[test]
fn the_cause_of_a_change_is_the_claim_that_made_the_difference() {
    let [p, q] = ["p", "q"].map(|provider| ClaimKey::own(name("e"), ProviderName::new(provider)));
    let says = |identity, content| Says { identity, content, ..Says::default() };
    let mut world = World::default();
    world.says(&p, &says(1, "one"));
    world.says(&q, &says(2, "other"));
    assert_eq!(world.cause("e"), "q e other", "a conflict comes from the one that lost");

    together(&mut world, &[(&p, Some(says(1, "two"))), (&q, Some(says(2, "others")))]);
    assert_eq!(world.cause("e"), "p e two", "what a loser says meanwhile changes nothing");
    together(&mut world, &[(&q, Some(says(2, "other"))), (&p, None)]);
    assert_eq!(world.cause("e"), "q e other", "the new winner's own form");
    world.says(&p, &says(1, "back"));
    together(&mut world, &[(&q, Some(says(2, "other"))), (&p, None)]);
    assert_eq!(world.cause("e"), "p e gone", "the winner before went, and the new one says what it said");
    together(&mut world, &[(&q, None), (&p, None)]);
    assert_eq!(world.cause("e"), "q e gone");
}

#[test]
fn the_cause_of_a_relation_is_the_neighbour_that_gave_or_took_it() {
    let [e, f, g] = ["e", "f", "g"].map(|entity| ClaimKey::own(name(entity), ProviderName::new("p")));
    let says = |identity, content, relations| Says { identity, content, relations, ..Says::default() };
    let mut world = World::default();
    world.says(&e, &says(1, "one", &[]));
    world.says(&f, &says(2, "one", &[]));
    let related = &[("f", "partOf", "e"), ("e", "hasPart", "f")];
    // `e` is said again as it is, in the same batch.
    let again = says(1, "one", &[]);
    together(
        &mut world,
        &[(&f, Some(says(2, "part", related))), (&e, Some(again)), (&g, Some(says(3, "x", &[])))],
    );
    assert_eq!(world.cause("e"), "p f part");
    assert_eq!(world.relations("e"), ["hasPart f"]);
    together(&mut world, &[(&f, None), (&g, Some(says(3, "y", &[])))]);
    assert_eq!(world.cause("e"), "p f gone");
}

#[test]
fn the_cause_of_what_a_location_brings_or_takes_is_the_location() {
    let mut world = World::of(&["P1>E1", "E1>E2", "E2>c"]);
    let root = ClaimKey::own(name("E1"), ProviderName::new("P1"));
    let other = ClaimKey::own(name("x"), ProviderName::new("P2"));
    together(&mut world, &[(&root, None), (&other, Some(Says { identity: 50, ..Says::default() }))]);
    assert!(world.shown("c").is_none());
    assert_eq!((world.cause("c"), world.cause("E2")), ("P1 e1 gone".to_owned(), "P1 e1 gone".to_owned()));
}
