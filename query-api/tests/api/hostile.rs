//! Input that nobody sends by mistake gets a 4xx that says why, and soon.

use std::time::{Duration, Instant};

use axum::{body::Body, http::Request};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::fixture::{Answer, Fixture, component};

const PATIENCE: Duration = Duration::from_secs(5);

async fn catalog() -> Fixture {
    Fixture::with(&[component("alpha", "service"), component("beta", "website")]).await
}

/// Asks, and checks that the refusal is one: a 400 with a message that contains `why`.
async fn refused(fixture: &Fixture, request: Request<Body>, why: &str) {
    let asked = format!("{} {:.80}", request.method(), request.uri());
    let started = Instant::now();
    let answer = fixture.send(request).await;
    assert!(started.elapsed() < PATIENCE, "{asked} took {:?}", started.elapsed());
    let message = message(&answer);
    assert_eq!(answer.status.as_u16(), 400, "{asked}: {message}");
    assert!(message.contains(why), "{asked}: {message:.200}");
}

fn message(answer: &Answer) -> String {
    let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    body["error"]["message"].as_str().unwrap_or_default().to_owned()
}

fn get(path: &str) -> Request<Body> {
    Request::get(format!("/api/catalog{path}")).body(Body::empty()).unwrap()
}

fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post(format!("/api/catalog{path}")).header("content-type", "application/json");
    request.body(body.into()).unwrap()
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused_where_they_stand() {
    let fixture = catalog().await;
    for (path, why) in [
        ("/entities?filter=kind=%ff", "request/query/filter must be percent-encoded UTF-8"),
        ("/entities?filter=kind=a%00b", "request/query/filter must not contain NUL"),
        ("/entities?%00=1", "must not contain NUL"),
        ("/entities/by-name/component/default/%ff", "malformed uri"),
        ("/entities/by-name/component/default/%", "malformed uri"),
        ("/entities/by-uid/%c3%28", "malformed uri"),
    ] {
        refused(&fixture, get(path), why).await;
    }
    refused(&fixture, post("/entities/by-refs", b"{\"entityRefs\":[\"\xff\"]}".to_vec()), "JSON").await;
    let nul = json!({"entityRefs": ["component:default/a\0"]}).to_string();
    refused(&fixture, post("/entities/by-refs", nul), "request/body must not contain NUL").await;
    let unknown = fixture.send(get("/entities/by-name/component/default/a%00b")).await;
    assert_eq!(unknown.status.as_u16(), 404);
}

#[tokio::test]
async fn numbers_out_of_range_are_refused() {
    let fixture = catalog().await;
    for number in ["-1", "1e3", "0x10", "1.5", "NaN", "99999999999999999999", " 1", "+1"] {
        let why = "request/query/limit must be";
        refused(&fixture, get(&format!("/entities/by-query?limit={}", number.replace(' ', "%20"))), why)
            .await;
        refused(
            &fixture,
            get(&format!("/entities?offset={number}").replace(' ', "%20")),
            "request/query/offset must be",
        )
        .await;
    }
    for (body, why) in [
        (json!({"limit": -1}), "request/body/limit must be >= 0"),
        (json!({"offset": -1e300}), "request/body/offset must be >= 0"),
        (json!({"limit": "5"}), "request/body/limit must be number"),
        (json!({"limit": [5]}), "request/body/limit must be number"),
    ] {
        refused(&fixture, post("/entities/by-query", body.to_string()), why).await;
    }
    refused(&fixture, post("/entities/by-query", "{\"limit\":1e999}"), "number out of range").await;
    for revision in ["9223372036854775807", "9223372036854775808", "x"] {
        refused(&fixture, get(&format!("/entities?minRevision={revision}")), "evision").await;
    }
    // As many as there are is no mistake.
    let all = fixture.send(get("/entities/by-query?limit=9223372036854775807&offset=0")).await;
    assert_eq!(all.json()["items"].as_array().unwrap().len(), 2);
    let none = fixture.send(get("/entities?limit=9223372036854775807&offset=9223372036854775807")).await;
    assert_eq!(none.text, "[]");
}

