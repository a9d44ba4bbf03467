//! The changes after a revision, as pages and as a stream.

use std::sync::Arc;

use axum::{body::Body, http::Request};
use backstitch_query_api::{ApiState, Config, router};
use backstitch_read_model::{ReadModel, Revision};
use backstitch_schemas::Timestamp;
use serde_json::{Value, json};

use crate::{
    fixture::{Fixture, component},
    stream::{Client, Event},
};

const PATH: &str = "/api/catalog/v1/changes";

fn at(counter: i64) -> Revision {
    Revision(Revision::start_of(1).0 + counter)
}

fn owned(name: &str, kind: &str, owner: &str) -> Value {
    let mut entity = component(name, kind);
    entity["spec"]["owner"] = owner.into();
    entity
}

/// Revisions: a and b made (1, 2), a changed in type and owner (3), b gone (4), c made (5).
async fn eventful() -> Fixture {
    let mut fixture = Fixture::with(&[component("a", "service"), component("b", "service")]).await;
    fixture.add(&[owned("a", "library", "team-b")]).await;
    fixture.remove("component:default/b").await;
    fixture.add(&[component("c", "service")]).await;
    fixture
}

fn revisions(items: &Value) -> Vec<i64> {
    let counter = |item: &Value| Revision(item["revision"].as_i64().unwrap()).counter();
    items["items"].as_array().unwrap().iter().map(counter).collect()
}

#[tokio::test]
async fn a_page_tells_what_was_before_and_what_is_after() {
    let fixture = eventful().await;
    let page = fixture.get(&format!("{PATH}?since={}", at(2))).await.json();
    assert_eq!((revisions(&page), page["nextSince"].as_i64()), (vec![3, 4, 5], Some(at(5).0)));
    let [changed, gone, made] = [0, 1, 2].map(|number| page["items"][number].clone());
    assert_eq!(
        (&changed["before"]["spec"]["type"], &changed["after"]["spec"]["type"]),
        (&json!("service"), &json!("library"))
    );
    let end = |name: &str| json!([{"type": "ownedBy", "targetRef": format!("group:default/{name}")}]);
    assert_eq!((&changed["relationsAdded"], &changed["relationsRemoved"]), (&end("team-b"), &end("team-a")));
    assert_eq!((&gone["before"]["metadata"]["name"], gone.get("after")), (&json!("b"), None));
    assert_eq!((made.get("before"), &made["after"]["metadata"]["name"]), (None, &json!("c")));
    assert_eq!((made["commit"].as_i64(), made["cause"]["detail"].as_str()), (Some(at(5).0), Some("a test")));
}

#[tokio::test]
async fn pages_meet_every_change_once_also_within_a_commit() {
    let fixture = eventful().await;
    let (mut since, mut met) = (at(0).0, Vec::new());
    loop {
        let page = fixture.get(&format!("{PATH}?since={since}&limit=1")).await.json();
        met.extend(revisions(&page));
        let next = page["nextSince"].as_i64().unwrap();
        if next == since {
            break;
        }
        since = next;
    }
    assert_eq!(met, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_filter_keeps_what_matched_before_or_matches_after() {
    let fixture = eventful().await;
    for (filter, expected) in [
        ("spec.type=library", vec![3]),
        ("spec.type=service", vec![1, 2, 3, 4, 5]),
        ("metadata.name=b", vec![2, 4]),
        ("relations.ownedBy=group:default/team-a", vec![1, 2, 3, 4, 5]),
        ("relations.ownedBy=group:default/team-b", vec![3]),
        ("kind=api", vec![]),
    ] {
        let page = fixture.get(&format!("{PATH}?since={}&filter={filter}", at(0))).await.json();
        assert_eq!((revisions(&page), page["nextSince"].as_i64()), (expected, Some(at(5).0)), "{filter}");
    }
    let path = format!("{PATH}?since={}&filter=relations.ownedBy=group:default/team-a", at(2));
    let page = fixture.get(&path).await.json();
    assert_eq!(revisions(&page), [3, 4, 5], "relations are known from the middle on too");
}

#[tokio::test]
async fn lists_end_with_the_revision_that_the_answer_names_when_the_read_model_is_ahead() {
    let (mut fixture, ahead) = (Fixture::with(&[component("a", "service")]).await, eventful().await);
    let config = Arc::new(Config::default());
    fixture.router = router(ApiState::new(fixture.catalog.clone(), ahead.read_model.clone(), config));
    for path in [
        PATH.to_owned(),
        format!("{PATH}?limit=1"),
        format!("{PATH}?since={}", at(0)),
        "/api/catalog/v1/history/component/default/a".to_owned(),
        "/api/catalog/v1/history/component/default/a?limit=1".to_owned(),
    ] {
        let answer = fixture.get(&path).await;
        assert_eq!(answer.header("backstitch-revision"), Some(at(1).to_string().as_str()), "{path}");
        assert_eq!(revisions(&answer.json()), [1], "{path}");
    }
}

#[tokio::test]
async fn a_revision_from_which_nobody_can_go_on_is_gone() {
    let fixture = eventful().await;
    fixture.read_model.prune_history(Timestamp(i64::MAX)).await.unwrap();
    for since in [at(0), at(6), Revision::start_of(2).next(), Revision(7)] {
        let answer = fixture.get(&format!("{PATH}?since={since}")).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["name"]),
            (410, &json!("GoneError")),
            "{since}"
        );
        assert!(answer.text.contains("take a snapshot"), "{}", answer.text);
    }
    let page = fixture.get(&format!("{PATH}?since={}", at(5))).await.json();
    assert_eq!(page, json!({"items": [], "nextSince": at(5).0}));
}

