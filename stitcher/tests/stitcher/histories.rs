//! Generated histories of claims: Locations that list each other, several providers, conflicts,
//! withdrawals, orphans that are kept, invalid versions.

use std::collections::HashMap;

use backstitch_schemas::{
    ClaimKey, EntityRef, Identity, Listing, Problem, ProviderName, Timestamp, Version,
    change::{Cause, CauseKind},
    processed::{Errors, Form, FormState, GoodForm, Processed, Relation, Stamp},
};
use proptest::prelude::*;
use uuid::Uuid;

const REFS: [&str; 7] = [
    "location:default/l0",
    "location:default/l1",
    "location:default/l2",
    "location:default/l3",
    "component:default/a",
    "component:default/b",
    "group:default/g",
];
const DOCUMENTS: [&str; 3] = ["", "url:a", "url:b"];

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) key: ClaimKey,
    pub(crate) saying: Saying,
    /// Begins a new identity, as a change of location key does.
    pub(crate) rekeyed: bool,
    pub(crate) released: bool,
    pub(crate) age: i64,
}

#[derive(Clone, Debug)]
pub(crate) enum Saying {
    Good(usize),
    GoodWithErrors(usize),
    Refused,
    Withdrawn,
    Invalid,
}

pub(crate) fn history(length: usize) -> impl Strategy<Value = Vec<Processed>> {
    prop::collection::vec(step(), 1..length).prop_map(|steps| records(&steps))
}

/// Components `c0`, `c1`, … that one provider submitted.
pub(crate) fn some_components(count: usize) -> Vec<Processed> {
    let step = |at: usize| Step {
        key: ClaimKey::own(EntityRef::new("component", None, &format!("c{at}")), ProviderName::new("p")),
        saying: Saying::Good(0),
        rekeyed: false,
        released: false,
        age: 0,
    };
    records(&(0..count).map(step).collect::<Vec<_>>())
}

fn step() -> impl Strategy<Value = Step> {
    let saying = prop_oneof![
        6 => (0..3_usize).prop_map(Saying::Good),
        1 => (0..3_usize).prop_map(Saying::GoodWithErrors),
        1 => Just(Saying::Refused),
        3 => Just(Saying::Withdrawn),
        2 => Just(Saying::Invalid),
    ];
    (key(), saying, prop::bool::weighted(0.1), prop::bool::weighted(0.15), 0..3_i64)
        .prop_map(|(key, saying, rekeyed, released, age)| Step { key, saying, rekeyed, released, age })
}

fn key() -> impl Strategy<Value = ClaimKey> {
    let entity_ref = prop_oneof![3 => 0..4_usize, 2 => 4..7_usize];
    let listing = prop::option::weighted(0.7, (0..4_usize, 0..3_usize, 1..3_usize));
    (entity_ref, prop::bool::weighted(0.3), listing).prop_map(|(entity_ref, other, listing)| {
        let entity_ref = EntityRef::from_canonical(REFS[entity_ref]);
        let provider = ProviderName::new(if other { "q" } else { "p" });
        match listing {
            None => ClaimKey::own(entity_ref, provider),
            Some((location, document, listed)) => {
                let listing = Listing {
                    location: EntityRef::from_canonical(REFS[location]),
                    document: DOCUMENTS[document].into(),
                    listed: DOCUMENTS[listed].into(),
                };
                ClaimKey::listed(entity_ref, provider, listing)
            }
        }
    })
}

/// The records that processing makes of these steps; the version is the place of the step.
pub(crate) fn records(steps: &[Step]) -> Vec<Processed> {
    let mut identities: HashMap<&ClaimKey, (u128, i64)> = HashMap::new();
    let mut minted = 0;
    let mut records = Vec::new();
    for (step, version) in steps.iter().zip(0..) {
        let known = identities.get(&step.key).copied().filter(|_| !step.rekeyed);
        let (identity, created_at) = known.unwrap_or_else(|| {
            minted += 1;
            (minted, step.age)
        });
        identities.insert(&step.key, (identity, created_at));
        let stamp = Stamp {
            version: Version(version),
            identity: Identity(Uuid::from_u128(identity)),
            created_at: Timestamp(created_at),
            location_key: identity.is_multiple_of(3).then(|| format!("key-{identity}")),
            location_id: None,
            released: step.released && !matches!(step.saying, Saying::Withdrawn),
            fingerprint: "rules".to_owned(),
        };
        records.push(record(step, stamp));
    }
    records
}

fn record(step: &Step, stamp: Stamp) -> Processed {
    let cause = Cause { kind: CauseKind::Read, detail: None, at: Timestamp(stamp.version.0) };
    let state = match step.saying {
        Saying::Good(variant) => FormState::Good(good(&step.key, variant, Vec::new())),
        Saying::GoodWithErrors(variant) => {
            FormState::Good(good(&step.key, variant, vec![Problem::new("NotFoundError", "no target")]))
        }
        Saying::Refused => FormState::Refused(Problem::new("NotAllowedError", "not here")),
        Saying::Withdrawn => FormState::Withdrawn,
        Saying::Invalid => {
            let owner = Some(EntityRef::new("group", None, &format!("g{}", stamp.version.0)));
            let errors = vec![Problem::input(format!("bad since {}", stamp.version.0))];
            return Processed::Errors(step.key.clone(), Errors { stamp, errors, owner, cause });
        }
    };
    Processed::Form(step.key.clone(), Form { stamp, state, cause })
}

fn good(key: &ClaimKey, variant: usize, errors: Vec<Problem>) -> GoodForm {
    let me = &key.entity_ref;
    let other = EntityRef::from_canonical(REFS[4 + variant]);
    let relation = |source: &EntityRef, kind: &str, target: &EntityRef| Relation {
        source: source.clone(),
        kind: kind.to_owned(),
        target: target.clone(),
    };
    let mut relations = vec![relation(me, "ownedBy", &other), relation(&other, "ownerOf", me)];
    if variant == 2 {
        relations.push(relation(&other, "partOf", &EntityRef::from_canonical(REFS[4])));
        relations.push(relation(me, "ownedBy", &other));
    }
    let entity = format!(
        r#"{{"kind":"{}","metadata":{{"name":"{}"}},"spec":{{"v":{variant}}}}}"#,
        me.kind(),
        me.name()
    );
    GoodForm { entity, relations, errors }
}
