//! Every route, asked of both catalogs: the table of routes is the document's, so one that nobody thought
//! of fails here.

use backstitch_query_api::CommandRequest;
use backstitch_read_model::{ReadModel, Revision, Standing};
use backstitch_schemas::{ClaimKey, EntityRef, Identity, ProviderName};
use serde_json::{Value, json};

use super::{
    pair::{Pair, Question, Side, comparable, strip},
    world::{broken, cases, world},
};
use crate::stream::Client;

const MOUNT: &str = "/api/catalog";

/// What is asked of one operation, and what a hidden entity means to it.
enum Inquiry {
    /// All answers are those of the catalog that contains only the rest.
    Agreeing(Vec<Question>),
    /// They are, for entities that are seen. For what is hidden, and for what is not there, the answer is 403.
    Forbidding(Vec<(EntityRef, Question)>),
}

use Inquiry::{Agreeing, Forbidding};

/// Questions to one verb.
#[derive(Clone, Copy)]
struct Asking<'a> {
    verb: &'static str,
    pair: &'a Pair,
}

impl Asking<'_> {
    fn to(self, path: &str) -> Question {
        Question { verb: self.verb, path: format!("{MOUNT}{path}"), body: None }
    }

    fn each(self, path: &str, rests: &[&str]) -> Inquiry {
        Agreeing(rests.iter().map(|rest| self.to(&format!("{path}{rest}"))).collect())
    }

    fn with(self, path: &str, bodies: impl IntoIterator<Item = Value>) -> Inquiry {
        let with = |body| Question { body: Some(body), ..self.to(path) };
        Agreeing(bodies.into_iter().map(with).collect())
    }

    /// One question for each ref of the world, and for one that is nowhere.
    fn of_refs(self, question: impl Fn(&EntityRef) -> Question) -> Vec<(EntityRef, Question)> {
        self.pair.refs.iter().map(|entity_ref| (entity_ref.clone(), question(entity_ref))).collect()
    }

    fn agreeing_of_refs(self, question: impl Fn(&EntityRef) -> Question) -> Inquiry {
        Agreeing(self.of_refs(question).into_iter().map(|(_, question)| question).collect())
    }

    fn of_names(self, before: &str, after: &str) -> Inquiry {
        self.agreeing_of_refs(|entity_ref| self.to(&format!("{before}{}{after}", Pair::path(entity_ref))))
    }

    /// By the uids of what is, or would be, in the full catalog.
    fn of_uids(self) -> Vec<(EntityRef, Question)> {
        let index = self.pair.limited.fixture.catalog.index().unwrap();
        let found = self.pair.refs.iter().filter_map(|entity_ref| index.find(entity_ref));
        let mut uids: Vec<_> =
            found.map(|entity| (entity.entity_ref.clone(), entity.uid.to_string())).collect();
        let never = "00000000-0000-0000-0000-000000000001".to_owned();
        uids.push((EntityRef::from_canonical("component:default/never"), never));
        let question = |uid: String| self.to(&format!("/entities/by-uid/{uid}"));
        uids.into_iter().map(|(entity_ref, uid)| (entity_ref, question(uid))).collect()
    }
}

