//! Single entities, lists, facets.

use axum::{body::Body, http::Request};
use backstitch_schemas::{EntityRef, Listing};
use serde_json::{Value, json};

use crate::fixture::{Fixture, component};

async fn three() -> Fixture {
    let group = json!({"apiVersion": "backstage.io/v1alpha1", "kind": "Group",
                       "metadata": {"name": "team-a", "title": "Team A"}, "spec": {"type": "team", "children": []}});
    Fixture::with(&[component("Alpha", "service"), component("beta", "Website"), group]).await
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|entity| entity["metadata"]["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_entity_is_found_by_name_in_any_case_with_etag_uid_and_relations() {
    let fixture = three().await;
    let answer = fixture.get("/API/Catalog/entities/By-Name/Component/Default/ALPHA/").await;
    let entity = answer.json();
    assert_eq!(entity["metadata"]["name"], "Alpha");
    assert_eq!(entity["metadata"]["etag"].as_str().unwrap().len(), 40);
    assert_eq!(entity["relations"], json!([{"type": "ownedBy", "targetRef": "group:default/team-a"}]));
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));

    let uid = entity["metadata"]["uid"].as_str().unwrap();
    let by_uid = fixture.get(&format!("/api/catalog/entities/by-uid/{}", uid.to_uppercase())).await;
    assert_eq!(by_uid.json(), entity);
    let group = fixture.get("/api/catalog/entities/by-name/group/default/team-a").await.json();
    let expected = json!([{"type": "ownerOf", "targetRef": "component:default/alpha"},
                          {"type": "ownerOf", "targetRef": "component:default/beta"}]);
    assert_eq!(group["relations"], expected);
}

#[tokio::test]
async fn an_answer_that_the_client_has_is_not_sent_again() {
    let fixture = three().await;
    let path = "/api/catalog/entity-facets?facet=kind";
    let first = fixture.get(path).await;
    let tag = first.header("etag").unwrap();
    let again =
        fixture.send(Request::get(path).header("if-none-match", tag).body(Body::empty()).unwrap()).await;
    assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""));
    assert_eq!(again.header("etag"), Some(tag));
    for answer in [&first, &again] {
        assert!(answer.header("vary").is_some_and(|name| name.eq_ignore_ascii_case("accept-encoding")));
    }
    let head = fixture.send(Request::head(path).body(Body::empty()).unwrap()).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_ask() {
    let fixture = three().await;
    let request = Request::get("/api/catalog/entities").header("accept-encoding", "gzip");
    let answer = fixture.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
}

#[tokio::test]
async fn the_list_is_filtered_ordered_projected_and_paged() {
    let fixture = three().await;
    let list = fixture.get("/api/catalog/entities?filter=kind=component&order=desc:metadata.name").await;
    assert_eq!(names(&list.json()), ["beta", "Alpha"]);
    let list =
        fixture.get("/api/catalog/entities?order=asc:metadata.title&fields=metadata.name").await.json();
    assert_eq!(list.as_array().unwrap().len(), 3, "entities without the field are not left out");
    assert_eq!(list[0], json!({"metadata": {"name": "team-a"}}));

    let page = fixture.get("/api/catalog/entities?limit=2").await;
    assert_eq!(names(&page.json()), ["Alpha", "beta"]);
    let link = page.header("link").unwrap();
    let next = link.trim_start_matches('<').split('>').next().unwrap();
    let page = fixture.get(&format!("/api/catalog{next}")).await;
    assert_eq!(names(&page.json()), ["team-a"]);
    assert_eq!(page.header("link"), None);
    assert_eq!(fixture.get("/api/catalog/entities?filter=kind=nothing").await.text, "[]");
}

#[tokio::test]
async fn a_long_list_is_streamed_and_whole() {
    let many: Vec<_> = (0..2_000).map(|number| component(&format!("c{number}"), "service")).collect();
    let fixture = Fixture::with(&many).await;
    let answer = fixture.get("/api/catalog/entities?filter=kind=component").await;
    assert_eq!(answer.json().as_array().unwrap().len(), 2_000);
    assert_eq!((answer.header("etag"), answer.header("content-length")), (None, None));
}

#[tokio::test]
async fn refs_are_answered_in_order_with_nulls() {
    let fixture = three().await;
    let refs = json!({"entityRefs": ["component:default/beta", "component:default/nope", "Component:default/Alpha", "alpha"],
                      "fields": ["metadata.name"]});
    let items = fixture.post("/api/catalog/entities/by-refs", &refs).await.json();
    let expected =
        json!({"items": [{"metadata": {"name": "beta"}}, null, {"metadata": {"name": "Alpha"}}, null]});
    assert_eq!(items, expected);
    let items = fixture.post("/api/catalog/entities/by-refs?filter=spec.type=website", &refs).await.json();
    assert_eq!(items["items"][2], Value::Null);
    let query =
        json!({"entityRefs": ["component:default/alpha"], "query": {"$not": {"spec.type": "service"}}});
    let items = fixture.post("/api/catalog/entities/by-refs", &query).await.json();
    assert_eq!(items, json!({"items": [null]}));
}

#[tokio::test]
async fn facets_keep_the_case_of_values_and_of_the_request() {
    let fixture = three().await;
    let facets = fixture.get("/api/catalog/entity-facets?facet=Kind&facet=spec.nope").await.json();
    let expected = json!({"facets": {
        "Kind": [{"value": "Component", "count": 2}, {"value": "Group", "count": 1}], "spec.nope": []}});
    assert_eq!(facets, expected);
    let query = json!({"facets": ["relations.ownedBy"], "query": {"kind": "component"}});
    let facets = fixture.post("/api/catalog/entity-facets", &query).await.json();
    assert_eq!(
        facets,
        json!({"facets": {"relations.ownedBy": [{"value": "group:default/team-a", "count": 2}]}})
    );
}

#[tokio::test]
async fn the_parent_of_an_entity_is_the_location_that_lists_it() {
    let location = json!({"apiVersion": "backstage.io/v1alpha1", "kind": "Location",
                          "metadata": {"name": "root"}, "spec": {"targets": ["./a.yaml"]}});
    let mut fixture = Fixture::with(&[location]).await;
    let location = EntityRef::new("location", None, "root");
    let listing = Listing { location, document: "".into(), listed: "file:/a.yaml".into() };
    fixture.add_listed(&[component("a", "service")], Some(listing)).await;
    let ancestry = fixture.get("/api/catalog/entities/by-name/component/default/a/ancestry").await.json();
    assert_eq!(ancestry["rootEntityRef"], "component:default/a");
    assert_eq!(ancestry["items"][0]["parentEntityRefs"], json!(["location:default/root"]));
    assert_eq!(ancestry["items"][1]["entity"]["kind"], "Location");
    assert_eq!(ancestry["items"][1]["parentEntityRefs"], json!([]));
}
