//! What a principal sees who may not read everything: the catalog that contains only the rest.

mod following;
mod pair;
mod routes;
mod world;

use std::sync::Arc;

use async_trait::async_trait;
use backstitch_query_api::{
    Condition, Decision, Permission, PermissionPolicy, PolicyError, Principal, permissions,
};
use backstitch_schemas::EntityRef;
use serde_json::json;

use crate::fixture::{Fixture, component};
use pair::Pair;
use world::{cases, populate, rule, world};

/// Decides the same for everybody.
#[derive(Debug)]
struct Always(Result<Decision, PolicyError>);

#[async_trait]
impl PermissionPolicy for Always {
    async fn decide(&self, _: &Principal, _: Permission) -> Result<Decision, PolicyError> {
        self.0.clone()
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
        let index = pair.limited.fixture.catalog.index().unwrap();
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
            if pair.shows(entity_ref) {
                pair.get(&path).await;
                continue;
            }
            let answer = pair.limited.fixture.get(&path).await;
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
    for (decision, notices) in [(Ok(Decision::Deny), 0), (nobody_decides, 1)] {
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
        let told = fixture.get("/api/catalog/v1/status").await.json()["notices"].as_array().unwrap().len();
        assert_eq!(told, notices, "it is told whether somebody decided so");
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

/// Hides what is closed, and lets everything be done to everything.
#[derive(Debug)]
struct ReadsWhatIsOpen;

#[async_trait]
impl PermissionPolicy for ReadsWhatIsOpen {
    async fn decide(&self, _: &Principal, permission: Permission) -> Result<Decision, PolicyError> {
        let open = || Condition(rule("HAS_LABEL", json!({"label": "tier", "value": "open"})));
        let is_read = permission == permissions::ENTITY_READ;
        Ok(if is_read { Decision::Conditional(open()) } else { Decision::Allow })
    }
}

#[tokio::test]
async fn who_may_refresh_everything_is_not_told_what_is_hidden() {
    let mut fixture = Fixture::decided_by(Some(Arc::new(ReadsWhatIsOpen))).await;
    fixture.add(&[component("hidden", "service")]).await;
    for name in ["hidden", "never"] {
        let body = json!({"entityRef": format!("component:default/{name}")});
        let answer = fixture.post("/api/catalog/refresh", &body).await;
        let expected = format!("Entity component:default/{name} not found");
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["message"]), (404, &json!(expected)));
    }
}
