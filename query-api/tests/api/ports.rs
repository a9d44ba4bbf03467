//! What the API asks of the rest of the pipeline: commands and previews.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use axum::{body::Body, http::Request};
use backstitch_query_api::{
    ApiState, CommandError, CommandRequest, Commands, Condition, Config, Decision, Descriptors, Done,
    Permission, PermissionPolicy, PolicyError, Preview, PreviewError, PreviewedEntity, PreviewedLocation,
    Principal, permissions,
};
use backstitch_read_model::Revision;
use backstitch_schemas::scm::Repository;
use backstitch_schemas::{LocationRef, Problem};
use serde_json::{Value, json};

use crate::fixture::{Answer, Fixture, component};

const LOCATIONS: &str = "/api/catalog/locations";

/// Carries out everything, and remembers what.
#[derive(Debug, Default)]
struct Willing(Mutex<Vec<CommandRequest>>);

#[async_trait]
impl Commands for Willing {
    async fn carry_out(&self, request: CommandRequest, _: Duration) -> Result<Done, CommandError> {
        self.0.lock().unwrap().push(request);
        Ok(Done::Done { detail: None, revision: Revision::start_of(1) })
    }
}

impl Willing {
    fn asked(&self) -> Vec<(&'static str, Value)> {
        self.0.lock().unwrap().drain(..).map(|request| (request.kind, request.payload)).collect()
    }
}

/// Finds the same at every place.
#[derive(Debug)]
struct Finds(PreviewedLocation);

#[async_trait]
impl Preview for Finds {
    async fn location(&self, _: &LocationRef, _: Option<&str>) -> Result<PreviewedLocation, PreviewError> {
        Ok(self.0.clone())
    }

    async fn entity(&self, _: &Value, _: &LocationRef) -> Result<PreviewedEntity, PreviewError> {
        Err(PreviewError::Unavailable("not in this test".to_owned()))
    }

    async fn descriptors(&self, _: &Repository, _: &str) -> Result<Descriptors, PreviewError> {
        Err(PreviewError::Unavailable("not in this test".to_owned()))
    }
}

/// Permits to delete components, and everything else.
#[derive(Debug)]
struct ComponentsMayGo;

#[async_trait]
impl PermissionPolicy for ComponentsMayGo {
    async fn decide(&self, _: &Principal, permission: Permission) -> Result<Decision, PolicyError> {
        let kinds = json!({"kinds": ["component"]});
        let condition = json!({"rule": "IS_ENTITY_KIND", "resourceType": "catalog-entity", "params": kinds});
        let is_deletion = permission.name == permissions::ENTITY_DELETE.name;
        Ok(if is_deletion { Decision::Conditional(Condition(condition)) } else { Decision::Allow })
    }
}

async fn finding(config: Config, found: PreviewedLocation) -> Fixture {
    Fixture::configured(config, |state| ApiState { preview: Some(Arc::new(Finds(found))), ..state }).await
}

fn found(names: &[&str]) -> PreviewedLocation {
    let entities = names.iter().map(|name| component(name, "service")).collect();
    PreviewedLocation { entities, problems: Vec::new() }
}

fn url(target: &str) -> Value {
    json!({"type": "url", "target": target})
}

fn refusal(answer: &Answer) -> (u16, String) {
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    (answer.status.as_u16(), message)
}

#[tokio::test]
async fn a_dry_run_tells_what_would_come_and_asks_nobody_to_change_anything() {
    let commands = Arc::new(Willing::default());
    let connect = |state| ApiState {
        commands: Some(commands.clone()),
        preview: Some(Arc::new(Finds(found(&["a", "b"])))),
        ..state
    };
    let fixture = Fixture::configured(Config::default(), connect).await;
    let answer = fixture.post(&format!("{LOCATIONS}?dryRun=Yes"), &url("https://acme.org/x.yaml")).await;
    assert_eq!(answer.status.as_u16(), 201);
    let body = answer.json();
    assert_eq!(body["exists"], false);
    assert_eq!(body["location"]["id"], "url:https://acme.org/x.yaml");
    let name = body["location"]["entityRef"].as_str().unwrap();
    assert!(name.starts_with("location:default/generated-"), "{name}");
    assert_eq!(body["entities"], json!([component("a", "service"), component("b", "service")]));
    assert_eq!(commands.asked(), []);
}