#[tokio::test]
async fn wrong_parameters_say_what_is_wrong() {
    let fixture = Fixture::empty().await;
    for (query, expected) in [
        ("since=x", "request/query/since must be integer"),
        ("since=-1", "request/query/since must be >= 0"),
        ("filter=kind=api", "request/query/filter needs request/query/since: the revision to begin after"),
    ] {
        let answer = fixture.get(&format!("{PATH}?{query}")).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["message"]), (400, &json!(expected)));
    }
}

#[tokio::test]
async fn a_stream_tells_what_was_missed_and_what_follows() {
    let mut fixture = eventful().await;
    let mut client = Client::open(&fixture, &format!("?since={}", at(3)), None).await;
    let told = client.until(at(5)).await;
    let names: Vec<_> = told.iter().map(|event| (event.name.as_str(), event.id.unwrap() - at(0).0)).collect();
    assert_eq!(names, [("commit", 3), ("change", 4), ("commit", 4), ("change", 5), ("commit", 5)]);
    fixture.add(&[component("d", "service"), component("e", "service")]).await;
    let told = client.until(at(7)).await;
    let names: Vec<_> = told.iter().map(|event| (event.name.as_str(), event.id.unwrap() - at(0).0)).collect();
    assert_eq!(names, [("change", 6), ("change", 7), ("commit", 7)]);
    assert_eq!(told[0].data["after"]["metadata"]["name"], "d");
}

#[tokio::test]
async fn a_stream_without_a_revision_begins_now_and_a_filtered_one_moves_on() {
    let mut fixture = eventful().await;
    let mut client = Client::open(&fixture, "?filter=metadata.name=z", None).await;
    let begun = client.next().await.unwrap();
    assert_eq!((begun.name.as_str(), begun.id), ("commit", Some(at(5).0)));
    fixture.add(&[component("y", "service")]).await;
    let moved = client.next().await.unwrap();
    assert_eq!((moved.name.as_str(), moved.id), ("commit", Some(at(6).0)));
    fixture.add(&[component("z", "service")]).await;
    assert_eq!(client.next().await.unwrap().data["entityRef"], "component:default/z");
}

#[tokio::test]
async fn a_resumed_stream_loses_and_repeats_nothing_wherever_it_broke() {
    let fixture = eventful().await;
    let all = Client::open(&fixture, &format!("?since={}", at(0)), None).await.until(at(5)).await;
    for broken_after in 1..all.len() {
        let mut first = Client::open(&fixture, &format!("?since={}", at(0)), None).await;
        let mut met = Vec::new();
        for _ in 0..broken_after {
            met.push(first.next().await.unwrap());
        }
        let last_id = met.last().unwrap().id;
        drop(first);
        // The address says where it began; the header, where it broke.
        let mut second = Client::open(&fixture, &format!("?since={}", at(0)), last_id).await;
        met.extend(second.until(at(5)).await);
        let changes = |events: &[Event]| {
            events.iter().filter(|event| event.name == "change").map(|event| event.id).collect::<Vec<_>>()
        };
        assert_eq!(changes(&met), changes(&all), "broken after {broken_after} events");
    }
}

#[tokio::test]
async fn a_stream_from_a_revision_that_is_gone_is_refused() {
    let fixture = eventful().await;
    let request = Request::get(PATH)
        .header("accept", "text/event-stream")
        .header("last-event-id", Revision::start_of(9).0)
        .body(Body::empty())
        .unwrap();
    let answer = fixture.send(request).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]["name"]), (410, &json!("GoneError")));
}

#[tokio::test]
async fn streams_end_when_the_process_does() {
    let fixture = eventful().await;
    let mut client = Client::open(&fixture, "", None).await;
    assert!(client.next().await.is_some());
    drop(fixture);
    assert_eq!(client.next().await, None);
}
