//! A small world, conditions that hide a part of it, and how it gets into a catalog.

use backstitch_read_model::{ClaimRow, ClaimState, Standing};
use backstitch_schemas::{ClaimKey, EntityRef, Listing, LocationId, Problem, ProviderName};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::Fixture;

pub(super) fn rule(name: &str, params: Value) -> Value {
    json!({"rule": name, "resourceType": "catalog-entity", "params": params})
}

/// A condition and, told in other words, which entities meet it.
pub(super) struct Case {
    pub(super) condition: Value,
    pub(super) is_seen: fn(&Value) -> bool,
}

pub(super) fn cases() -> Vec<Case> {
    let owned = |entity: &Value| entity["spec"]["owner"] == "team-1";
    vec![
        Case {
            condition: rule("HAS_LABEL", json!({"label": "Tier", "value": "OPEN"})),
            is_seen: |entity| entity["metadata"]["labels"]["tier"] == "open",
        },
        Case {
            condition: json!({"not": rule("HAS_ANNOTATION", json!({"annotation": "acme.org/secret"}))}),
            is_seen: |entity| entity["metadata"]["annotations"]["acme.org/secret"].is_null(),
        },
        Case {
            condition: rule("IS_ENTITY_OWNER", json!({"claims": ["group:default/team-1"]})),
            is_seen: owned,
        },
        Case {
            condition: json!({"anyOf": [
                rule("IS_ENTITY_KIND", json!({"kinds": ["GROUP", "location"]})),
                {"allOf": [rule("HAS_SPEC", json!({"key": "type", "value": "service"})),
                           rule("HAS_METADATA", json!({"key": "labels.tier", "value": "open"}))]},
            ]}),
            is_seen: |entity| {
                entity["kind"] == "Group"
                    || entity["kind"] == "Location"
                    || (entity["spec"]["type"] == "service" && entity["metadata"]["labels"]["tier"] == "open")
            },
        },
    ]
}

/// Groups, components and a chain of Locations, with all properties mixed.
pub(super) fn world() -> Vec<Value> {
    let mut world = Vec::new();
    for number in 0..3 {
        world.push(json!({"kind": "Group", "metadata": {"name": format!("team-{number}")},
                          "spec": {"type": "team", "children": []}}));
    }
    for number in 0..6 {
        world.push(json!({"kind": "Location", "metadata": {"name": format!("place-{number}")},
                          "spec": {"type": "url", "target": format!("https://acme.org/{number}")}}));
    }
    for number in 0..24 {
        let kind = if number % 5 == 0 { "website" } else { "service" };
        world.push(json!({"kind": "Component", "metadata": {"name": format!("part-{number}")},
            "spec": {"type": kind, "lifecycle": "production", "owner": format!("team-{}", number % 3),
                     "dependsOn": [format!("component:part-{}", (number * 7 + 1) % 24)]}}));
    }
    for (number, entity) in world.iter_mut().enumerate() {
        let name = entity["metadata"]["name"].as_str().unwrap().to_owned();
        entity["apiVersion"] = "backstage.io/v1alpha1".into();
        entity["metadata"]["title"] = format!("Title of {name}").into();
        let tier = if number % 2 == 0 { "open" } else { "closed" };
        entity["metadata"]["labels"] = json!({"tier": tier, "number": number.to_string()});
        let origin = format!("url:https://acme.org/{}", number % 4);
        entity["metadata"]["annotations"] = json!({"backstage.io/managed-by-origin-location": origin});
        if number % 3 == 1 {
            entity["metadata"]["annotations"]["acme.org/secret"] = "".into();
        }
    }
    world
}

/// Commits what of the world `is_in`, with its past and its problems.
pub(super) async fn populate(fixture: &mut Fixture, world: &[Value], is_in: impl Fn(&Value) -> bool) {
    fixture.absent = world.to_vec();
    let part = |from: usize, to: usize| -> Vec<Value> {
        world[from..to].iter().filter(|entity| is_in(entity)).cloned().collect()
    };
    fixture.add(&part(0, 4)).await;
    // Each Location lists the next one and a few components.
    for number in 0..5 {
        let mut listed = part(4 + number, 5 + number);
        listed.extend(part(9 + number * 4, 13 + number * 4));
        let listing = Listing {
            location: EntityRef::from_canonical(&format!("location:default/place-{number}")),
            document: "".into(),
            listed: format!("url:https://acme.org/{number}").into(),
        };
        fixture.add_listed(&listed, Some(listing)).await;
    }
    fixture.add(&part(29, 33)).await;
    let mut claims = Vec::new();
    for entity in world.iter().filter(|entity| is_in(entity)) {
        let entity_ref = EntityRef::of_entity(entity).unwrap();
        let number: usize = entity["metadata"]["labels"]["number"].as_str().unwrap().parse().unwrap();
        if number.is_multiple_of(4) {
            let key = ClaimKey::own(entity_ref.clone(), ProviderName::new("rival"));
            claims.push(fixture.claim(key, Standing::Loser));
        }
        if number.is_multiple_of(7) {
            let key = ClaimKey::own(entity_ref, ProviderName::new("broken"));
            claims.push(broken(fixture.claim(key, Standing::Formless)));
        }
    }
    claims.extend([1, 2].map(|number| registration(fixture, number)));
    fixture.add_claims(claims, Vec::new()).await;
    for name in ["component:default/part-20", "component:default/part-21"] {
        if fixture.catalog.index().unwrap().find(&EntityRef::from_canonical(name)).is_some() {
            fixture.remove(name).await;
        }
    }
}

/// A claim that processing refused.
pub(super) fn broken(claim: ClaimRow) -> ClaimRow {
    let form_errors = vec![Problem::input(format!("{} is broken", claim.key.entity_ref))];
    ClaimRow { state: ClaimState::Refused, form: None, form_errors, ..claim }
}

/// A registered location whose entity never came to be.
fn registration(fixture: &mut Fixture, number: u128) -> ClaimRow {
    let entity_ref = EntityRef::new("Location", None, &format!("generated-{number}"));
    let key = ClaimKey::own(entity_ref, ProviderName::new("DefaultLocationStore"));
    let claim = fixture.claim(key, Standing::Formless);
    ClaimRow {
        location_key: Some(format!("url:https://acme.org/{number}")),
        location_id: Some(LocationId(Uuid::from_u128(number))),
        ..claim
    }
}