#[tokio::test]
async fn a_dry_run_is_let_through_where_nothing_may_be_registered() {
    let config = Config { readonly: true, ..Config::default() };
    let fixture = finding(config, found(&["a"])).await;
    let dry = fixture.post(&format!("{LOCATIONS}?dryRun=true"), &url("https://acme.org/x.yaml")).await;
    assert_eq!(dry.status.as_u16(), 201);
    let wet = fixture.post(LOCATIONS, &url("https://acme.org/x.yaml")).await;
    assert_eq!(refusal(&wet), (403, "This operation not allowed in readonly mode".to_owned()));
}

#[tokio::test]
async fn a_dry_run_refuses_one_entity_twice_and_tells_all_that_is_wrong() {
    let path = format!("{LOCATIONS}?dryRun=true");
    let fixture = finding(Config::default(), found(&["a", "b", "A"])).await;
    let answer = fixture.post(&path, &url("https://acme.org/x.yaml")).await;
    assert_eq!(refusal(&answer), (400, "Duplicate nested entity: component:default/a".to_owned()));
    let problems = ["first", "second"].map(Problem::input).into();
    let fixture =
        finding(Config::default(), PreviewedLocation { problems, ..PreviewedLocation::default() }).await;
    let answer = fixture.post(&path, &url("https://acme.org/x.yaml")).await;
    assert_eq!(refusal(&answer), (400, "first, second".to_owned()));
    assert_eq!(answer.json()["error"]["name"], "InputError");
}

#[tokio::test]
async fn types_of_locations_are_those_of_the_settings() {
    let config = Config { location_types: vec!["url".to_owned(), "git".to_owned()], ..Config::default() };
    let fixture = finding(config, found(&[])).await;
    for (kind, status) in [("git", 201), ("url", 201), ("file", 400)] {
        let place = json!({"type": kind, "target": "https://acme.org/x"});
        let answer = fixture.post(&format!("{LOCATIONS}?dryRun=true"), &place).await;
        assert_eq!(answer.status.as_u16(), status, "{kind}");
    }
}

#[tokio::test]
async fn who_may_delete_some_entities_deletes_these_and_no_others() {
    let commands = Arc::new(Willing::default());
    let connect = |state| ApiState {
        commands: Some(commands.clone()),
        policy: Some(Arc::new(ComponentsMayGo)),
        ..state
    };
    let mut fixture = Fixture::configured(Config::default(), connect).await;
    let group = json!({"apiVersion": "backstage.io/v1alpha1", "kind": "Group", "metadata": {"name": "g"},
                       "spec": {"type": "team", "children": []}});
    fixture.add(&[component("a", "service"), group]).await;
    for (path, status) in [("component/default/a", 204), ("group/default/g", 403)] {
        let entity = fixture.get(&format!("/api/catalog/entities/by-name/{path}")).await.json();
        let uid = entity["metadata"]["uid"].as_str().unwrap();
        let request = Request::delete(format!("/api/catalog/entities/by-uid/{uid}"));
        let answer = fixture.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
    }
    let asked = commands.asked();
    assert_eq!(asked, [("delete-entity", json!({"entityRef": "component:default/a"}))]);
}

#[tokio::test]
async fn a_refresh_is_asked_of_those_who_claim_the_entity() {
    let commands = Arc::new(Willing::default());
    let connect = |state| ApiState { commands: Some(commands.clone()), ..state };
    let mut fixture = Fixture::configured(Config::default(), connect).await;
    fixture.add(&[component("a", "service")]).await;
    let refresh = |body: Value| {
        let fixture = &fixture;
        async move { fixture.post("/api/catalog/refresh", &body).await.status.as_u16() }
    };
    let body = json!({"entityRef": "Component:default/A", "authorizationToken": "another"});
    assert_eq!(refresh(body).await, 200);
    assert_eq!(commands.asked(), [("refresh", json!({"entityRef": "component:default/a"}))]);
    assert_eq!(refresh(json!({"entityRef": "component:default/none"})).await, 404);
    assert_eq!(refresh(json!({})).await, 400);
    assert_eq!(refresh(json!({"entityRef": "component:default/a", "more": 1})).await, 400);
    assert_eq!(commands.asked(), []);
}
