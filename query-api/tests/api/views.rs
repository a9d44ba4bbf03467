//! What a principal sees who may not read everything: the catalog that contains only the rest.

use std::sync::Arc;

use async_trait::async_trait;
use backstitch_query_api::{Condition, Decision, Permission, PermissionPolicy, PolicyError, Principal};
use backstitch_read_model::{ClaimRow, ClaimState, Standing};
use backstitch_schemas::{ClaimKey, EntityRef, Listing, Problem, ProviderName};
use serde_json::{Value, json};

use crate::fixture::{Answer, Fixture, component};

/// Decides the same for everybody.
#[derive(Debug)]
struct Always(Result<Decision, PolicyError>);

#[async_trait]
impl PermissionPolicy for Always {
    async fn decide(&self, _: &Principal, _: Permission) -> Result<Decision, PolicyError> {
        self.0.clone()
    }
}

fn rule(name: &str, params: Value) -> Value {
    json!({"rule": name, "resourceType": "catalog-entity", "params": params})
}

/// A condition and, told in other words, which entities meet it.
struct Case {
    condition: Value,
    is_seen: fn(&Value) -> bool,
}

fn cases() -> Vec<Case> {
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
fn world() -> Vec<Value> {
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
        if number % 3 == 1 {
            entity["metadata"]["annotations"] = json!({"acme.org/secret": ""});
        }
    }
    world
}

/// Commits what of the world `is_in`, with its past and its problems.
async fn populate(fixture: &mut Fixture, world: &[Value], is_in: impl Fn(&Value) -> bool) {
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
    fixture.add_claims(claims, Vec::new()).await;
    for name in ["component:default/part-1", "component:default/part-4"] {
        if fixture.catalog.index().unwrap().find(&EntityRef::from_canonical(name)).is_some() {
            fixture.remove(name).await;
        }
    }
}

fn broken(claim: ClaimRow) -> ClaimRow {
    let form_errors = vec![Problem::input(format!("{} is broken", claim.key.entity_ref))];
    ClaimRow { state: ClaimState::Refused, form: None, form_errors, ..claim }
}

/// The answer without what depends on how much else was committed. Problems are in no order.
fn comparable(answer: &Answer) -> (u16, Value) {
    let mut value = serde_json::from_str(&answer.text).unwrap_or_else(|_| Value::from(answer.text.clone()));
    strip(&mut value);
    (answer.status.as_u16(), value)
}

fn strip(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Object(members) => {
            for name in ["revision", "commit", "identity", "lag", "memory", "providers", "notices", "hosts"] {
                members.remove(name);
            }
            members.values_mut().for_each(strip);
            for name in ["problems", "items"] {
                let list = members.get_mut(name).and_then(Value::as_array_mut);
                if let Some(list) = list.filter(|list| list.iter().any(is_about_a_claim)) {
                    list.sort_by_key(Value::to_string);
                }
            }
        }
        _ => {}
    }
}

/// Problems and conflicts name a provider; entities and changes do not.
fn is_about_a_claim(item: &Value) -> bool {
    item.get("provider").is_some() || item.get("standing").is_some()
}

/// The full catalog behind a policy, and the catalog that contains only what the policy lets through.
struct Pair {
    limited: Fixture,
    rest: Fixture,
    refs: Vec<EntityRef>,
}

impl Pair {
    async fn of(case: &Case) -> Self {
        let world = world();
        let decision = Decision::Conditional(Condition(case.condition.clone()));
        let mut limited = Fixture::decided_by(Some(Arc::new(Always(Ok(decision))))).await;
        populate(&mut limited, &world, |_| true).await;
        let mut rest = Fixture::empty().await;
        populate(&mut rest, &world, case.is_seen).await;
        let seen = world.iter().filter(|entity| (case.is_seen)(entity)).count();
        assert!(seen > 3 && seen < world.len() - 3, "the condition hides some and shows some");
        Self {
            limited,
            rest,
            refs: world.iter().map(|entity| EntityRef::of_entity(entity).unwrap()).collect(),
        }
    }

