//! A catalog behind a policy that hides a part of it, beside the catalog that contains only the rest.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use axum::{body::Body, http::Request};
use backstitch_query_api::{
    ApiState, CommandError, CommandRequest, Commands, Condition, Config, Decision, Descriptors, Done,
    Permission, PermissionPolicy, PolicyError, Preview, PreviewError, PreviewedEntity, PreviewedLocation,
    Principal,
};
use backstitch_read_model::{Revision, SourceRow};
use backstitch_schemas::{
    EntityRef, LocationId, LocationRef, ProviderName, RegisteredLocation,
    command::LocationDetail,
    scm::Repository,
    source::{SourceKey, SourceState},
};
use serde_json::Value;
use uuid::Uuid;

use super::world::{Case, populate, world};
use crate::fixture::{Answer, Fixture};

/// Lets everything be done, to the entities that meet a condition.
#[derive(Debug)]
struct WhatMeets(Condition);

#[async_trait]
impl PermissionPolicy for WhatMeets {
    async fn decide(&self, _: &Principal, permission: Permission) -> Result<Decision, PolicyError> {
        let conditional = || Decision::Conditional(self.0.clone());
        Ok(if permission.on_entity { conditional() } else { Decision::Allow })
    }
}

/// The rest of the pipeline: carries out every command, and finds the whole world wherever it looks.
#[derive(Debug, Default)]
struct Pipeline {
    asked: Mutex<Vec<CommandRequest>>,
}

#[async_trait]
impl Commands for Pipeline {
    async fn carry_out(&self, request: CommandRequest, _: Duration) -> Result<Done, CommandError> {
        self.asked.lock().unwrap().push(request);
        let location = RegisteredLocation {
            id: LocationId(Uuid::from_u128(9)),
            location: LocationRef::new("url", "https://acme.org/9"),
            entity_ref: EntityRef::new("Location", None, "generated-9"),
        };
        let detail = serde_json::to_value(LocationDetail { location }).unwrap();
        Ok(Done::Done { detail: Some(detail), revision: Revision::start_of(1) })
    }
}

#[async_trait]
impl Preview for Pipeline {
    async fn location(&self, _: &LocationRef, _: Option<&str>) -> Result<PreviewedLocation, PreviewError> {
        Ok(PreviewedLocation { entities: world(), problems: Vec::new() })
    }

    async fn entity(&self, entity: &Value, _: &LocationRef) -> Result<PreviewedEntity, PreviewError> {
        Ok(PreviewedEntity { entity: Some(entity.clone()), problems: Vec::new() })
    }

    async fn descriptors(&self, _: &Repository, _: &str) -> Result<Descriptors, PreviewError> {
        Ok(Descriptors { files: vec![(LocationRef::new("url", "https://acme.org/1"), world())] })
    }
}

/// One of the two catalogs, with what was asked of its pipeline.
pub(super) struct Side {
    pub(super) fixture: Fixture,
    pipeline: Arc<Pipeline>,
}

impl Side {
    async fn decided_by(policy: Option<Arc<dyn PermissionPolicy>>) -> Self {
        let pipeline = Arc::new(Pipeline::default());
        let connect = |state| ApiState {
            policy,
            commands: Some(pipeline.clone()),
            preview: Some(pipeline.clone()),
            ..state
        };
        Self { fixture: Fixture::configured(Config::default(), connect).await, pipeline }
    }

    /// The answer, and what was asked of the pipeline meanwhile.
    pub(super) async fn ask(&self, question: &Question) -> (Answer, Vec<CommandRequest>) {
        let request = Request::builder().method(question.verb).uri(&question.path);
        let request = match &question.body {
            Some(body) => {
                request.header("content-type", "application/json").body(Body::from(body.to_string()))
            }
            None => request.body(Body::empty()),
        };
        let answer = self.fixture.send(request.unwrap()).await;
        (answer, std::mem::take(&mut self.pipeline.asked.lock().unwrap()))
    }
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) verb: &'static str,
    pub(super) path: String,
    pub(super) body: Option<Value>,
}

/// The full catalog behind a policy, and the catalog that contains only what the policy lets through.
pub(super) struct Pair {
    pub(super) limited: Side,
    pub(super) rest: Side,
    /// All refs of the world, and one that is nowhere.
    pub(super) refs: Vec<EntityRef>,
}