#[tokio::test]
async fn json_as_deep_as_a_stack_is_refused() {
    let fixture = catalog().await;
    let nested = |open: &str, close: &str| format!("{}{{}}{}", open.repeat(10_000), close.repeat(10_000));
    let deep = format!("{{\"query\":{}}}", nested("{\"$not\":", "}"));
    refused(&fixture, post("/entities/by-query", deep), "recursion limit exceeded").await;
    let deep = format!("{{\"query\":{}}}", nested("{\"$all\":[", "]}"));
    refused(&fixture, post("/entity-facets", deep), "recursion limit exceeded").await;
    let cursor = STANDARD.encode(nested("[", "]"));
    refused(
        &fixture,
        post("/entities/by-query", json!({ "cursor": cursor }).to_string()),
        "Malformed cursor",
    )
    .await;
}

#[tokio::test]
async fn cursors_that_are_none_of_ours_are_refused() {
    let fixture = catalog().await;
    let uid = "00000000-0000-0000-0000-000000000000";
    let whole = json!({"orderFields": [], "orderFieldValues": [uid], "isPrevious": false});
    for (name, value) in [
        ("orderFields", json!("metadata.name")),
        ("orderFields", json!([{"field": 1, "order": "asc"}])),
        ("orderFields", json!([{"field": "kind", "order": "up"}])),
        ("orderFieldValues", json!(["not a uid"])),
        ("orderFieldValues", json!([uid, uid, uid])),
        ("orderFieldValues", json!([null])),
        ("orderFieldValues", json!({"0": uid})),
        ("isPrevious", json!("false")),
        ("totalItems", json!(-1)),
        ("totalItems", json!(1e300)),
        ("fullTextFilter", json!({"term": 5})),
        ("firstSortFieldValues", json!(7)),
    ] {
        let mut cursor = whole.clone();
        cursor[name] = value;
        let path = format!(
            "/entities/by-query?cursor={}",
            STANDARD.encode(cursor.to_string()).replace('=', "%3D").replace('+', "%2B")
        );
        refused(&fixture, get(&path), "Malformed cursor: ").await;
    }
    for (query, why) in [(json!({"$nope": 1}), "Invalid query"), (json!([]), "Query must be an object")] {
        let mut cursor = whole.clone();
        cursor["query"] = query;
        let body = json!({"cursor": STANDARD.encode(cursor.to_string())}).to_string();
        refused(&fixture, post("/entities/by-query", body), why).await;
    }
    let giant = json!({"cursor": "A".repeat(4_000_000)}).to_string();
    refused(&fixture, post("/entities/by-query", giant), "Malformed cursor: ").await;
    for after in
        [json!({"limit": -1}), json!({"limit": "x"}), json!({"offset": 1.5}), json!({"offset": null})]
    {
        let after = STANDARD.encode(after.to_string()).replace('=', "%3D").replace('+', "%2B");
        refused(&fixture, get(&format!("/entities?after={after}")), "Malformed after cursor").await;
    }
}

#[tokio::test]
async fn a_request_that_asks_for_more_than_anybody_needs_is_refused_soon() {
    let fixture = catalog().await;
    let facets: Vec<_> = (0..1_001).map(|number| format!("facet=spec.{number}")).collect();
    refused(&fixture, get(&format!("/entity-facets?{}", facets.join("&"))), "more than 1000 facets").await;
    refused(
        &fixture,
        get(&format!("/entities?limit=1{}", "&order=asc:kind".repeat(33))),
        "more than 32 orders",
    )
    .await;
    let fields: Vec<_> = (0..200_000).map(|number| format!("f{number}")).collect();
    let body = json!({"entityRefs": [], "fields": fields}).to_string();
    refused(&fixture, post("/entities/by-refs", body), "more than 1000 were asked for").await;
    let searched = json!({"fullTextFilter": {"term": "a", "fields": fields}}).to_string();
    refused(&fixture, post("/entities/by-query", searched), "more than 100 fields").await;
    let any: Vec<_> = (0..50_000).map(|number| json!({"kind": number.to_string()})).collect();
    let body = json!({"query": {"$any": any}}).to_string();
    refused(&fixture, post("/entities/by-query", body), "more than 10000 operators and fields").await;
    let body = format!("{{\"x\":\"{}\"}}", "x".repeat(9 << 20));
    refused(&fixture, post("/entities/by-query", body), "request entity too large").await;
}

