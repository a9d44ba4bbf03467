//! The catalog requests of Backstage's standard frontend, each answered as the frontend needs it.
//! The list is the last section of `spec/07`.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Catalog, Launch, component as descriptor, eventually, serve_files, write};

const PATIENCE: Duration = Duration::from_secs(60);
const JSON: &str = "application/json";

fn entity(kind: &str, name: &str, spec: Value) -> Value {
    json!({"entity": {
        "apiVersion": "backstage.io/v1alpha1", "kind": kind,
        "metadata": {"name": name, "title": format!("The {name}"), "tags": ["java"]}, "spec": spec,
    }})
}

/// Thirty components of two types and two owners, a system, an API, a group and two of its members.
async fn portal(dir: &TempDir) -> Catalog {
    let config = dir.path().join("app-config.yaml");
    let rules = "catalog:\n  locations: []\n";
    write(&config, rules);
    let catalog = Launch::up(dir.path()).arg("--config").arg(config).start().await;
    let mut added: Vec<_> = (0..30).map(component).collect();
    added.push(entity(
        "Group",
        "team-a",
        json!({"type": "team", "children": [], "profile": {"displayName": "Team A"}}),
    ));
    added.push(entity("Group", "team-b", json!({"type": "team", "children": []})));
    added.push(entity("User", "ada", json!({"memberOf": ["team-a"], "profile": {"displayName": "Ada L."}})));
    added.push(entity("User", "bob", json!({"memberOf": ["team-b"]})));
    added.push(entity("System", "shop", json!({"owner": "team-a"})));
    let mutation = json!({"type": "full", "entities": added});
    let (status, outcome) = catalog.push("portal/mutations?wait=visible", JSON, mutation.to_string()).await;
    assert_eq!(status, 200, "{outcome}");
    catalog
}

fn component(number: usize) -> Value {
    let (kind, owner) = if number.is_multiple_of(3) { ("website", "team-b") } else { ("service", "team-a") };
    let spec = json!({"type": kind, "lifecycle": "production", "owner": owner, "system": "shop"});
    entity("Component", &format!("c{number:02}"), spec)
}

async fn get(catalog: &Catalog, path: &str) -> Value {
    catalog.get(&format!("/api/catalog{path}")).await
}

