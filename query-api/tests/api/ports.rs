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

use backstitch_schemas::{LocationRef, Problem, scm::Repository};
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

/// Finds the same at every place, and the same wrong with every entity.
#[derive(Debug, Default)]
struct Finds {
    location: PreviewedLocation,
    problems: Vec<Problem>,
    checked: Mutex<Vec<(Value, LocationRef)>>,
}

#[async_trait]
impl Preview for Finds {
    async fn location(&self, _: &LocationRef, _: Option<&str>) -> Result<PreviewedLocation, PreviewError> {
        Ok(self.location.clone())
    }

    async fn entity(&self, entity: &Value, location: &LocationRef) -> Result<PreviewedEntity, PreviewError> {
        self.checked.lock().unwrap().push((entity.clone(), location.clone()));
        Ok(PreviewedEntity { entity: None, problems: self.problems.clone() })
    }

    async fn descriptors(&self, _: &Repository, _: &str) -> Result<Descriptors, PreviewError> {
        Ok(Descriptors::default())
    }
}

/// Permits nothing.
#[derive(Debug)]
struct NothingGoes;

#[async_trait]
impl PermissionPolicy for NothingGoes {
    async fn decide(&self, _: &Principal, _: Permission) -> Result<Decision, PolicyError> {
        Ok(Decision::Deny)
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

async fn finding(config: Config, location: PreviewedLocation) -> Fixture {
    checking(config, Arc::new(Finds { location, ..Finds::default() })).await
}

async fn checking(config: Config, finds: Arc<Finds>) -> Fixture {
    Fixture::configured(config, |state| ApiState { preview: Some(finds), ..state }).await
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
        preview: Some(Arc::new(Finds { location: found(&["a", "b"]), ..Finds::default() })),
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
    assert_eq!(refusal(&answer), (400, "InputError: first, InputError: second".to_owned()));
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

#[tokio::test]
async fn an_entity_is_checked_as_if_it_stood_at_the_given_place() {
    let finds = Arc::new(Finds::default());
    let fixture = checking(Config::default(), finds.clone()).await;
    let entity = component("a", "service");
    let body = json!({"entity": entity, "location": "url:https://acme.org/x.yaml"});
    let answer = fixture.post("/api/catalog/validate-entity", &body).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
    let expected = (entity, LocationRef::new("url", "https://acme.org/x.yaml"));
    assert_eq!(*finds.checked.lock().unwrap(), [expected]);
}

#[tokio::test]
async fn what_is_wrong_with_an_entity_is_listed() {
    let problems = vec![Problem::input("first"), Problem::input("second")];
    let fixture = checking(Config::default(), Arc::new(Finds { problems, ..Finds::default() })).await;
    let errors = |entity: Value, location: Value| {
        let fixture = &fixture;
        async move {
            let body = json!({"entity": entity, "location": location});
            let answer = fixture.post("/api/catalog/validate-entity", &body).await;
            assert_eq!(answer.status.as_u16(), 400, "{body}");
            let body = answer.json();
            let errors = body["errors"].as_array().cloned().unwrap_or_else(|| vec![body["error"].clone()]);
            errors.iter().map(|error| error["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        }
    };
    let place = json!("url:https://acme.org/x.yaml");
    // Backstage stops at the first; the others are told to who asks.
    assert_eq!(errors(component("a", "service"), place.clone()).await, ["first"]);
    let body = json!({"entity": component("a", "service"), "location": place});
    let answer = fixture.post("/api/catalog/validate-entity", &body).await.json();
    assert_eq!(answer["problems"], Value::Null);
    let answer = fixture.post("/api/catalog/validate-entity?problems=all", &body).await.json();
    assert_eq!(
        (&answer["problems"][0]["message"], &answer["problems"][1]["message"]),
        (&json!("first"), &json!("second"))
    );
    let told = errors(json!({"kind": "X"}), place.clone()).await;
    assert_eq!(told[0], "<root> must have required property 'apiVersion' - missingProperty: apiVersion");
    let told = errors(component("a", "service"), json!("file:/etc/passwd")).await;
    assert!(told[0].starts_with("Invalid location ref file:/etc/passwd, only 'url:<target>'"), "{told:?}");
    let told = errors(component("a", "service"), Value::Null).await;
    assert!(told[0].contains("request/body"), "{told:?}");
    let told = errors(Value::Null, place).await;
    assert!(told[0].contains("must be object"), "{told:?}");
}

#[tokio::test]
async fn a_place_that_is_no_url_is_not_analyzed() {
    let fixture = finding(Config::default(), found(&[])).await;
    let body = json!({"location": url("no url")});
    let answer = fixture.post("/api/catalog/analyze-location", &body).await;
    assert_eq!(refusal(&answer), (400, "The given location.target is not a URL".to_owned()));
}

#[tokio::test]
async fn who_may_nothing_neither_refreshes_nor_analyzes_nor_validates() {
    let commands = Arc::new(Willing::default());
    let connect = |state| ApiState {
        commands: Some(commands.clone()),
        preview: Some(Arc::new(Finds::default())),
        policy: Some(Arc::new(NothingGoes)),
        ..state
    };
    let fixture = Fixture::configured(Config::default(), connect).await;
    let validate = json!({"entity": component("a", "service"), "location": "url:https://acme.org/x.yaml"});
    for (path, body) in [
        ("refresh", json!({"entityRef": "component:default/a"})),
        ("analyze-location", json!({"location": url("https://acme.org/x")})),
        ("validate-entity", validate),
    ] {
        let answer = fixture.post(&format!("/api/catalog/{path}"), &body).await;
        assert_eq!(refusal(&answer), (403, String::new()), "{path}");
    }
    assert_eq!(commands.asked(), []);
}