    async fn get(&self, path: &str) -> Value {
        let (limited, rest) =
            (comparable(&self.limited.get(path).await), comparable(&self.rest.get(path).await));
        assert_eq!(limited, rest, "GET {path}");
        limited.1
    }

    async fn post(&self, path: &str, body: Value) {
        let (limited, rest) = (self.limited.post(path, &body).await, self.rest.post(path, &body).await);
        assert_eq!(comparable(&limited), comparable(&rest), "POST {path} {body}");
    }

    /// All pages to the end, and back to the beginning.
    async fn all_pages(&self, query: &str) {
        let mut page = self.get(&format!("/api/catalog/entities/by-query?{query}")).await;
        for cursor in ["nextCursor", "prevCursor"] {
            while let Some(next) = page["pageInfo"][cursor].as_str() {
                page = self.get(&format!("/api/catalog/entities/by-query?limit=3&cursor={next}")).await;
            }
        }
    }

    fn path(entity_ref: &EntityRef) -> String {
        entity_ref.as_str().replace(':', "/")
    }
}

#[tokio::test]
async fn lists_totals_facets_and_cursors_agree_with_the_catalog_without_the_hidden() {
    for case in cases() {
        let pair = Pair::of(&case).await;
        for query in [
            "",
            "?filter=kind=component",
            "?filter=relations.ownedBy=group:default/team-1",
            "?limit=4&offset=2",
            "?order=desc:metadata.name",
            "?order=asc:spec.type&order=desc:metadata.name&limit=5&offset=3",
            "?fields=metadata.name,relations",
        ] {
            pair.get(&format!("/api/catalog/entities{query}")).await;
        }
        for query in [
            "limit=3",
            "limit=3&orderField=metadata.name,desc",
            "limit=3&orderField=spec.type",
            "limit=3&fullTextFilterTerm=part-1&fullTextFilterFields=metadata.name",
            "limit=3&filter=kind=component&orderField=relations.dependson",
            "limit=0&filter=relations.ownedby",
        ] {
            pair.all_pages(query).await;
        }
        let facets = "facet=kind&facet=relations.ownedBy&facet=metadata.labels.tier&facet=relations.dependencyof\
                      &facet=metadata.labels.number";
        pair.get(&format!("/api/catalog/entity-facets?{facets}")).await;
        pair.get(&format!("/api/catalog/entity-facets?{facets}&filter=spec.type=service")).await;
        let not = json!({"query": {"$not": {"kind": "group"}}, "facets": ["kind", "spec.type"], "limit": 5});
        pair.post("/api/catalog/entity-facets", not.clone()).await;
        pair.post("/api/catalog/entities/by-query", not).await;
    }
}

#[tokio::test]
async fn a_hidden_entity_is_not_found_by_name_uid_or_ref() {
    for case in cases() {
        let pair = Pair::of(&case).await;
        let refs: Vec<_> = pair.refs.iter().map(EntityRef::as_str).collect();
        pair.post("/api/catalog/entities/by-refs", json!({ "entityRefs": refs })).await;
        let index = pair.limited.catalog.index().unwrap();
        for entity_ref in &pair.refs {
            let path = Pair::path(entity_ref);
            pair.get(&format!("/api/catalog/entities/by-name/{path}")).await;
            if let Some(entity) = index.find(entity_ref) {
                pair.get(&format!("/api/catalog/entities/by-uid/{}", entity.uid)).await;
            }
        }
    }
}

#[tokio::test]
async fn ancestors_end_at_a_hidden_one_and_a_hidden_root_is_forbidden() {
    for case in cases() {
        let pair = Pair::of(&case).await;
        for entity_ref in &pair.refs {
            let path = format!("/api/catalog/entities/by-name/{}/ancestry", Pair::path(entity_ref));
            if pair.rest.catalog.index().unwrap().find(entity_ref).is_some() {
                pair.get(&path).await;
                continue;
            }
            let answer = pair.limited.get(&path).await;
            assert_eq!(answer.status.as_u16(), 403, "{path}");
            assert_eq!(answer.json()["error"], json!({"name": "NotAllowedError", "message": ""}));
        }
    }
}

