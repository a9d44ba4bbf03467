//! Registered locations, deletions and refreshes, through the API.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::support::{Catalog, Launch, component, eventually, write};

const PATIENCE: Duration = Duration::from_secs(30);

/// A host of documents that can be changed, with ETags.
#[derive(Clone, Default)]
struct Host {
    documents: Arc<Mutex<HashMap<String, String>>>,
    address: String,
}

impl Host {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = Self { address: listener.local_addr().unwrap().to_string(), ..Self::default() };
        let router = Router::new().route("/{*path}", get(document)).with_state(host.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        host
    }

    fn put(&self, path: &str, text: String) {
        self.documents.lock().unwrap().insert(path.to_owned(), text);
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }
}

async fn document(State(host): State<Host>, Path(path): Path<String>, headers: HeaderMap) -> Response {
    let Some(text) = host.documents.lock().unwrap().get(&path).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let etag =
        format!("\"{:x}\"", text.bytes().fold(17_u64, |sum, byte| sum * 31 % 1_000_003 + u64::from(byte)));
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    ([(header::ETAG, etag)], text).into_response()
}

/// A catalog that may read from `host` and polls never, so that only what is asked for is read.
async fn catalog(dir: &TempDir, host: &Host, more: &str) -> Catalog {
    let config = dir.path().join("app-config.yaml");
    let text = format!(
        "backend:\n  reading:\n    allow:\n      - host: {}\ncatalog:\n  processingInterval: false\n{more}",
        host.address
    );
    write(&config, &text);
    Launch::up(dir.path()).arg("--config").arg(config).start().await
}

fn url(target: &str) -> Value {
    json!({"type": "url", "target": target})
}

async fn appears(catalog: &Catalog, name: &str) -> Value {
    let look = || catalog.entity("component", name);
    eventually(name, PATIENCE, look, Option::is_some).await.unwrap()
}

async fn description_becomes(catalog: &Catalog, name: &str, wanted: &str) {
    let look = || catalog.entity("component", name);
    eventually(name, PATIENCE, look, |entity| {
        entity.as_ref().is_some_and(|entity| entity["metadata"]["description"] == wanted)
    })
    .await;
}

#[tokio::test]
async fn a_registered_location_lives_from_post_to_delete() {
    let (host, dir) = (Host::start().await, TempDir::new().unwrap());
    host.put("a.yaml", component("one", "x"));
    host.put("b.yaml", component("two", "x"));
    let catalog = catalog(&dir, &host, "").await;
    assert_eq!(catalog.get("/api/catalog/locations").await, json!([]));

    let place = host.url("a.yaml");
    let (status, created) = catalog.send("POST", "/locations", url(&place)).await;
    assert_eq!(status, 201, "{created}");
    assert_eq!(created["entities"], json!([]));
    let location = created["location"].clone();
    assert_eq!((&location["type"], &location["target"]), (&json!("url"), &json!(place)));
    let name = location["entityRef"].as_str().unwrap().strip_prefix("location:default/").unwrap().to_owned();
    assert!(catalog.entity("location", &name).await.is_some(), "its entity is there when POST answers");
    assert_eq!(catalog.get("/api/catalog/locations").await, json!([{"data": location}]));
    let id = location["id"].as_str().unwrap();
    assert_eq!(catalog.get(&format!("/api/catalog/locations/{id}")).await, location);
    appears(&catalog, "one").await;
    assert_eq!(catalog.get("/api/catalog/locations/by-entity/component/default/one").await, location);

    let (status, answer) = catalog.send("POST", "/locations", url(&place)).await;
    let message = format!("Location url:{place} already exists");
    assert_eq!((status, &answer["error"]["message"]), (409, &json!(message)), "{answer}");
    assert_eq!(answer["error"]["name"], "ConflictError");
    host.put("a.yaml", component("one", "read again"));
    let again = catalog.send("POST", "/locations?onConflict=refresh", url(&place)).await;
    assert_eq!(again, (201, json!({"location": location, "entities": []})));
    description_becomes(&catalog, "one", "read again").await;

    let moved = host.url("b.yaml");
    let (status, updated) = catalog.send("PUT", &format!("/locations/{id}"), url(&moved)).await;
    assert_eq!(status, 200, "{updated}");
    let kept = (&updated["id"], &updated["entityRef"], &updated["target"]);
    assert_eq!(kept, (&location["id"], &location["entityRef"], &json!(moved)));
    appears(&catalog, "two").await;
    eventually(
        "the old place to be forgotten",
        PATIENCE,
        || catalog.entity("component", "one"),
        Option::is_none,
    )
    .await;

    let gone = catalog.send("DELETE", &format!("/locations/{id}"), Value::Null).await;
    assert_eq!(gone, (204, Value::Null));
    assert!(catalog.entity("location", &name).await.is_none(), "its entity is gone when DELETE answers");
    assert_eq!(catalog.get("/api/catalog/locations").await, json!([]));
    assert!(catalog.entity("component", "two").await.is_none(), "and what only it led to");
    let (status, answer) = catalog.send("DELETE", &format!("/locations/{id}"), Value::Null).await;
    let message = format!("Found no location with ID {id}");
    assert_eq!((status, &answer["error"]["message"]), (404, &json!(message)));
    catalog.stop().await;
}