/// What is asked of the operation with this name.
fn inquiry(operation: &str, asking: Asking<'_>) -> Inquiry {
    match operation {
        "getEntities" | "getEntitiesByQuery" | "queryEntities" | "getEntityByName" | "getEntityByUid"
        | "getEntitiesByRefs" | "getEntityFacets" | "queryEntityFacets" | "getEntityAncestry" => {
            of_entities(operation, asking)
        }
        "deleteEntityByUid" => Forbidding(asking.of_uids()),
        "refreshEntity" => Forbidding(asking.of_refs(|entity_ref| Question {
            body: Some(json!({"entityRef": entity_ref})),
            ..asking.to("/refresh")
        })),
        "getFailedEntities" => asking.each("/entities/unprocessed/failed", &[""]),
        "getPendingEntities" => asking.each("/entities/unprocessed/pending", &[""]),
        "deleteUnprocessedEntity" => of_failed(asking),
        "getLocations"
        | "createLocation"
        | "queryLocations"
        | "getLocation"
        | "updateLocation"
        | "deleteLocation"
        | "getLocationByEntity" => of_locations(operation, asking),
        "analyzeLocation" => {
            let location = json!({"type": "url", "target": "https://github.com/acme/world"});
            asking.with("/analyze-location", [json!({"location": location})])
        }
        "validateEntity" => {
            let body = |entity| json!({"entity": entity, "location": "url:https://acme.org/1"});
            asking.with("/validate-entity", world().into_iter().map(body))
        }
        "getPublicKeys" => asking.each("/.backstage/auth/v1/jwks.json", &[""]),
        "getPermissionMetadata" => asking.each("/.well-known/backstage/permissions/metadata", &[""]),
        "applyConditions" => of_conditions(asking),
        _ => of_ours(operation, asking),
    }
}

fn of_entities(operation: &str, asking: Asking<'_>) -> Inquiry {
    match operation {
        "getEntities" => asking.each("/entities", &["", "?filter=kind=component", "?limit=4&offset=2"]),
        "getEntitiesByQuery" => asking.each("/entities/by-query", &["", "?limit=3", "?limit=0"]),
        "queryEntities" => {
            let not = json!({"query": {"$not": {"kind": "group"}}, "limit": 5});
            asking.with("/entities/by-query", [json!({}), not])
        }
        "getEntityByName" => asking.of_names("/entities/by-name/", ""),
        "getEntityByUid" => Agreeing(asking.of_uids().into_iter().map(|(_, question)| question).collect()),
        "getEntitiesByRefs" => asking.with("/entities/by-refs", [json!({"entityRefs": asking.pair.refs})]),
        "getEntityFacets" => asking
            .each("/entity-facets", &["?facet=kind&facet=relations.ownedBy&facet=metadata.labels.number"]),
        "queryEntityFacets" => asking.with("/entity-facets", [json!({"facets": ["kind", "spec.type"]})]),
        "getEntityAncestry" => Forbidding(asking.of_refs(|entity_ref| {
            asking.to(&format!("/entities/by-name/{}/ancestry", Pair::path(entity_ref)))
        })),
        other => panic!("{other} reads no entities"),
    }
}

/// Registered locations are no entities, so both catalogs have the same. Who may see them sees all.
fn of_locations(operation: &str, asking: Asking<'_>) -> Inquiry {
    let of_id = |number: u8| format!("/locations/00000000-0000-0000-0000-00000000000{number}");
    let place = json!({"type": "url", "target": "https://acme.org/1"});
    match operation {
        "getLocations" => asking.each("/locations", &[""]),
        "queryLocations" => {
            let query = json!({"query": {"target": "https://acme.org/1"}});
            asking.with("/locations/by-query", [json!({}), json!({"limit": 1}), query])
        }
        "getLocation" => Agreeing([1, 2, 3].map(|number| asking.to(&of_id(number))).into()),
        "getLocationByEntity" => asking.of_names("/locations/by-entity/", ""),
        "createLocation" => {
            let with = |rest: &str| Question { body: Some(place.clone()), ..asking.to(rest) };
            Agreeing(
                ["/locations", "/locations?dryRun=true", "/locations?onConflict=refresh"].map(with).into(),
            )
        }
        "updateLocation" => asking.with(&of_id(1), [place]),
        "deleteLocation" => Agreeing(vec![asking.to(&of_id(1))]),
        other => panic!("{other} is not about locations"),
    }
}

/// Claims have other ids in the two catalogs; those on hidden entities have a test of their own.
fn of_failed(asking: Asking<'_>) -> Inquiry {
    asking.each("/entities/unprocessed/delete/", &["00000000-0000-0000-0000-000000000000"])
}

