//! Who read what, as auditors want it told.

use std::{
    io,
    sync::{Arc, Mutex},
};

use axum::{body::Body, http::Request};
use backstitch_query_api::Principal;
use backstitch_schemas::{Clock, SystemClock, Timestamp};
use serde_json::{Value, json};
use tracing_subscriber::{fmt::MakeWriter, layer::SubscriberExt};
use uuid::Uuid;

use crate::fixture::{Fixture, component};

/// Keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The audit records of a request.
async fn records(fixture: &Fixture, request: Request<Body>) -> Vec<Value> {
    let kept = Kept::default();
    let layer = tracing_subscriber::fmt::layer().with_writer(kept.clone()).with_ansi(false);
    let filter = tracing_subscriber::EnvFilter::new("audit=debug");
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(filter).with(layer));
    fixture.send(request).await;
    drop(guard);
    let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(&line[line.find('{').unwrap()..]).unwrap()).collect()
}

fn post(path: &str, body: &Value) -> Request<Body> {
    let request = Request::post(path).header("content-type", "application/json").extension(ops());
    request.body(Body::from(body.to_string())).unwrap()
}

/// What the body says is told with the outcome.
#[tokio::test]
async fn a_mutation_tells_what_it_is_about() {
    let fixture = Fixture::empty().await;
    let place = json!({"type": "url", "target": "https://acme.org/a.yaml"});
    let created = records(&fixture, post("/api/catalog/locations", &place)).await;
    let expected = json!({"actionType": "create", "isDryRun": false, "location": place});
    assert_eq!((&created[1]["meta"], &created[1]["severityLevel"]), (&expected, &json!("medium")));
    assert_eq!(created[1]["status"], "failed", "there is no way to the providers in this test");
    let dry = records(&fixture, post("/api/catalog/locations?dryRun=Yes", &place)).await;
    assert_eq!((&dry[1]["meta"]["isDryRun"], &dry[1]["severityLevel"]), (&json!(true), &json!("low")));
    let id = "00000000-0000-0000-0000-000000000001";
    let mut put = post(&format!("/api/catalog/locations/{id}"), &place);
    *put.method_mut() = axum::http::Method::PUT;
    let updated = records(&fixture, put).await;
    assert_eq!(updated[1]["meta"], json!({"actionType": "update", "id": id, "location": place}));
    let body = json!({"entityRef": "Component:default/A"});
    let refreshed = records(&fixture, post("/api/catalog/refresh", &body)).await;
    let expected = json!({"queryType": "refresh", "entityRef": "component:default/a"});
    assert_eq!(refreshed[1]["meta"], expected);
}

fn ops() -> Principal {
    Principal::Service { subject: "external:ops".to_owned(), restrictions: None }
}

#[tokio::test]
async fn a_read_is_told_when_it_begins_and_when_it_has_succeeded() {
    let fixture = Fixture::with(&[component("a", "service")]).await;
    let request = Request::get("/api/catalog/entities/by-query?limit=1")
        .header("host", "catalog.example:7007")
        .header("user-agent", "curl")
        .header("authorization", "Bearer s3cret")
        .extension(ops());
    let mut records = records(&fixture, request.body(Body::empty()).unwrap()).await;
    records.iter_mut().for_each(|record| drop(taken(record, "timestamp")));
    let ids: Vec<_> = records.iter_mut().map(|record| taken(record, "requestId")).collect();
    assert_eq!(ids[0], ids[1]);
    let mut expected = json!({
        "plugin": "catalog", "eventId": "entity-fetch", "severityLevel": "low", "status": "initiated",
        "actor": {"actorId": "external:ops", "ip": null, "hostname": "catalog.example", "userAgent": "curl"},
        "request": {"method": "GET", "url": "http://catalog.example:7007/api/catalog/entities/by-query?limit=1"},
        "meta": {"queryType": "by-query"},
    });
    assert_eq!(records[0], expected);
    expected["status"] = "succeeded".into();
    expected["meta"]["totalItems"] = 1.into();
    expected["meta"]["pageInfo"] = json!({});
    assert_eq!(records[1..], [expected]);
}

fn taken(record: &mut Value, name: &str) -> String {
    let member = record.as_object_mut().unwrap().remove(name);
    member.unwrap_or_else(|| panic!("no {name} in {record}")).as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_record_tells_its_time_and_which_request_it_belongs_to() {
    let fixture = Fixture::empty().await;
    let (before, mut ids) = (SystemClock.now(), Vec::new());
    for _ in 0..2 {
        let request = Request::get("/api/catalog/entities").body(Body::empty()).unwrap();
        let [mut begun, mut done] = <[Value; 2]>::try_from(records(&fixture, request).await).unwrap();
        let times = [&mut begun, &mut done].map(|record| taken(record, "timestamp"));
        assert!(times.iter().all(|time| time.ends_with('Z')), "{times:?}");
        let times = times.map(|time| Timestamp::parse(&time).unwrap());
        assert!(before <= times[0] && times[0] <= times[1] && times[1] <= SystemClock.now());
        let [id, of_outcome] = [&mut begun, &mut done].map(|record| taken(record, "requestId"));
        assert_eq!(id, of_outcome);
        ids.push(id.parse::<Uuid>().unwrap());
    }
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn what_failed_says_why() {
    let fixture = Fixture::empty().await;
    let path = "/api/catalog/entities/by-name/Component/default/A";
    let records = records(&fixture, Request::get(path).body(Body::empty()).unwrap()).await;
    assert_eq!(records[1]["status"], "failed");
    assert_eq!(records[1]["meta"], json!({"queryType": "by-name", "entityRef": "component:default/a"}));
    let error = records[1]["error"].as_str().unwrap();
    assert!(error.starts_with("NotFoundError: No entity named 'A' found"), "{error}");
}
