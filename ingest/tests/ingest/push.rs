//! Pushing over the embedded log: what is appended, what is answered, what survives.

use crate::support::{Setup, World, entity, full, lines};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::http::StatusCode;
use backstitch_ingest::{Outcome, Progress, RefOutcome};
use backstitch_schemas::{EntityRef, ProviderName, Topic};
use serde_json::json;

#[tokio::test]
async fn what_is_pushed_twice_is_appended_once() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path(), Setup::default()).await;
    let (status, answer) = world.push("cmdb", "", &full(25)).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!((&answer["accepted"], &answer["changed"]), (&json!(25), &json!(25)));
    let end = world.end(Topic::Changes).await;
    let (_, again) = world.push("cmdb", "", &full(25)).await;
    assert_eq!((&again["changed"], &again["unchanged"]), (&json!(0), &json!(25)));
    assert_eq!(again["position"], answer["position"], "unchanged ones are waited for too");
    assert_eq!(world.end(Topic::Changes).await, end);
}

#[tokio::test]
async fn after_a_crash_nothing_is_emitted_again() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path(), Setup::default()).await;
    world.push("cmdb", "", &full(25)).await;
    let changes = world.end(Topic::Changes).await;
    world.kill().await;

    let world = World::start(directory.path(), Setup::default()).await;
    let sources = world.end(Topic::Sources).await;
    let (_, again) = world.push("cmdb", "", &full(25)).await;
    assert_eq!(again["unchanged"], 25);
    assert_eq!(world.end(Topic::Changes).await, changes);
    assert_eq!(world.end(Topic::Sources).await, sources);
}

#[tokio::test]
async fn a_stream_removes_what_it_does_not_list_only_if_it_is_complete() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path(), Setup::default()).await;
    let (_, answer) = world.push_lines("cmdb", &lines(6)).await;
    assert_eq!((&answer["changed"], &answer["removals"]), (&json!(6), &json!("applied")));

    let cut = [entity("c0").to_string(), entity("new").to_string()];
    let (_, answer) = world.push_lines("cmdb", &cut).await;
    assert_eq!((&answer["changed"], &answer["removed"]), (&json!(1), &json!(0)));
    assert!(answer["removals"].as_str().unwrap().starts_with("skipped: the stream did not end"), "{answer}");
    assert_eq!(world.claimed().await.len(), 7);

    let (_, answer) = world.push_lines("cmdb", &lines(6)).await;
    assert_eq!((&answer["changed"], &answer["removed"]), (&json!(0), &json!(1)));
    assert_eq!(world.claimed().await.len(), 6);
}

#[tokio::test]
async fn a_rejected_line_keeps_its_claim_and_one_without_ref_keeps_all() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path(), Setup::default()).await;
    world.push_lines("cmdb", &lines(3)).await;

    let broken = json!({"kind": "Component", "metadata": {"name": "c1"}}).to_string();
    let (_, answer) = world
        .push_lines("cmdb", &[entity("c0").to_string(), broken, r#"{"end":true,"count":2}"#.to_owned()])
        .await;
    assert_eq!((&answer["accepted"], &answer["removed"]), (&json!(1), &json!(1)));
    assert_eq!(answer["rejected"][0]["entityRef"], "component:default/c1");
    assert_eq!(world.claimed().await, ["component:default/c0", "component:default/c1"]);

    let (_, answer) =
        world.push_lines("cmdb", &["[]".to_owned(), r#"{"end":true,"count":1}"#.to_owned()]).await;
    assert_eq!(answer["removals"], "skipped: line 1 has no readable ref");
    assert_eq!(world.claimed().await.len(), 2);
}

#[tokio::test]
async fn a_document_is_all_or_nothing_unless_partial() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path(), Setup::default()).await;
    let mutation = json!({"type": "delta", "added": [
        {"entity": entity("a")},
        {"entity": {"kind": "Component", "metadata": {"name": "b"}}},
    ]});
    let (status, answer) = world.push("cmdb", "", &mutation).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(answer["error"]["name"], "InputError");
    assert!(
        answer["error"]["message"].as_str().unwrap().starts_with("TypeError: Malformed entity envelope, ")
    );
    assert_eq!(answer["request"]["url"], "/api/ingest/v1/providers/cmdb/mutations");
    assert!(world.claimed().await.is_empty());

    let (status, answer) = world.push("cmdb", "?partial=true", &mutation).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!((&answer["accepted"], &answer["rejected"][0]["line"]), (&json!(1), &json!(2)));
    assert_eq!(world.claimed().await, ["component:default/a"]);
}

#[tokio::test]
async fn an_empty_full_mutation_has_to_be_meant() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path(), Setup::default()).await;
    world.push("cmdb", "", &full(3)).await;
    let (status, _) = world.push("cmdb", "", &full(0)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, _) = world.push_lines("cmdb", &lines(0)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (_, answer) = world.push("cmdb", "?allowEmpty=true", &full(0)).await;
    assert_eq!(answer["removed"], 3);
    assert!(world.claimed().await.is_empty());
}

