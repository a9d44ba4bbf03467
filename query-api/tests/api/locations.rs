//! Who may do what with locations, and what a server without a way to providers says.

use std::sync::Arc;

use async_trait::async_trait;
use axum::{body::Body, http::Request};
use backstitch_query_api::{Decision, Permission, PermissionPolicy, PolicyError, Principal};
use backstitch_read_model::Standing;
use backstitch_schemas::{ClaimKey, EntityRef, LocationId, ProviderName};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Answer, Fixture, component};

const UNKNOWN: &str = "/api/catalog/locations/00000000-0000-0000-0000-000000000000";

/// Denies everything but reading entities.
#[derive(Debug)]
struct ReadsOnly;

#[async_trait]
impl PermissionPolicy for ReadsOnly {
    async fn decide(&self, _: &Principal, permission: Permission) -> Result<Decision, PolicyError> {
        Ok(if permission.name == "catalog.entity.read" { Decision::Allow } else { Decision::Deny })
    }
}

/// A catalog with one component and one registered location.
async fn catalog(policy: Option<Arc<dyn PermissionPolicy>>) -> (Fixture, LocationId) {
    let mut fixture = Fixture::decided_by(policy).await;
    let mut entity = component("one", "service");
    entity["metadata"]["annotations"]["backstage.io/managed-by-origin-location"] = "url:http://h/a:b".into();
    // Somebody else's, which wins the ref.
    let other = json!({"apiVersion": "backstage.io/v1alpha1", "kind": "Location", "metadata": {"name": "x"}});
    fixture.add(&[entity, other]).await;
    let id = LocationId(Uuid::from_u128(5));
    let key = ClaimKey::own(EntityRef::new("Location", None, "x"), ProviderName::new("DefaultLocationStore"));
    let mut claim = fixture.claim(key, Standing::Loser);
    claim.location_key = Some("url:http://h/a:b".to_owned());
    claim.location_id = Some(id);
    fixture.add_claims(vec![claim], Vec::new()).await;
    (fixture, id)
}

async fn send(fixture: &Fixture, verb: &str, path: &str, body: Option<Value>) -> Answer {
    let request = Request::builder().method(verb).uri(path).header("content-type", "application/json");
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    fixture.send(request.body(body).unwrap()).await
}

#[tokio::test]
async fn a_location_whose_entity_another_claim_wins_is_listed_all_the_same() {
    let (fixture, id) = catalog(None).await;
    let location =
        json!({"id": id, "type": "url", "target": "http://h/a:b", "entityRef": "location:default/x"});
    assert_eq!(fixture.get("/api/catalog/locations").await.json(), json!([{"data": location}]));
    let path = format!("/api/catalog/Locations/{id}/");
    assert_eq!(fixture.get(&path).await.json(), location);
    let path = "/api/catalog/locations/by-entity/Component/default/one";
    assert_eq!(fixture.get(path).await.json(), location);
}

#[tokio::test]
async fn who_may_not_see_locations_finds_none_and_who_may_not_change_them_gets_403() {
    let (fixture, id) = catalog(Some(Arc::new(ReadsOnly))).await;
    assert_eq!(fixture.get("/api/catalog/locations").await.json(), json!([]));
    let none = json!({"items": [], "totalItems": 0, "pageInfo": {}});
    assert_eq!(fixture.post("/api/catalog/locations/by-query", &json!({})).await.json(), none);
    assert_eq!(fixture.get(&format!("/api/catalog/locations/{id}")).await.status, 404);
    let by_entity = fixture.get("/api/catalog/locations/by-entity/component/default/one").await;
    assert_eq!(by_entity.status, 404);
    let place = json!({"type": "url", "target": "http://h/x"});
    for (verb, path, body) in [
        ("POST", "/api/catalog/locations", Some(place.clone())),
        ("PUT", UNKNOWN, Some(place)),
        ("DELETE", UNKNOWN, None),
        ("POST", "/api/catalog/refresh", Some(json!({"entityRef": "component:default/one"}))),
        ("DELETE", "/api/catalog/entities/by-uid/00000000-0000-0000-0000-000000000000", None),
        ("GET", "/api/catalog/entities/unprocessed/failed", None),
        ("GET", "/api/catalog/entities/unprocessed/pending", None),
        ("DELETE", "/api/catalog/entities/unprocessed/delete/x", None),
    ] {
        let answer = send(&fixture, verb, path, body).await;
        assert_eq!(answer.status, 403, "{verb} {path}");
        assert_eq!(
            answer.json()["error"],
            json!({"name": "NotAllowedError", "message": ""}),
            "{verb} {path}"
        );
    }
}

#[tokio::test]
async fn a_server_without_a_way_to_the_providers_says_so() {
    let (fixture, _) = catalog(None).await;
    let place = json!({"type": "url", "target": "http://h/x"});
    for path in ["/api/catalog/locations", "/api/catalog/locations?dryRun=YES"] {
        let answer = fixture.post(path, &place).await;
        assert_eq!(answer.status, 501, "{path}");
        assert_eq!(answer.json()["error"]["name"], "NotImplementedError", "{path}");
    }
}

#[tokio::test]
async fn an_entity_without_a_registered_location_says_what_is_missing() {
    let (mut fixture, _) = catalog(None).await;
    let mut elsewhere = component("elsewhere", "service");
    elsewhere["metadata"]["annotations"]["backstage.io/managed-by-origin-location"] =
        "url:http://h/other".into();
    fixture.add(&[component("pushed", "service"), elsewhere]).await;
    for (name, expected) in [
        ("none", "found no entity for ref component:default/none"),
        ("pushed", "found no origin annotation for ref component:default/pushed"),
        ("elsewhere", "Found no location with type url and target http://h/other"),
    ] {
        let path = format!("/api/catalog/locations/by-entity/component/default/{name}");
        let answer = fixture.get(&path).await;
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert_eq!((answer.status.as_u16(), message.as_str()), (404, expected));
    }
}