#[tokio::test]
async fn history_status_and_problems_agree_with_the_catalog_without_the_hidden() {
    for case in cases() {
        let pair = Pair::of(&case).await;
        for path in ["status", "errors", "conflicts", "changes", "changes?limit=3"] {
            pair.get(&format!("/api/catalog/v1/{path}")).await;
        }
        let errors = pair.get("/api/catalog/v1/errors").await;
        assert_ne!(errors["totalItems"], 0, "there is something to agree about");
        for entity_ref in &pair.refs {
            pair.get(&format!("/api/catalog/v1/history/{}", Pair::path(entity_ref))).await;
        }
    }
}

#[tokio::test]
async fn who_may_read_nothing_sees_an_empty_catalog() {
    let nobody_decides = Err(PolicyError("nobody listens".to_owned()));
    for decision in [Ok(Decision::Deny), nobody_decides] {
        let mut fixture = Fixture::decided_by(Some(Arc::new(Always(decision)))).await;
        populate(&mut fixture, &world(), |_| true).await;
        assert_eq!(fixture.get("/api/catalog/entities").await.json(), json!([]));
        let page = fixture.get("/api/catalog/entities/by-query").await.json();
        assert_eq!(page, json!({"items": [], "totalItems": 0, "pageInfo": {}}));
        let facets = fixture.get("/api/catalog/entity-facets?facet=kind").await.json();
        assert_eq!(facets, json!({"facets": {"kind": []}}));
        let entity = fixture.get("/api/catalog/entities/by-name/group/default/team-0").await;
        assert_eq!(entity.status.as_u16(), 404);
        assert_eq!(fixture.get("/api/catalog/v1/changes").await.json(), json!({"items": []}));
    }
}

#[tokio::test]
async fn conditions_that_cannot_be_checked_are_an_error_and_show_nothing() {
    let condition = Condition(rule("IS_FUN", json!({})));
    let fixture = Fixture::decided_by(Some(Arc::new(Always(Ok(Decision::Conditional(condition)))))).await;
    let answer = fixture.get("/api/catalog/entities").await;
    assert_eq!(answer.status.as_u16(), 500);
    let expected = "Permission rule 'IS_FUN' does not exist for resource type 'catalog-entity'";
    assert_eq!(answer.json()["error"]["message"], expected);
}

#[tokio::test]
async fn a_change_is_seen_if_the_entity_was_allowed_to_be_seen_after_it() {
    let condition = Condition(rule("HAS_LABEL", json!({"label": "tier", "value": "open"})));
    let policy = Always(Ok(Decision::Conditional(condition)));
    let mut fixture = Fixture::decided_by(Some(Arc::new(policy))).await;
    let entity = |tier: &str| {
        let mut entity = component("a", "service");
        entity["metadata"]["labels"] = json!({"tier": tier});
        entity
    };
    for tier in ["closed", "open", "closed"] {
        fixture.add(&[entity(tier)]).await;
    }
    let start = fixture.get("/api/catalog/entities").await;
    let last: i64 = start.header("backstitch-revision").unwrap().parse().unwrap();
    let seen = async |fixture: &Fixture| {
        let mut seen = Vec::new();
        for path in ["history/component/default/a", "changes"] {
            let answer = fixture.get(&format!("/api/catalog/v1/{path}")).await.json();
            let items = answer["items"].as_array().cloned().unwrap_or_default();
            seen.push(items.iter().map(|item| item["revision"].as_i64().unwrap() - last).collect::<Vec<_>>());
        }
        seen
    };
    assert_eq!(seen(&fixture).await, [[-1], [-1]], "it was open in the middle only");
    fixture.remove("component:default/a").await;
    assert_eq!(seen(&fixture).await, [[-1], [-1]], "nobody saw it go");
    fixture.add(&[entity("open")]).await;
    fixture.remove("component:default/a").await;
    assert_eq!(seen(&fixture).await, [[3, 2, -1], [3, 2, -1]]);
}
