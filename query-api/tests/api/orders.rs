//! Orders and pages: what comes first, and that every page leads to the next.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::fixture::{Fixture, component};

const PATH: &str = "/api/catalog/entities/by-query";

/// Components with these names and titles; a title may be missing.
async fn titled(entities: &[(&str, Option<&str>)]) -> Fixture {
    let entity = |(name, title): &(&str, Option<&str>)| {
        let mut entity = component(name, "service");
        if let Some(title) = title {
            entity["metadata"]["title"] = (*title).into();
        }
        entity
    };
    Fixture::with(&entities.iter().map(entity).collect::<Vec<_>>()).await
}

fn names(list: &Value) -> Vec<String> {
    let name = |entity: &Value| entity["metadata"]["name"].as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(name).collect()
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// All pages of a query to the end with this limit, then back to the beginning with another.
async fn there_and_back(fixture: &Fixture, query: &str, limits: [usize; 2]) -> [Vec<String>; 2] {
    let mut page = fixture.get(&format!("{PATH}?limit={}&{query}", limits[0])).await.json();
    let total = page["totalItems"].clone();
    assert_eq!(page["pageInfo"].get("prevCursor"), None, "nothing comes before the first page");
    let (mut there, mut back) = (names(&page["items"]), Vec::new());
    for (cursor, limit) in [("nextCursor", limits[0]), ("prevCursor", limits[1])] {
        while let Some(next) = page["pageInfo"][cursor].as_str() {
            page = fixture.get(&format!("{PATH}?limit={limit}&cursor={}", encoded(next))).await.json();
            assert_eq!(page["totalItems"], total);
            match cursor {
                "nextCursor" => there.extend(names(&page["items"])),
                _ => back.insert(0, names(&page["items"])),
            }
        }
        let stays = if cursor == "nextCursor" { "prevCursor" } else { "nextCursor" };
        assert!(page["pageInfo"].get(stays).is_some(), "the last page leads back");
    }
    [there, back.concat()]
}

#[tokio::test]
async fn the_list_is_by_ref_or_by_several_orders_and_what_lacks_a_field_comes_last() {
    let fixture = titled(&[("d", Some("b")), ("b", None), ("c", Some("A")), ("a", Some("B"))]).await;
    for (order, expected) in [
        ("limit=9", ["a", "b", "c", "d"]),
        ("order=asc:metadata.title&order=asc:metadata.name", ["c", "a", "d", "b"]),
        ("order=asc:metadata.title&order=desc:metadata.name", ["c", "d", "a", "b"]),
        ("order=desc:metadata.title&order=asc:metadata.name", ["a", "d", "c", "b"]),
        ("order=desc:Metadata.Title&order=desc:metadata.name&limit=9", ["d", "a", "c", "b"]),
    ] {
        let list = fixture.get(&format!("/api/catalog/entities?{order}")).await.json();
        assert_eq!(names(&list), expected, "{order}");
    }
}

#[tokio::test]
async fn each_page_of_the_list_links_to_the_next_until_every_entity_was_met_once() {
    let fixture = titled(&[("a", None), ("b", None), ("c", None), ("d", None), ("e", None)]).await;
    let (mut met, mut next) =
        (Vec::new(), Some("/entities?limit=2&offset=1&filter=kind=component".to_owned()));
    while let Some(path) = next {
        let page = fixture.get(&format!("/api/catalog{path}")).await;
        met.push(names(&page.json()));
        next = page.header("link").map(|link| {
            assert!(link.contains("rel=\"next\"") && link.contains("after="), "{link}");
            link.trim_start_matches('<').split('>').next().unwrap().to_owned()
        });
    }
    assert_eq!(met, [vec!["b", "c"], vec!["d", "e"]]);
}

#[tokio::test]
async fn pages_without_an_order_are_by_uid_both_ways() {
    let fixture = titled(&[("a", None), ("b", None), ("c", None), ("d", None), ("e", None)]).await;
    let whole = fixture.get(PATH).await.json();
    assert_eq!((&whole["totalItems"], &whole["pageInfo"]), (&json!(5), &json!({})));
    let uids: Vec<_> = whole["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["uid"].as_str().unwrap())
        .collect();
    assert!(uids.is_sorted(), "{uids:?}");
    let all = names(&whole["items"]);
    let [there, back] = there_and_back(&fixture, "filter=kind=component", [2, 2]).await;
    assert_eq!((there, back), (all.clone(), all[..4].to_vec()));
}

#[tokio::test]
async fn equal_values_are_paged_without_loss_or_repetition_and_the_size_of_pages_may_change() {
    let equal = Some("Same");
    let fixture =
        titled(&[("a", equal), ("b", Some("same")), ("c", equal), ("d", equal), ("e", Some("Other"))]).await;
    for direction in ["asc", "desc"] {
        let query = format!("orderField=metadata.title,{direction}");
        let [there, back] = there_and_back(&fixture, &query, [2, 3]).await;
        let mut sorted = there.clone();
        sorted.sort();
        assert_eq!(sorted, ["a", "b", "c", "d", "e"], "{query}");
        assert_eq!(back, there[..back.len()], "{query}");
        assert_eq!(back.len(), 4, "all but the last page");
    }
}

#[tokio::test]
async fn what_lacks_the_first_order_field_is_on_no_page_and_further_fields_do_not_count() {
    let fixture = titled(&[("d", Some("1")), ("b", None), ("c", Some("2")), ("a", Some("3"))]).await;
    let page =
        fixture.get(&format!("{PATH}?orderField=metadata.title&orderField=metadata.name")).await.json();
    assert_eq!(
        (names(&page["items"]), &page["totalItems"]),
        (vec!["d".into(), "c".into(), "a".into()], &json!(3))
    );
    let encoded =
        fixture.get(&format!("{PATH}?orderField=metadata.title%2Cdesc&filter=kind%3Dcomponent")).await;
    assert_eq!(names(&encoded.json()["items"]), ["a", "c", "d"]);
    let filtered =
        fixture.get(&format!("{PATH}?orderField=metadata.title&filter=metadata.name=a")).await.json();
    assert_eq!((names(&filtered["items"]), &filtered["totalItems"]), (vec!["a".into()], &json!(1)));
}

#[tokio::test]
async fn an_offset_counts_on_the_first_page_and_a_cursor_leaves_only_fields_and_limit() {
    let fixture = titled(&[("a", None), ("b", None), ("c", None), ("d", None), ("e", None)]).await;
    let first = fixture.get(&format!("{PATH}?offset=1&limit=1&orderField=metadata.name")).await.json();
    assert_eq!(names(&first["items"]), ["b"]);
    let cursor = encoded(first["pageInfo"]["nextCursor"].as_str().unwrap());
    let ignored =
        "offset=3&filter=kind=group&orderField=metadata.name,desc&fullTextFilterTerm=x&totalItems=exclude";
    let next =
        fixture.get(&format!("{PATH}?cursor={cursor}&{ignored}&limit=2&fields=metadata.name")).await.json();
    let named = |name: &str| json!({"metadata": {"name": name}});
    assert_eq!((&next["items"], &next["totalItems"]), (&json!([named("c"), named("d")]), &json!(5)));
}

#[tokio::test]
async fn a_text_is_trimmed_and_found_in_the_order_field_or_in_one_of_several_both_ways() {
    let fixture =
        titled(&[("oak", Some("Alder")), ("alder", None), ("elm", Some("Balder")), ("ash", Some("x"))]).await;
    let found = fixture.get(&format!("{PATH}?fullTextFilterTerm=%20ALD%20&orderField=metadata.title")).await;
    assert_eq!(names(&found.json()["items"]), ["oak", "elm"]);
    let either = "fullTextFilterTerm=alder&fullTextFilterFields=metadata.name,metadata.title";
    let ordered = there_and_back(&fixture, &format!("{either}&orderField=metadata.name,desc"), [1, 1]).await;
    assert_eq!(ordered, [vec!["oak", "elm", "alder"], vec!["oak", "elm"]]);
    let [mut there, back] = there_and_back(&fixture, either, [1, 1]).await;
    assert_eq!(back, there[..2], "by uid");
    there.sort();
    assert_eq!(there, ["alder", "elm", "oak"]);
}

/// The sample of a cursor after the first page of three hits.
#[tokio::test]
async fn a_cursor_has_the_members_of_backstages() {
    let fixture = titled(&[("alpha", None), ("beta", None), ("gamma", None)]).await;
    let query = "filter=kind=component&orderField=metadata.name,asc";
    let first = fixture.get(&format!("{PATH}?limit=2&{query}")).await.json();
    let decoded = |page: &Value, cursor: &str| -> Value {
        let text = page["pageInfo"][cursor].as_str().unwrap();
        serde_json::from_slice(&STANDARD.decode(text).unwrap()).unwrap()
    };
    let uid = |page: &Value, position: usize| page["items"][position]["metadata"]["uid"].clone();
    let expected = json!({
        "orderFields": [{"field": "metadata.name", "order": "asc"}],
        "isPrevious": false,
        "query": {"kind": "component"},
        "fullTextFilter": {"term": ""},
        "orderFieldValues": ["beta", uid(&first, 1)],
        "firstSortFieldValues": ["alpha", uid(&first, 0)],
        "totalItems": 3,
    });
    assert_eq!(decoded(&first, "nextCursor"), expected);
    let next = encoded(first["pageInfo"]["nextCursor"].as_str().unwrap());
    let second = fixture.get(&format!("{PATH}?limit=2&cursor={next}")).await.json();
    assert_eq!(names(&second["items"]), ["gamma"]);
    assert_eq!(second["pageInfo"].get("nextCursor"), None);
    let back = decoded(&second, "prevCursor");
    assert_eq!(back["isPrevious"], true);
    assert_eq!(back["orderFieldValues"], json!(["gamma", uid(&second, 0)]));
    let back = encoded(second["pageInfo"]["prevCursor"].as_str().unwrap());
    let again = fixture.get(&format!("{PATH}?limit=2&cursor={back}")).await.json();
    assert_eq!(again["items"], first["items"]);
    assert_eq!(again["pageInfo"].get("prevCursor"), None);
    assert!(again["pageInfo"].get("nextCursor").is_some());
}