#[tokio::test]
async fn a_delta_removes_its_own_and_ignores_the_rest() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path(), Setup::default()).await;
    world.push("cmdb", "", &full(2)).await;
    let removed = json!([{"entityRef": "Component:c0"}, {"entityRef": "component:other"}]);
    let (_, answer) = world.push("cmdb", "", &json!({"type": "delta", "removed": removed})).await;
    assert_eq!((&answer["removed"], &answer["ignored"]), (&json!(1), &json!(1)));
    assert_eq!(world.claimed().await, ["component:default/c1"]);
}

#[tokio::test]
async fn what_nobody_understands_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path(), Setup::default()).await;
    world.push("cmdb", "", &full(1)).await;
    let item = |member: &str| json!({"entity": entity("a"), member: "k"});
    for (query, mutation, named) in [
        ("", json!({"type": "delta", "entities": [{"entity": entity("a")}]}), "entities: unknown here"),
        (
            "",
            json!({"type": "full", "entities": [], "removed": [{"entityRef": "a:b"}]}),
            "removed: unknown here",
        ),
        ("", json!({"type": "delta", "add": []}), "unknown field `add`, expected one of"),
        ("", json!({"type": "delta", "added": [item("locationkey")]}), "unknown field `locationkey`"),
        (
            "",
            json!({"type": "delta", "removed": [{"entityRef": "component:no such/thing"}]}),
            "no such/thing",
        ),
        ("", json!({"type": "delta", "removed": [{"entityRef": "component:a/b/c"}]}), "component:a/b/c"),
        ("?partial=yes", full(1), "partial"),
    ] {
        let (status, answer) = world.push("cmdb", query, &mutation).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{mutation}: {answer}");
        assert_eq!(answer["error"]["name"], "InputError");
        assert!(answer["error"]["message"].as_str().unwrap().contains(named), "{mutation}: {answer}");
        assert_eq!(answer["request"]["url"], format!("/api/ingest/v1/providers/cmdb/mutations{query}"));
    }
    let wrapped = [item("locationkey").to_string(), r#"{"end":true,"count":1}"#.to_owned()];
    let (_, answer) = world.push_lines("cmdb", &wrapped).await;
    assert_eq!(answer["rejected"][0]["entityRef"], "component:default/a");
}

#[tokio::test]
async fn concurrent_pushes_of_one_provider_take_turns() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path(), Setup::default()).await;
    let mut others: Vec<_> = lines(4_500);
    others.insert(1, r#"{"kind":"Component","metadata":{"name":"c1"}}"#.to_owned());
    *others.last_mut().unwrap() = r#"{"end":true,"count":4501}"#.to_owned();
    let all = lines(4_500);
    let pushes = tokio::join!(world.push_lines("cmdb", &all), world.push_lines("cmdb", &others));
    let ((first, one), (second, two)) = pushes;
    assert_eq!((first, second), (StatusCode::ACCEPTED, StatusCode::ACCEPTED));
    assert_eq!(one["changed"].as_u64().unwrap() + two["changed"].as_u64().unwrap(), 4_500);
    assert_eq!((one["removed"].as_u64(), two["removed"].as_u64()), (Some(0), Some(0)));
    assert_eq!(two["rejected"].as_array().unwrap().len(), 1);
    assert_eq!(world.claimed().await.len(), 4_500);
}

#[tokio::test]
async fn an_entity_that_is_too_large_is_rejected_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let config = backstitch_ingest::Config { max_entity_bytes: 1_000, ..Default::default() };
    let world = World::start(directory.path(), Setup { config, ..Setup::default() }).await;
    let mut large = entity("a");
    large["metadata"]["description"] = "x".repeat(2_000).into();
    let (status, answer) =
        world.push("cmdb", "", &json!({"type": "delta", "added": [{"entity": large}]})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let reason = answer["error"]["rejected"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("EntityTooLargeError: "), "{reason}");
}