/// For services, which no policy decides about; who asks for themselves and may not see all is refused.
fn of_conditions(asking: Asking<'_>) -> Inquiry {
    let kind =
        json!({"rule": "IS_ENTITY_KIND", "resourceType": "catalog-entity", "params": {"kinds": ["group"]}});
    let item = |entity_ref: &EntityRef| json!({"id": "1", "resourceRef": entity_ref, "resourceType": "catalog-entity", "conditions": kind});
    Forbidding(vec![(
        EntityRef::from_canonical("component:default/never"),
        Question {
            body: Some(json!({"items": asking.pair.refs.iter().map(item).collect::<Vec<_>>()})),
            ..asking.to("/.well-known/backstage/permissions/apply-conditions")
        },
    )])
}

fn of_ours(operation: &str, asking: Asking<'_>) -> Inquiry {
    match operation {
        "getStatus" => asking.each("/v1/status", &[""]),
        "getErrors" => {
            let by_owner = "?owner=group:default/team-1";
            asking.each("/v1/errors", &["", "?limit=0", by_owner, "?location=https://acme.org/1"])
        }
        "getConflicts" => asking.each("/v1/conflicts", &["", "?limit=0"]),
        "getDangling" => asking.each("/v1/dangling", &["", "?limit=2"]),
        "getEntitySchema" => asking.each("/v1/schema/entity.json", &[""]),
        "getOpenApi" => asking.each("/openapi.json", &[""]),
        "getHistory" => asking.of_names("/v1/history/", ""),
        "getChanges" => {
            let since = format!("?since={}", Revision::start_of(1));
            let filtered = format!("{since}&filter=kind=component");
            asking.each("/v1/changes", &["", "?limit=3", &since, &filtered])
        }
        "explain" => {
            // Claims on what was deleted are told to those who see everything.
            let index = asking.pair.limited.fixture.catalog.index().unwrap();
            let is_there = |entity_ref: &&EntityRef| index.find(entity_ref).is_some();
            let there = asking.pair.refs.iter().filter(is_there);
            let mut questions: Vec<_> = there.map(|entity_ref| format!("ref={entity_ref}")).collect();
            // A slip of the pen, whose nearest refs are told.
            questions.push("ref=component:default/prat-1".to_owned());
            questions.extend((0..7).map(|number| format!("target=https://acme.org/{number}")));
            Agreeing(questions.iter().map(|query| asking.to(&format!("/v1/explain?{query}"))).collect())
        }
        other => panic!("nobody has said here what a hidden entity means to {other}"),
    }
}

/// Whether a path is one of an operation's.
fn is_of(path: &str, template: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let parts = || path.split('/').zip(template.split('/'));
    path.split('/').count() == template.split('/').count()
        && parts().all(|(part, known)| known.starts_with('{') || part == known)
}

async fn check(pair: &Pair, inquiry: &Inquiry) {
    match inquiry {
        Agreeing(questions) => {
            for question in questions {
                pair.agree(question).await;
            }
        }
        Forbidding(questions) => {
            for (entity_ref, question) in questions {
                if pair.shows(entity_ref) {
                    pair.agree(question).await;
                    continue;
                }
                let (answer, asked) = pair.limited.ask(question).await;
                let error = &comparable(&answer).1["error"];
                assert_eq!(error, &json!({"name": "NotAllowedError", "message": ""}), "{question:?}");
                assert_eq!((answer.status.as_u16(), asked), (403, Vec::new()), "{question:?}");
            }
        }
    }
}

#[tokio::test]
async fn every_route_agrees_with_the_catalog_that_contains_only_what_is_seen() {
    for case in cases() {
        let pair = Pair::of(&case).await;
        let document = pair.get("/api/catalog/openapi.json").await;
        for (template, verbs) in document["paths"].as_object().unwrap() {
            for (verb, operation) in verbs.as_object().unwrap() {
                let verb = ["GET", "POST", "PUT", "DELETE"]
                    .into_iter()
                    .find(|known| verb.eq_ignore_ascii_case(known));
                let asking = Asking { verb: verb.expect("a verb that is known here"), pair: &pair };
                let inquiry = inquiry(operation["operationId"].as_str().unwrap(), asking);
                let paths: Vec<_> = match &inquiry {
                    Agreeing(questions) => questions.iter().map(|question| &question.path).collect(),
                    Forbidding(questions) => questions.iter().map(|(_, question)| &question.path).collect(),
                };
                assert!(
                    !paths.is_empty() && paths.iter().all(|path| is_of(path, template)),
                    "{template}: {paths:?}"
                );
                check(&pair, &inquiry).await;
            }
        }
    }
}