#[tokio::test]
async fn locations_keep_their_ids_over_a_restart_and_a_rebuild_of_the_read_model() {
    let (host, dir) = (Host::start().await, TempDir::new().unwrap());
    host.put("a.yaml", component("one", "x"));
    let running = catalog(&dir, &host, "").await;
    let (status, _) = running.send("POST", "/locations", url(&host.url("a.yaml"))).await;
    assert_eq!(status, 201);
    let uid = appears(&running, "one").await["metadata"]["uid"].clone();
    let before = running.get("/api/catalog/locations").await;
    running.kill().await;

    let running = catalog(&dir, &host, "").await;
    running.settled().await;
    assert_eq!(running.get("/api/catalog/locations").await, before);
    assert_eq!(appears(&running, "one").await["metadata"]["uid"], uid);
    let (status, _) = running.send("POST", "/locations", url(&host.url("a.yaml"))).await;
    assert_eq!(status, 409);
    running.stop().await;

    for file in std::fs::read_dir(dir.path().join("data")).unwrap() {
        let file = file.unwrap();
        if file.file_name().to_string_lossy().starts_with("read-model.db") {
            std::fs::remove_file(file.path()).unwrap();
        }
    }
    let running = catalog(&dir, &host, "").await;
    running.settled().await;
    assert_eq!(running.get("/api/catalog/locations").await, before);
    assert_eq!(appears(&running, "one").await["metadata"]["uid"], uid);
    running.stop().await;
}

#[tokio::test]
async fn of_two_simultaneous_posts_of_one_place_exactly_one_gets_409() {
    let (host, dir) = (Host::start().await, TempDir::new().unwrap());
    let catalog = catalog(&dir, &host, "").await;
    for round in 0..5 {
        let place = url(&host.url(&format!("{round}.yaml")));
        let first = catalog.send("POST", "/locations", place.clone());
        let (first, second) = tokio::join!(first, catalog.send("POST", "/locations", place.clone()));
        let mut statuses = [first.0, second.0];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "{first:?} {second:?}");
    }
    assert_eq!(catalog.get("/api/catalog/locations").await.as_array().unwrap().len(), 5);
    catalog.stop().await;
}

#[tokio::test]
async fn locations_are_queried_by_their_columns_page_by_page() {
    let (host, dir) = (Host::start().await, TempDir::new().unwrap());
    let catalog = catalog(&dir, &host, "").await;
    for name in ["a", "b", "c"] {
        let (status, _) = catalog.send("POST", "/locations", url(&host.url(name))).await;
        assert_eq!(status, 201);
    }
    let query = json!({"$any": [{"target": {"$hasPrefix": host.url("")}}]});
    let mut body = json!({"limit": 2, "query": query});
    let mut found = Vec::new();
    loop {
        let (status, page) = catalog.send("POST", "/locations/by-query", body).await;
        assert_eq!((status, &page["totalItems"]), (200, &json!(3)), "{page}");
        found.extend(page["items"].as_array().unwrap().clone());
        let Some(cursor) = page["pageInfo"]["nextCursor"].as_str() else { break };
        body = json!({"cursor": cursor});
    }
    let all = catalog.get("/api/catalog/locations").await;
    let all: Vec<_> = all.as_array().unwrap().iter().map(|item| item["data"].clone()).collect();
    assert_eq!(found, all);
    for (body, message) in [
        (json!({"limit": 0}), "Limit must be a positive integer >= 1"),
        (json!({"limit": 1.5}), "Limit must be a positive integer >= 1"),
        (
            json!({"query": {"owner": "x"}}),
            "Invalid filter predicate, expected key to be 'id', 'type', 'target', or 'entityRef', got 'owner'",
        ),
    ] {
        let (status, answer) = catalog.send("POST", "/locations/by-query", body).await;
        assert_eq!((status, answer["error"]["message"].as_str().unwrap()), (400, message));
    }
    let (_, none) = catalog.send("POST", "/locations/by-query", json!({"query": {"$all": []}})).await;
    assert_eq!(none, json!({"items": [], "totalItems": 0, "pageInfo": {}}));
    catalog.stop().await;
}