/// A pipeline that has come as far as a test says, and finds `c1` invalid.
#[derive(Default)]
struct ComeTo(Mutex<i64>);

#[async_trait]
impl Progress for ComeTo {
    async fn reached(&self, position: &[(u32, i64)], _: tokio::time::Instant) -> Option<i64> {
        let come = *self.0.lock().unwrap();
        position.iter().all(|(_, offset)| *offset <= come).then_some(7)
    }

    async fn outcomes(&self, _: &ProviderName, refs: &[EntityRef]) -> Vec<RefOutcome> {
        let invalid = refs.iter().filter(|entity_ref| entity_ref.name() == "c1");
        let outcome = |entity_ref: &EntityRef| RefOutcome {
            entity_ref: entity_ref.clone(),
            outcome: Outcome::Invalid,
            reasons: vec!["no owner".to_owned()],
        };
        invalid.map(outcome).collect()
    }
}

#[tokio::test]
async fn a_push_can_wait_until_it_is_visible() {
    let directory = tempfile::tempdir().unwrap();
    let progress = Arc::new(ComeTo::default());
    let setup = Setup { progress: Some(progress.clone()), ..Setup::default() };
    let world = World::start(directory.path(), setup).await;
    let (status, answer) = world.push("cmdb", "?wait=visible&timeout=10ms", &full(2)).await;
    assert_eq!((status, &answer["revision"]), (StatusCode::ACCEPTED, &json!(null)));

    let ask = format!("/api/ingest/v1/positions?position={}", answer["position"].as_str().unwrap());
    let (status, _) = world.send("GET", &ask, "application/json", String::new()).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    *progress.0.lock().unwrap() = i64::MAX;
    let (status, asked) = world.send("GET", &ask, "application/json", String::new()).await;
    assert_eq!((status, &asked["revision"]), (StatusCode::OK, &json!(7)));

    let (status, answer) = world.push("cmdb", "?wait=visible", &full(2)).await;
    assert_eq!((status, &answer["revision"]), (StatusCode::OK, &json!(7)));
    let invalid =
        json!([{"entityRef": "component:default/c1", "outcome": "invalid", "reasons": ["no owner"]}]);
    assert_eq!(answer["invalid"], invalid);
    let (status, _) = world.push("cmdb", "?wait=forever", &full(2)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_cannot_be_taken_is_told_in_one_shape_whatever_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path(), Setup::default()).await;
    let (json, v1) = ("application/json", "/api/ingest/v1");
    let large = format!("{{\"location\": \"{}\"}}", "x".repeat(3 << 20));
    for (method, path, kind, body, status, named) in [
        ("POST", "/previews", json, "{".to_owned(), 400, "EOF while parsing"),
        ("POST", "/previews", json, "{}".to_owned(), 400, "missing field `location`"),
        ("POST", "/previews", json, "{\"location\": 1}".to_owned(), 400, "expected a string"),
        ("POST", "/previews", "text/plain", "{}".to_owned(), 400, "application/json"),
        ("POST", "/previews", json, large, 413, "length limit exceeded"),
        ("POST", "/previews/entity", json, "{}".to_owned(), 400, "missing field `entity`"),
        ("POST", "/providers/%ff/mutations", json, "{}".to_owned(), 400, "UTF-8"),
        ("POST", "/providers/%00/refresh", json, String::new(), 400, "cannot be the name of a provider"),
        (
            "POST",
            "/providers/a/mutations",
            "text/plain",
            "{}".to_owned(),
            400,
            "unsupported media type `text/plain`",
        ),
        ("POST", "/providers/a/mutations", json, "\u{feff}".to_owned(), 400, "not a mutation"),
        ("GET", "/providers/a/mutations", json, String::new(), 405, "Allow"),
        ("GET", "/positions", json, String::new(), 400, "position"),
        ("GET", "/nothing", json, String::new(), 404, "there is nothing at /api/ingest/v1/nothing"),
    ] {
        let (found, answer) = world.send(method, &format!("{v1}{path}"), kind, body).await;
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(found == status && message.contains(named), "{method} {path}: {found} {answer}");
        assert_eq!(answer["request"], json!({"method": method, "url": format!("{v1}{path}")}));
        assert_eq!(answer["response"]["statusCode"], status);
    }
    let (_, answer) =
        world.send("POST", "/api/ingest/v1/providers/a/mutations", json, vec![b'"', 0xff, b'"']).await;
    assert!(answer["error"]["message"].as_str().unwrap().starts_with("not a mutation: "), "{answer}");
}