/// Another claim made the entity: to delete it needs the permission to delete entities.
#[tokio::test]
async fn claims_on_entities_are_neither_listed_nor_deleted_as_failed() {
    for case in cases() {
        let pair = Pair::of(&case).await;
        for side in [&pair.limited, &pair.rest] {
            assert_eq!(failed_refs(side).await, Vec::<String>::new());
            let claims = side.fixture.read_model.claims_with_problems(100).await.unwrap().items;
            assert!(!claims.is_empty());
            for claim in claims {
                assert_eq!(delete_failed(side, claim.identity).await, Vec::new(), "{:?}", claim.key);
            }
        }
    }
}

#[tokio::test]
async fn failed_claims_without_an_entity_are_for_those_who_see_everything() {
    let mut pair = Pair::of(&cases()[0]).await;
    let entity_ref = EntityRef::from_canonical("component:default/never");
    for (side, is_for) in [(&mut pair.limited, false), (&mut pair.rest, true)] {
        let key = ClaimKey::own(entity_ref.clone(), ProviderName::new("broken"));
        let claim = broken(side.fixture.claim(key, Standing::Formless));
        let identity = claim.identity;
        side.fixture.add_claims(vec![claim], Vec::new()).await;
        let (listed, asked) = (failed_refs(side).await, delete_failed(side, identity).await);
        assert_eq!((listed.len(), asked.len()), (usize::from(is_for), usize::from(is_for)));
        assert!(listed.iter().all(|listed| *listed == entity_ref.as_str()));
    }
}

async fn failed_refs(side: &Side) -> Vec<String> {
    let path = format!("{MOUNT}/entities/unprocessed/failed");
    let (answer, _) = side.ask(&Question { verb: "GET", path, body: None }).await;
    let answer = answer.json();
    let rows = answer["entities"].as_array().unwrap();
    rows.iter().map(|row| row["entity_ref"].as_str().unwrap().to_owned()).collect()
}

/// What the pipeline is asked to do when a failed claim is deleted.
async fn delete_failed(side: &Side, identity: Identity) -> Vec<CommandRequest> {
    let path = format!("{MOUNT}/entities/unprocessed/delete/{identity}");
    let (answer, asked) = side.ask(&Question { verb: "DELETE", path, body: None }).await;
    assert_eq!(answer.status.as_u16(), 204);
    asked
}

#[tokio::test]
async fn changes_after_a_revision_agree_page_by_page_and_as_a_stream() {
    for case in cases() {
        let pair = Pair::of(&case).await;
        let mut told = Vec::new();
        for side in [&pair.limited, &pair.rest] {
            let (mut since, mut paged) = (Revision::start_of(1).0, Vec::new());
            loop {
                let page =
                    side.fixture.get(&format!("/api/catalog/v1/changes?since={since}&limit=3")).await.json();
                paged.extend(page["items"].as_array().unwrap().clone());
                let next = page["nextSince"].as_i64().unwrap();
                if next == since {
                    break;
                }
                since = next;
            }
            let query = format!("?since={}", Revision::start_of(1));
            let mut client = Client::open(&side.fixture, &query, None).await;
            let events = client.until(side.fixture.revision()).await.into_iter();
            let streamed: Vec<_> =
                events.filter(|event| event.name == "change").map(|event| event.data).collect();
            assert_eq!(paged, streamed);
            paged.iter_mut().for_each(strip);
            told.push(paged);
        }
        assert_eq!(told[0], told[1]);
        assert!(told[0].len() > 3);
    }
}