#[tokio::test]
async fn bad_input_about_locations_is_refused_in_backstages_words() {
    let (host, dir) = (Host::start().await, TempDir::new().unwrap());
    let catalog = catalog(&dir, &host, "").await;
    for (body, start) in [
        (json!({"type": "url"}), "request/body must have required property 'target'"),
        (json!({"type": "url", "target": "x", "more": 1}), "Malformed request: "),
        (json!({"type": "url", "target": 1}), "request/body/target must be string"),
        (
            json!({"type": "file", "target": "./x.yaml"}),
            "Registered locations must be of an allowed type [\"url\"]",
        ),
    ] {
        let (status, answer) = catalog.send("POST", "/locations", body).await;
        let message = answer["error"]["message"].as_str().unwrap();
        assert_eq!((status, answer["error"]["name"].as_str()), (400, Some("InputError")));
        assert!(message.starts_with(start), "{message}");
    }
    for (verb, body) in [("GET", Value::Null), ("DELETE", Value::Null), ("PUT", url("http://h/x"))] {
        for id in ["not-a-uuid", "00000000-0000-0000-0000-000000000000"] {
            let (status, answer) = catalog.send(verb, &format!("/locations/{id}"), body.clone()).await;
            let message = format!("Found no location with ID {id}");
            assert_eq!((status, &answer["error"]["message"]), (404, &json!(message)), "{verb} {id}");
        }
    }
    let (status, _) = catalog.send("GET", "/locations/by-entity/component/default/none", Value::Null).await;
    assert_eq!(status, 404);
    catalog.stop().await;
}

#[tokio::test]
async fn a_deleted_entity_comes_back_from_its_file_with_another_uid_and_stays_away_if_it_was_pushed() {
    let (host, dir) = (Host::start().await, TempDir::new().unwrap());
    host.put("a.yaml", component("read", "x"));
    let catalog = catalog(&dir, &host, "").await;
    let (status, _) = catalog.send("POST", "/locations", url(&host.url("a.yaml"))).await;
    assert_eq!(status, 201);
    let uid = appears(&catalog, "read").await["metadata"]["uid"].clone();
    let pushed = json!({"type": "full", "entities": [{"entity": {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "pushed"},
        "spec": {"type": "service", "lifecycle": "production", "owner": "team-a"},
    }}]});
    let push =
        || catalog.push("bulk/mutations?wait=visible&timeout=60", "application/json", pushed.to_string());
    assert_eq!(push().await.0, 200);

    let delete = |uid: &Value| format!("/entities/by-uid/{}", uid.as_str().unwrap());
    assert_eq!(catalog.send("DELETE", &delete(&uid), Value::Null).await, (204, Value::Null));
    let again = eventually(
        "another uid",
        PATIENCE,
        || catalog.entity("component", "read"),
        |entity| entity.as_ref().is_some_and(|entity| entity["metadata"]["uid"] != uid),
    );
    let other = again.await.unwrap()["metadata"]["uid"].clone();
    // Nobody has the old uid any more, which is no error.
    assert_eq!(catalog.send("DELETE", &delete(&uid), Value::Null).await, (204, Value::Null));
    assert_eq!(appears(&catalog, "read").await["metadata"]["uid"], other);

    let uid = appears(&catalog, "pushed").await["metadata"]["uid"].clone();
    assert_eq!(catalog.send("DELETE", &delete(&uid), Value::Null).await, (204, Value::Null));
    assert!(catalog.entity("component", "pushed").await.is_none());
    catalog.settled().await;
    assert!(catalog.entity("component", "pushed").await.is_none(), "nothing says it again");
    assert_eq!(push().await.0, 200);
    assert_ne!(appears(&catalog, "pushed").await["metadata"]["uid"], uid);
    catalog.stop().await;
}

