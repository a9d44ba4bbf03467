//! What the portal's permission backend asks of us.

use axum::{body::Body, http::Request};
use backstitch_query_api::Principal;
use backstitch_schemas::EntityRef;
use serde_json::{Value, json};

use crate::fixture::{Answer, Fixture, component};

const METADATA: &str = "/api/catalog/.well-known/backstage/permissions/metadata";
const APPLY: &str = "/api/catalog/.well-known/backstage/permissions/apply-conditions";

fn kind(kind: &str) -> Value {
    json!({"rule": "IS_ENTITY_KIND", "resourceType": "catalog-entity", "params": {"kinds": [kind]}})
}

fn item(id: &str, resource_ref: Value, conditions: Value) -> Value {
    json!({"id": id, "resourceRef": resource_ref, "resourceType": "catalog-entity", "conditions": conditions})
}

async fn apply(fixture: &Fixture, items: Value) -> Answer {
    fixture.post(APPLY, &json!({ "items": items })).await
}

#[tokio::test]
async fn permissions_and_rules_are_told() {
    let fixture = Fixture::empty().await;
    let metadata = fixture.get(METADATA).await.json();
    let read = json!({"type": "resource", "name": "catalog.entity.read", "attributes": {"action": "read"},
                      "resourceType": "catalog-entity"});
    assert!(metadata["permissions"].as_array().unwrap().contains(&read));
    let validate = json!({"type": "basic", "name": "catalog.entity.validate", "attributes": {}});
    assert!(metadata["permissions"].as_array().unwrap().contains(&validate));
    let rules: Vec<_> =
        metadata["rules"].as_array().unwrap().iter().map(|rule| rule["name"].clone()).collect();
    let expected =
        ["HAS_ANNOTATION", "HAS_LABEL", "HAS_METADATA", "HAS_SPEC", "IS_ENTITY_KIND", "IS_ENTITY_OWNER"];
    assert_eq!(rules, expected);
    assert_eq!(metadata["rules"][0]["paramsSchema"]["required"], json!(["annotation"]));
    assert_eq!(metadata["rules"][0]["paramsSchema"]["additionalProperties"], false);
}

#[tokio::test]
async fn too_many_refs_are_refused_by_their_number() {
    let fixture = Fixture::empty().await;
    let refs = vec!["component:default/a"; 10_001];
    let answer = apply(&fixture, json!([item("1", json!(refs), kind("component"))])).await;
    assert_eq!(answer.status.as_u16(), 400);
    let message = "request/body/items/0/resourceRef must have at most 10000 items";
    assert_eq!(answer.json()["error"]["message"], message);
}

#[tokio::test]
async fn conditions_are_applied_to_one_ref_or_to_a_list_in_order() {
    let fixture = Fixture::with(&[component("a", "service")]).await;
    let (a, gone) = ("component:default/a", "component:default/gone");
    let items = json!([
        item("1", json!(a), kind("component")),
        item("2", json!("Component:Default/A"), kind("api")),
        item("3", json!([a, gone]), kind("component")),
        item("4", json!(gone), json!({"not": kind("component")})),
        item("5", json!([]), kind("component")),
    ]);
    let expected = json!({"items": [
        {"id": "1", "result": "ALLOW"},
        {"id": "2", "result": "DENY"},
        {"id": "3", "result": ["ALLOW", "DENY"]},
        {"id": "4", "result": "DENY"},
        {"id": "5", "result": []},
    ]});
    assert_eq!(apply(&fixture, items).await.json(), expected);
}

#[tokio::test]
async fn what_cannot_be_applied_says_why() {
    let fixture = Fixture::with(&[component("a", "service")]).await;
    let a = json!("component:default/a");
    let rule =
        |name: &str, params: Value| json!({"rule": name, "resourceType": "catalog-entity", "params": params});
    let mut task = item("1", a.clone(), kind("component"));
    task["resourceType"] = "task".into();
    for (items, status, message) in [
        (json!([task]), 400, "Unexpected resource types: task."),
        (
            json!([item("1", a.clone(), rule("IS_FUN", json!({})))]),
            500,
            "Permission rule 'IS_FUN' does not exist for resource type 'catalog-entity'",
        ),
        (json!([item("1", a.clone(), rule("HAS_LABEL", json!({})))]), 400, "Parameters to rule are invalid"),
        (json!([{"id": "1"}]), 400, "request/body/items/0/resourceType must be string"),
        (json!("x"), 400, "request/body/items must be array"),
    ] {
        let answer = apply(&fixture, items.clone()).await;
        let told = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(answer.status.as_u16() == status && told.starts_with(message), "{items}: {told}");
    }
}

#[tokio::test]
async fn a_person_may_not_apply_conditions_but_a_plugin_may_on_a_persons_behalf() {
    let fixture = Fixture::with(&[component("a", "service")]).await;
    let items = json!({"items": [item("1", json!("component:default/a"), kind("component"))]});
    for (through, status) in [(None, 403), (Some("plugin:permission".to_owned()), 200)] {
        let entity_ref = EntityRef::from_canonical("user:default/anne");
        let principal = Principal::User { entity_ref, token: String::new(), through };
        let request = Request::post(APPLY).header("content-type", "application/json").extension(principal);
        let answer = fixture.send(request.body(Body::from(items.to_string())).unwrap()).await;
        assert_eq!(answer.status.as_u16(), status);
    }
}