#[tokio::test]
async fn a_megabyte_of_filter_is_read_in_good_time() {
    let fixture = catalog().await;
    let started = Instant::now();
    // As a predicate, because no URI may be that long.
    let values: Vec<_> = (0..100_000).map(|number| format!("value-{number}")).collect();
    let body = json!({"query": {"spec.type": {"$in": values}}}).to_string();
    assert!(body.len() > 1 << 20, "{}", body.len());
    let answer = fixture.send(post("/entities/by-query", body)).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["totalItems"]), (200, &json!(0)));
    // As statements, as many as a URI holds: each key is another.
    let statements: Vec<_> = (0..4_500).map(|number| format!("k{number}")).collect();
    let answer = fixture.send(get(&format!("/entities?filter={}", statements.join(",")))).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "[]"));
    let many = "&filter=kind=component".repeat(2_500);
    let answer = fixture.send(get(&format!("/entities?limit=5{many}"))).await;
    assert_eq!(answer.json().as_array().unwrap().len(), 2);
    assert!(started.elapsed() < PATIENCE, "it took {:?}", started.elapsed());
}

#[tokio::test]
async fn headers_of_any_form_do_no_harm() {
    let fixture = catalog().await;
    for (name, value) in [
        ("if-none-match", b"\xff\xfe".as_slice()),
        ("if-none-match", b"W/\"".as_slice()),
        ("accept-encoding", b"gzip;q=banana, \xff".as_slice()),
        ("content-type", b"\xff".as_slice()),
        ("content-length-hint", b"-1".as_slice()),
        ("authorization", b"Bearer ".as_slice()),
    ] {
        let request = Request::get("/api/catalog/entities?limit=1").header(name, value);
        let answer = fixture.send(request.body(Body::empty()).unwrap()).await;
        assert!(answer.status.as_u16() < 500, "{name}: {}", answer.status);
    }
    for media_type in
        ["text/plain", "application/jsonx", "multipart/form-data; boundary=x", "\"", "application/xml"]
    {
        let request = Request::post("/api/catalog/entities/by-query").header("content-type", media_type);
        refused(&fixture, request.body(Body::from("{}")).unwrap(), "unsupported media type").await;
    }
    // The client sends a content type with reads too, and a charset with bodies.
    let request = Request::get("/api/catalog/entities?limit=1").header("content-type", "application/json");
    assert_eq!(fixture.send(request.body(Body::empty()).unwrap()).await.status.as_u16(), 200);
    let request = Request::post("/api/catalog/entities/by-query")
        .header("content-type", "Application/JSON; charset=utf-8");
    assert_eq!(fixture.send(request.body(Body::from("{}")).unwrap()).await.status.as_u16(), 200);
}

#[tokio::test]
async fn bodies_of_another_form_are_refused_with_what_was_expected() {
    let fixture = catalog().await;
    for (path, body, why) in [
        ("/entities/by-refs", "", "request/body must have required property 'entityRefs'"),
        ("/entities/by-refs", "not json", "JSON"),
        ("/entities/by-refs", "[", "Unexpected end of JSON input"),
        ("/entities/by-refs", "[]", "request/body must be object"),
        ("/entities/by-refs", "{\"other\":1}", "request/body must have required property 'entityRefs'"),
        ("/entities/by-refs", "{}", "request/body must have required property 'entityRefs'"),
        ("/entities/by-refs", "{\"entityRefs\":\"a\"}", "request/body/entityRefs must be array"),
        ("/entities/by-refs", "{\"entityRefs\":[1]}", "request/body/entityRefs/0 must be string"),
        ("/entities/by-refs", "{\"entityRefs\":[],\"fields\":\"a\"}", "request/body/fields must be array"),
        ("/entities/by-refs", "{\"entityRefs\":[],\"fields\":[1]}", "request/body/fields/0 must be string"),
        ("/entities/by-query", "{\"query\":[]}", "request/body/query must be object"),
        ("/entities/by-query", "{\"cursor\":\"\"}", "Cursor cannot be empty"),
        (
            "/entities/by-query",
            "{\"orderBy\":[{\"field\":\"a\",\"order\":\"up\"}]}",
            "request/body/orderBy/0/order must be",
        ),
        ("/entity-facets", "{\"facets\":[\" \"]}", "Missing or empty facets parameter"),
    ] {
        refused(&fixture, post(path, body), why).await;
    }
}
