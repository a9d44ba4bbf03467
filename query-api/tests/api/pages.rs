//! The paged query: totals, cursors in both directions, full text.

use serde_json::{Value, json};

use crate::fixture::{Fixture, component};

const PATH: &str = "/api/catalog/entities/by-query";

async fn five() -> Fixture {
    let names = ["a1", "a2", "b3", "b4", "c5"];
    let entities: Vec<_> = names.map(|name| component(name, "service")).into();
    Fixture::with(&entities).await
}

fn names(answer: &Value) -> Vec<&str> {
    let items = answer["items"].as_array().unwrap();
    items.iter().map(|entity| entity["metadata"]["name"].as_str().unwrap()).collect()
}

fn cursor(answer: &Value, name: &str) -> String {
    let cursor = answer["pageInfo"][name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}"));
    url::form_urlencoded::byte_serialize(cursor.as_bytes()).collect()
}

#[tokio::test]
async fn pages_go_forth_and_back() {
    let fixture = five().await;
    let first =
        fixture.get(&format!("{PATH}?limit=2&orderField=metadata.name&filter=kind=component")).await.json();
    assert_eq!((names(&first), first["totalItems"].as_u64()), (vec!["a1", "a2"], Some(5)));
    assert_eq!(first["pageInfo"].get("prevCursor"), None);
    let second = fixture.get(&format!("{PATH}?limit=2&cursor={}", cursor(&first, "nextCursor"))).await.json();
    assert_eq!(names(&second), ["b3", "b4"]);
    let third = fixture.get(&format!("{PATH}?limit=2&cursor={}", cursor(&second, "nextCursor"))).await.json();
    assert_eq!(names(&third), ["c5"]);
    assert_eq!(third["pageInfo"].get("nextCursor"), None);
    let back = fixture.get(&format!("{PATH}?limit=2&cursor={}", cursor(&third, "prevCursor"))).await.json();
    assert_eq!((names(&back), back["totalItems"].as_u64()), (vec!["b3", "b4"], Some(5)));
    let start = fixture.get(&format!("{PATH}?limit=2&cursor={}", cursor(&back, "prevCursor"))).await.json();
    assert_eq!(names(&start), ["a1", "a2"]);
    assert_eq!(start["pageInfo"].get("prevCursor"), None);
    assert!(start["pageInfo"].get("nextCursor").is_some());
}

#[tokio::test]
async fn a_cursor_survives_changes_and_either_verb() {
    let mut fixture = five().await;
    let query = json!({"limit": 2, "orderBy": [{"field": "metadata.name", "order": "desc"}], "query": {"spec.type": "service"}});
    let first = fixture.post(PATH, &query).await.json();
    assert_eq!(names(&first), ["c5", "b4"]);
    fixture.remove("component:default/b4").await;
    fixture.add(&[component("b0", "service"), component("z", "service")]).await;
    let next = json!({"cursor": first["pageInfo"]["nextCursor"], "limit": 2});
    assert_eq!(names(&fixture.post(PATH, &next).await.json()), ["b3", "b0"]);
    let next = fixture.get(&format!("{PATH}?limit=2&cursor={}", cursor(&first, "nextCursor"))).await.json();
    assert_eq!((names(&next), next["totalItems"].as_u64()), (vec!["b3", "b0"], Some(5)));
}

#[tokio::test]
async fn limit_zero_counts_and_a_total_can_be_left_out() {
    let fixture = five().await;
    let counted = fixture.get(&format!("{PATH}?limit=0")).await.json();
    assert_eq!(counted, json!({"items": [], "totalItems": 5, "pageInfo": {}}));
    let excluded = fixture.get(&format!("{PATH}?limit=1&totalItems=exclude")).await.json();
    assert_eq!(excluded["totalItems"], 0);
    let missing = fixture.get(&format!("{PATH}?orderField=spec.nope,asc")).await.json();
    assert_eq!(missing, json!({"items": [], "totalItems": 0, "pageInfo": {}}));
}

#[tokio::test]
async fn full_text_is_a_substring_search_over_fields() {
    let fixture = five().await;
    let found = fixture
        .get(&format!(
            "{PATH}?fullTextFilterTerm=A&fullTextFilterFields=metadata.name&orderField=metadata.name,desc"
        ))
        .await;
    assert_eq!(names(&found.json()), ["a2", "a1"]);
    let found = fixture
        .get(&format!("{PATH}?fullTextFilterTerm=%25&fullTextFilterFields=metadata.name"))
        .await
        .json();
    assert_eq!(found["totalItems"], 0, "a per cent sign is a per cent sign");
    let query = json!({"fullTextFilter": {"term": "B", "fields": ["metadata.name"]}, "orderBy": [{"field": "metadata.name", "order": "asc"}]});
    assert_eq!(names(&fixture.post(PATH, &query).await.json()), ["b3", "b4"]);
}

#[tokio::test]
async fn an_empty_post_asks_for_everything() {
    let fixture = five().await;
    let request = axum::http::Request::post(PATH).body(axum::body::Body::empty()).unwrap();
    let answer = fixture.send(request).await.json();
    assert_eq!(answer["totalItems"], 5);
}