#[tokio::test]
async fn a_refresh_shows_what_changed_behind_a_url_at_once() {
    let (host, dir) = (Host::start().await, TempDir::new().unwrap());
    host.put("a.yaml", component("one", "before"));
    let catalog = catalog(&dir, &host, "").await;
    let (status, _) = catalog.send("POST", "/locations", url(&host.url("a.yaml"))).await;
    assert_eq!(status, 201);
    appears(&catalog, "one").await;
    catalog.settled().await;
    host.put("a.yaml", component("one", "after"));
    let body = json!({"entityRef": "Component:default/one", "authorizationToken": "x"});
    assert_eq!(catalog.send("POST", "/refresh", body).await, (200, Value::Null));
    description_becomes(&catalog, "one", "after").await;

    let (status, answer) =
        catalog.send("POST", "/refresh", json!({"entityRef": "component:default/none"})).await;
    let message = json!("Entity component:default/none not found");
    assert_eq!((status, &answer["error"]["message"]), (404, &message));
    let (status, answer) = catalog.send("POST", "/refresh", json!({})).await;
    let message = json!("request/body must have required property 'entityRef'");
    assert_eq!((status, &answer["error"]["message"]), (400, &message));
    let (status, _) = catalog.send("POST", "/refresh", json!({"entityRef": "a:b/c", "more": 1})).await;
    assert_eq!(status, 400);
    catalog.stop().await;
}

#[tokio::test]
async fn a_read_only_catalog_refuses_to_change_locations_and_still_deletes_entities() {
    let (host, dir) = (Host::start().await, TempDir::new().unwrap());
    let catalog = catalog(&dir, &host, "  readonly: true\n").await;
    let id = "/locations/00000000-0000-0000-0000-000000000000";
    for (verb, path, body) in [
        ("POST", "/locations", url("http://h/x")),
        ("PUT", id, url("http://h/x")),
        ("DELETE", id, Value::Null),
    ] {
        let (status, answer) = catalog.send(verb, path, body).await;
        let message = json!("This operation not allowed in readonly mode");
        assert_eq!((status, &answer["error"]["message"]), (403, &message), "{verb}");
        assert_eq!(answer["error"]["name"], "NotAllowedError");
    }
    assert_eq!(catalog.get("/api/catalog/locations").await, json!([]));
    let unknown = "/entities/by-uid/00000000-0000-0000-0000-000000000000";
    assert_eq!(catalog.send("DELETE", unknown, Value::Null).await.0, 204);
    catalog.stop().await;
}

#[tokio::test]
async fn what_processing_refuses_is_listed_as_failed_until_it_is_deleted() {
    let (host, dir) = (Host::start().await, TempDir::new().unwrap());
    let catalog = catalog(&dir, &host, "").await;
    let bad = json!({"type": "full", "entities": [{"entity": {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "bad"},
        "spec": {"type": "service", "owner": "team-a"},
    }}]});
    let (status, _) =
        catalog.push("bulk/mutations?wait=visible&timeout=60", "application/json", bad.to_string()).await;
    assert_eq!(status, 200);
    let failed = catalog.get("/api/catalog/entities/unprocessed/failed").await;
    assert_eq!(failed["type"], "failed");
    assert_eq!(failed["entities"][0]["entity_ref"], "component:default/bad", "{failed}");
    assert_eq!(failed["entities"][0]["errors"][0]["name"], "InputError", "{failed}");
    for (owner, count) in [("team-a", 1), ("group:default/team-a", 1), ("team-b", 0)] {
        let failed = catalog.get(&format!("/api/catalog/entities/unprocessed/failed?owner={owner}")).await;
        assert_eq!(failed["entities"].as_array().unwrap().len(), count, "{owner}: {failed}");
        let errors = catalog.get(&format!("/api/catalog/v1/errors?owner={owner}")).await;
        assert_eq!(errors["totalItems"], count, "{owner}: {errors}");
    }
    let pending = catalog.get("/api/catalog/entities/unprocessed/pending").await;
    assert_eq!(pending, json!({"type": "pending", "entities": []}));
    let id = failed["entities"][0]["entity_id"].as_str().unwrap();
    let path = format!("/entities/unprocessed/delete/{id}");
    assert_eq!(catalog.send("DELETE", &path, Value::Null).await.0, 204);
    let failed = catalog.get("/api/catalog/entities/unprocessed/failed").await;
    assert_eq!(failed["entities"], json!([]));
    catalog.stop().await;
}