impl Pair {
    pub(super) async fn of(case: &Case) -> Self {
        let world = world();
        let policy = WhatMeets(Condition(case.condition.clone()));
        let mut limited = Side::decided_by(Some(Arc::new(policy))).await;
        populate(&mut limited.fixture, &world, |_| true).await;
        limited.fixture.add_claims(Vec::new(), sources()).await;
        let mut rest = Side::decided_by(None).await;
        populate(&mut rest.fixture, &world, case.is_seen).await;
        let seen = world.iter().filter(|entity| (case.is_seen)(entity)).count();
        assert!(seen > 3 && seen < world.len() - 3, "the condition hides some and shows some");
        let mut refs: Vec<_> = world.iter().map(|entity| EntityRef::of_entity(entity).unwrap()).collect();
        refs.push(EntityRef::from_canonical("component:default/never"));
        Self { limited, rest, refs }
    }

    /// Whether an entity is in the catalog that contains only the rest.
    pub(super) fn shows(&self, entity_ref: &EntityRef) -> bool {
        self.rest.fixture.catalog.index().unwrap().find(entity_ref).is_some()
    }

    /// Asks both, which have to agree; returns what they say.
    pub(super) async fn agree(&self, question: &Question) -> Value {
        let (limited, asked) = self.limited.ask(question).await;
        let (rest, asked_of_rest) = self.rest.ask(question).await;
        if !question.path.ends_with("/openapi.json") {
            assert_no_sources(&serde_json::from_str(&limited.text).unwrap_or_default(), question);
        }
        let (limited, rest) = (comparable(&limited), comparable(&rest));
        assert_eq!(limited, rest, "{question:?}");
        assert_eq!(asked, asked_of_rest, "{question:?}");
        limited.1
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        self.agree(&Question { verb: "GET", path: path.to_owned(), body: None }).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Value {
        self.agree(&Question { verb: "POST", path: path.to_owned(), body: Some(body) }).await
    }

    /// All pages to the end, and back to the beginning.
    pub(super) async fn all_pages(&self, query: &str) {
        let mut page = self.get(&format!("/api/catalog/entities/by-query?{query}")).await;
        for cursor in ["nextCursor", "prevCursor"] {
            while let Some(next) = page["pageInfo"][cursor].as_str() {
                page = self.get(&format!("/api/catalog/entities/by-query?limit=3&cursor={next}")).await;
            }
        }
    }

    pub(super) fn path(entity_ref: &EntityRef) -> String {
        entity_ref.as_str().replace(':', "/")
    }
}

/// What only those may know who see everything: providers, and the places that they read.
fn sources() -> Vec<SourceRow> {
    let name = ProviderName::new("locations");
    let places =
        (0..6).map(|number| SourceKey::Location(name.clone(), format!("url:https://acme.org/{number}")));
    let keys = places.chain([SourceKey::Provider(name.clone())]);
    let state = SourceState { outcome: "ok".to_owned(), entities: Some(4), ..SourceState::default() };
    keys.map(|key| SourceRow { key: String::from_utf8(key.encode()).unwrap(), state: state.clone() })
        .collect()
}

/// Providers and hosts are for those who see everything, so they are left out or empty.
fn assert_no_sources(value: &Value, question: &Question) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| assert_no_sources(item, question)),
        Value::Object(members) => {
            for (name, member) in members {
                let is_source = matches!(name.as_str(), "providers" | "hosts" | "notices");
                assert!(!is_source || *member == Value::Array(Vec::new()), "{question:?}: {name} {member}");
                assert_no_sources(member, question);
            }
        }
        _ => {}
    }
}

/// The answer without what depends on how much else was committed. Problems and claims are in no order.
pub(super) fn comparable(answer: &Answer) -> (u16, Value) {
    let mut value = serde_json::from_str(&answer.text).unwrap_or_else(|_| Value::from(answer.text.clone()));
    strip(&mut value);
    (answer.status.as_u16(), value)
}

pub(super) fn strip(value: &mut Value) {
    const NUMBERED: [&str; 11] = [
        "revision",
        "commit",
        "nextSince",
        "identity",
        "entity_id",
        "lag",
        "memory",
        "providers",
        "notices",
        "hosts",
        "busy",
    ];
    match value {
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Object(members) => {
            for name in NUMBERED {
                members.remove(name);
            }
            members.values_mut().for_each(strip);
            for name in ["problems", "items", "entities", "claims"] {
                let list = members.get_mut(name).and_then(Value::as_array_mut);
                if let Some(list) = list.filter(|list| list.iter().any(is_about_a_claim)) {
                    list.sort_by_key(Value::to_string);
                }
            }
        }
        _ => {}
    }
}

/// Problems, conflicts and failed claims; entities and changes are none.
fn is_about_a_claim(item: &Value) -> bool {
    ["provider", "standing", "unprocessed_entity"].iter().any(|name| item.get(name).is_some())
}