fn names(items: &Value) -> Vec<&str> {
    items.as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_standard_frontend_gets_what_it_asks_for() {
    let dir = TempDir::new().unwrap();
    let catalog = portal(&dir).await;
    the_index_is_paged_and_counted(&catalog).await;
    pickers_filter_by_their_keys(&catalog).await;
    facets_keep_their_casing(&catalog).await;
    the_owner_picker_searches(&catalog).await;
    an_entity_page_finds_everything_it_shows(&catalog).await;
    groups_find_members_and_what_they_own(&catalog).await;
    what_is_unregistered_is_found_by_its_origin(&catalog).await;
    catalog.stop().await;
}

/// The page and, beside it, the total: the same filter with a limit of nothing.
async fn the_index_is_paged_and_counted(catalog: &Catalog) {
    let filter = "filter=kind=component,spec.type=service&orderField=metadata.name,asc";
    let first = get(catalog, &format!("/entities/by-query?limit=8&{filter}&totalItems=exclude")).await;
    assert_eq!((names(&first["items"]).len(), &first["totalItems"]), (8, &json!(0)));
    let count = get(catalog, &format!("/entities/by-query?limit=0&{filter}")).await;
    assert_eq!(
        (&count["totalItems"], &count["items"], &count["pageInfo"]),
        (&json!(20), &json!([]), &json!({}))
    );
    let cursor = first["pageInfo"]["nextCursor"].as_str().unwrap().replace('=', "%3D").replace('+', "%2B");
    let second = get(catalog, &format!("/entities/by-query?limit=8&cursor={cursor}")).await;
    assert_eq!(names(&second["items"]).first(), Some(&"c13"));
    let by_offset = get(catalog, &format!("/entities/by-query?limit=8&offset=8&{filter}")).await;
    assert_eq!(names(&by_offset["items"]), names(&second["items"]));
    // A bookmark of another version.
    let stale = get(catalog, "/entities/by-query?cursor=eyJhIjoxfQ%3D%3D").await;
    assert_eq!(stale["response"]["statusCode"], 400);
    let all = get(catalog, "/entities?filter=kind=component&order=asc:metadata.name").await;
    assert_eq!(names(&all).len(), 30);
}

async fn pickers_filter_by_their_keys(catalog: &Catalog) {
    for (filter, expected) in [
        ("kind=component,spec.type=service,spec.type=website", 30),
        ("kind=component,metadata.tags=java", 30),
        ("kind=component,relations.ownedBy=group:default/team-b", 10),
        ("kind=component,spec.lifecycle=production,metadata.namespace=default", 30),
        ("kind=component,metadata.name=c01,metadata.name=c02", 2),
        ("metadata.annotations.backstage.io/orphan=true", 0),
    ] {
        let count = get(catalog, &format!("/entities/by-query?limit=0&filter={filter}")).await;
        assert_eq!(count["totalItems"], expected, "{filter}");
    }
    let fields = "metadata.name,metadata.title,spec.profile.displayName,spec.target,spec.targets";
    let found = format!(
        "/entities/by-query?limit=20&filter=kind=user&fullTextFilterTerm=ADA&fullTextFilterFields={fields}"
    );
    assert_eq!(names(&get(catalog, &found).await["items"]), ["ada"]);
}

async fn facets_keep_their_casing(catalog: &Catalog) {
    let kinds = get(catalog, "/entity-facets?facet=kind").await;
    let values: Vec<_> =
        kinds["facets"]["kind"].as_array().unwrap().iter().map(|kind| kind["value"].clone()).collect();
    assert_eq!(values, ["Component", "Group", "System", "User"]);
    let types = get(catalog, "/entity-facets?facet=spec.type&filter=kind=component").await;
    assert_eq!(
        types["facets"]["spec.type"],
        json!([{"value": "service", "count": 20}, {"value": "website", "count": 10}])
    );
    let owners =
        get(catalog, "/entity-facets?facet=relations.ownedBy&filter=kind=component,spec.type=website").await;
    assert_eq!(
        owners["facets"]["relations.ownedBy"],
        json!([{"value": "group:default/team-b", "count": 10}])
    );
}

async fn the_owner_picker_searches(catalog: &Catalog) {
    let filter = "filter=kind=User,kind=Group&orderField=metadata.name,asc";
    let fields = "metadata.name,kind,spec.profile.displayname,metadata.title";
    let path =
        format!("/entities/by-query?limit=1&{filter}&fullTextFilterTerm=team&fullTextFilterFields={fields}");
    let first = get(catalog, &path).await;
    assert_eq!(names(&first["items"]), ["team-a"]);
    let cursor = first["pageInfo"]["nextCursor"].as_str().unwrap().replace('=', "%3D").replace('+', "%2B");
    let second = get(catalog, &format!("/entities/by-query?limit=1&cursor={cursor}")).await;
    assert_eq!(names(&second["items"]), ["team-b"]);
}

async fn an_entity_page_finds_everything_it_shows(catalog: &Catalog) {
    let entity = get(catalog, "/entities/by-name/component/default/c01").await;
    let mut refs: Vec<_> = entity["relations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|relation| relation["targetRef"].clone())
        .collect();
    assert_eq!(refs, [json!("group:default/team-a"), json!("system:default/shop")]);
    refs.push(json!("group:default/nobody"));
    let fields = json!([
        "kind",
        "metadata.name",
        "metadata.namespace",
        "metadata.title",
        "metadata.description",
        "spec.profile.displayName",
        "spec.type"
    ]);
    let asked = json!({"entityRefs": refs, "fields": fields});
    let (_, found) = catalog.send("POST", "/entities/by-refs", asked).await;
    let expected = json!([
        {"kind": "Group", "metadata": {"name": "team-a", "namespace": "default", "title": "The team-a"},
         "spec": {"profile": {"displayName": "Team A"}, "type": "team"}},
        {"kind": "System", "metadata": {"name": "shop", "namespace": "default", "title": "The shop"}},
        null,
    ]);
    assert_eq!(found["items"], expected);
    let ancestry = get(catalog, "/entities/by-name/component/default/c01/ancestry").await;
    assert_eq!(ancestry["rootEntityRef"], "component:default/c01");
    assert_eq!(ancestry["items"][0]["entity"]["metadata"]["uid"], entity["metadata"]["uid"]);
}

async fn groups_find_members_and_what_they_own(catalog: &Catalog) {
    let members = get(catalog, "/entities?filter=kind=User,relations.memberof=group:default/team-a").await;
    assert_eq!(names(&members), ["ada"]);
    let fields = "fields=kind,metadata.name,metadata.namespace,spec.type,relations";
    let owners = "relations.ownedBy=group:default/team-a,relations.ownedBy=user:default/ada";
    let owned = get(catalog, &format!("/entities?filter=kind=Component,kind=System,{owners}&{fields}")).await;
    assert_eq!(names(&owned).len(), 21);
    assert!(owned.as_array().unwrap().iter().all(|entity| entity["relations"].is_array()));
}

async fn what_is_unregistered_is_found_by_its_origin(catalog: &Catalog) {
    let entity = get(catalog, "/entities/by-name/component/default/c01").await;
    let origin =
        entity["metadata"]["annotations"]["backstage.io/managed-by-origin-location"].as_str().unwrap();
    let filter = format!("metadata.annotations.backstage.io/managed-by-origin-location={origin}");
    let fields = "kind,metadata.uid,metadata.name,metadata.namespace";
    let found = get(catalog, &format!("/entities?filter={filter}&fields={fields}")).await;
    assert_eq!(found.as_array().unwrap().len(), 35);
    assert!(found.as_array().unwrap().iter().all(|entity| entity["metadata"]["uid"].is_string()));
}

#[tokio::test]
async fn the_standard_frontend_registers_and_unregisters() {
    let dir = TempDir::new().unwrap();
    let files = dir.path().join("files");
    let file = files.join("acme/shop/catalog-info.yaml");
    write(&file, &descriptor("shop", "before"));
    let host = serve_files(&files).await;
    let config = dir.path().join("app-config.yaml");
    let allow = format!("backend:\n  reading:\n    allow:\n      - host: {host}\n");
    write(&config, &format!("{allow}catalog:\n  processingInterval: false\n  locations: []\n"));
    let catalog = Launch::up(dir.path()).arg("--config").arg(config).start().await;
    let place = json!({"type": "url", "target": format!("http://{host}/acme/shop/catalog-info.yaml")});
    what_is_to_come_is_shown_first(&catalog, &host, &place).await;
    let (status, created) = catalog.send("POST", "/locations", place.clone()).await;
    assert_eq!((status, &created["location"]["target"]), (201, &place["target"]), "{created}");
    the_description_becomes(&catalog, "before").await;
    write(&file, &descriptor("shop", "after"));
    let (status, _) = catalog.send("POST", "/refresh", json!({"entityRef": "component:default/shop"})).await;
    assert_eq!(status, 200);
    the_description_becomes(&catalog, "after").await;
    it_is_unregistered_with_all_that_came_of_it(&catalog, &place).await;
    catalog.stop().await;
}

/// The pages of an import: what the repository has, what the file would bring, and a check in an editor.
async fn what_is_to_come_is_shown_first(catalog: &Catalog, host: &str, place: &Value) {
    let repository = json!({"location": {"type": "url", "target": format!("http://{host}/acme/shop")}});
    let (status, analyzed) = catalog.send("POST", "/analyze-location", repository).await;
    assert_eq!((status, &analyzed["existingEntityFiles"]), (200, &json!([])), "{analyzed}");
    assert_eq!(analyzed["generateEntities"][0]["entity"]["kind"], "Component");
    let (status, dry) = catalog.send("POST", "/locations?dryRun=true", place.clone()).await;
    assert_eq!((status, &dry["exists"]), (201, &json!(false)), "{dry}");
    assert_eq!(names(&dry["entities"]).last(), Some(&"shop"));
    assert_eq!(get(catalog, "/locations").await, json!([]), "nothing was stored");
    let mut entity = entity("Component", "shop", json!({"type": "service", "lifecycle": "x", "owner": "a"}));
    let origin = format!("url:{}", place["target"].as_str().unwrap());
    entity["location"] = origin.into();
    assert_eq!(catalog.send("POST", "/validate-entity", entity.clone()).await, (200, Value::Null));
    entity["entity"]["spec"].as_object_mut().unwrap().remove("owner");
    let (status, wrong) = catalog.send("POST", "/validate-entity", entity).await;
    assert_eq!(status, 400);
    let message = wrong["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("must have required property 'owner'"), "{message}");
}

async fn the_description_becomes(catalog: &Catalog, wanted: &str) {
    let look = || catalog.entity("component", "shop");
    let is_wanted = |entity: &Option<Value>| {
        entity.as_ref().is_some_and(|entity| entity["metadata"]["description"] == wanted)
    };
    eventually(wanted, PATIENCE, look, is_wanted).await;
}

/// The dialog finds the location among all, tells what goes with it, and deletes it.
async fn it_is_unregistered_with_all_that_came_of_it(catalog: &Catalog, place: &Value) {
    let locations = get(catalog, "/locations").await;
    let found = locations.as_array().unwrap().iter().map(|item| &item["data"]);
    let found: Vec<_> =
        found.filter(|it| (&it["type"], &it["target"]) == (&place["type"], &place["target"])).collect();
    let [location] = found[..] else { panic!("one location is registered: {locations}") };
    let filter = "metadata.annotations.backstage.io/managed-by-origin-location";
    let origin = place["target"].as_str().unwrap();
    let fields = "kind,metadata.uid,metadata.name,metadata.namespace";
    let colocated = format!("/entities?filter={filter}=url:{origin}&fields={fields}");
    let going = get(catalog, &colocated).await;
    assert_eq!(going.as_array().unwrap().len(), 2, "the Location and what it lists: {going}");
    let path = format!("/locations/{}", location["id"].as_str().unwrap());
    assert_eq!(catalog.send("DELETE", &path, Value::Null).await, (204, Value::Null));
    let look = || get(catalog, &colocated);
    eventually("an empty catalog", PATIENCE, look, |left| *left == json!([])).await;
    // Somebody else was faster: what is gone already is no error.
    let uid = going[0]["metadata"]["uid"].as_str().unwrap();
    let path = format!("/entities/by-uid/{uid}");
    assert_eq!(catalog.send("DELETE", &path, Value::Null).await, (204, Value::Null));
}

#[tokio::test]
async fn pages_of_other_machines_change_nothing_while_nobody_needs_a_token() {
    let dir = TempDir::new().unwrap();
    write(&dir.path().join("app-config.yaml"), "catalog:\n  locations: []\n");
    let catalog =
        Launch::up(dir.path()).arg("--config").arg(dir.path().join("app-config.yaml")).start().await;
    let page = |origin: &'static str| {
        let url = format!("{}/api/ingest/v1/providers/hr/mutations?allowEmpty=true", catalog.url);
        let request = reqwest::Client::new().post(url).header("origin", origin).header("content-type", JSON);
        async move { request.body(r#"{"type":"full","entities":[]}"#).send().await.unwrap() }
    };
    let refused = page("https://evil.example").await;
    assert_eq!(refused.status(), 403);
    let text = refused.text().await.unwrap();
    assert!(text.contains("backend.cors.origin"), "{text}");
    assert_eq!(page("http://localhost:3000").await.status(), 202);
}
