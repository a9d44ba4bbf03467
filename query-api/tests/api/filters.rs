//! What filters and predicates find, statement by statement.

use serde_json::{Value, json};

use crate::fixture::{Answer, Fixture, component};

/// A service with title, tags and label; a website with a tag; a group.
async fn catalog() -> Fixture {
    let mut one = component("one", "service");
    one["metadata"]["title"] = "Zebra".into();
    one["metadata"]["tags"] = json!(["java", "Data"]);
    one["metadata"]["labels"] = json!({"acme.org/tier.level": "Gold", "only": null});
    one["metadata"]["annotations"] = json!({"acme.org/x.y": "1"});
    let mut two = component("two", "Website");
    two["metadata"]["tags"] = json!(["java"]);
    two["metadata"]["labels"] = json!({"acme.org/tier.level": "gold"});
    let team = json!({"apiVersion": "backstage.io/v1alpha1", "kind": "Group", "metadata": {"name": "team-a"},
                      "spec": {"type": "team", "children": []}});
    Fixture::with(&[one, two, team]).await
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|entity| entity["metadata"]["name"].as_str().unwrap()).collect()
}

async fn check_query(fixture: &Fixture, query: Value, expected: &[&str]) {
    let order = json!([{"field": "metadata.name", "order": "asc"}]);
    let body = json!({"query": query, "orderBy": order});
    let page = fixture.post("/api/catalog/entities/by-query", &body).await.json();
    assert_eq!(names(&page["items"]), expected, "{query}");
    assert_eq!(page["totalItems"], expected.len(), "{query}");
}

#[tokio::test]
async fn each_operator_of_a_predicate_finds_what_it_says() {
    let fixture = catalog().await;
    let all = ["one", "team-a", "two"];
    for (query, expected) in [
        (json!({}), &all[..]),
        (json!({"Kind": "COMPONENT"}), &["one", "two"]),
        (json!({"spec.type": "website"}), &["two"]),
        (json!({"$all": [{"kind": "component"}, {"spec.type": "service"}]}), &["one"]),
        (json!({"$all": []}), &all),
        (json!({"$any": [{"kind": "group"}, {"spec.type": "website"}]}), &["team-a", "two"]),
        (json!({"$any": []}), &[]),
        (json!({"$not": {"kind": "group"}}), &["one", "two"]),
        (json!({"$not": {}}), &[]),
        (json!({"$not": {"$all": [{"kind": "component"}, {"spec.type": "service"}]}}), &["team-a", "two"]),
        (json!({"spec.type": {"$in": ["WEBSITE", "team", "other"]}}), &["team-a", "two"]),
        (json!({"spec.type": {"$in": []}}), &[]),
        (json!({"metadata.title": {"$exists": true}}), &["one"]),
        (json!({"metadata.title": {"$exists": false}}), &["team-a", "two"]),
        (json!({"metadata.name": {"$hasPrefix": "TW"}}), &["two"]),
        (json!({"metadata.tags": {"$contains": "data"}}), &["one"]),
        (json!({"metadata.tags": {"$contains": "java"}}), &["one", "two"]),
        (json!({"relations": {"$contains": {"type": "ownedBy"}}}), &["one", "two"]),
        (
            json!({"relations": {"$contains": {"type": "ownerOf", "targetRef": "component:default/two"}}}),
            &["team-a"],
        ),
        (
            json!({"$any": [
                {"$all": [{"kind": "component"}, {"$not": {"spec.type": "service"}}]},
                {"$not": {"$any": [{"kind": "component"}, {"metadata.title": {"$exists": true}}]}},
            ]}),
            &["team-a", "two"],
        ),
    ] {
        check_query(&fixture, query, expected).await;
    }
}

#[tokio::test]
async fn a_filter_finds_what_meets_all_keys_of_one_of_its_sets() {
    let fixture = catalog().await;
    for (filter, expected) in [
        ("filter=kind=component,kind=group,spec.type=website", &["two"][..]),
        ("filter=kind=component,spec.type=service&filter=kind=group", &["one", "team-a"]),
        ("filter=metadata.title", &["one"]),
        ("filter=metadata.annotations.acme.org/x.y", &["one"]),
        ("filter=metadata.labels.acme.org/tier.level=GOLD", &["one", "two"]),
        ("filter=metadata.tags.data=true", &["one"]),
        ("filter=spec.type=", &[]),
        ("filter=,", &["one", "team-a", "two"]),
        ("filter=spec.nothing=x&filter=kind=group", &["team-a"]),
        // A percent-encoded statement is the same statement.
        ("filter=kind%3Dcomponent%2Cspec.type%3Dservice", &["one"]),
        ("filter=kind%3dgroup&filter=spec%2Etype=website", &["team-a", "two"]),
    ] {
        let list = fixture.get(&format!("/api/catalog/entities?{filter}")).await.json();
        let mut found = names(&list);
        found.sort_unstable();
        assert_eq!(found, expected, "{filter}");
    }
}

#[tokio::test]
async fn a_filter_and_a_predicate_are_both_met() {
    let fixture = catalog().await;
    let refs = json!({"entityRefs": ["component:default/one", "component:default/two", "group:default/team-a"],
                      "query": {"metadata.tags": {"$contains": "java"}}, "fields": ["metadata.name"]});
    let items = fixture.post("/api/catalog/entities/by-refs?filter=spec.type=website", &refs).await.json();
    assert_eq!(items, json!({"items": [null, {"metadata": {"name": "two"}}, null]}));
}

async fn facet(fixture: &Fixture, query: &str) -> Value {
    fixture.get(&format!("/api/catalog/entity-facets?{query}")).await.json()["facets"].clone()
}

#[tokio::test]
async fn facets_count_each_value_of_any_key() {
    let fixture = catalog().await;
    let value = |value: &str, count: u64| json!({"value": value, "count": count});
    // Casing is told apart, `null` is no value, and keys may have dots and slashes.
    let found = facet(&fixture, "facet=metadata.labels.acme.org/tier.level&facet=metadata.labels.only").await;
    let expected = json!({"metadata.labels.acme.org/tier.level": [value("Gold", 1), value("gold", 1)],
                          "metadata.labels.only": []});
    assert_eq!(found, expected);
    let found = facet(&fixture, "facet=metadata.tags&facet=metadata.annotations.acme.org/x.y").await;
    let expected = json!({"metadata.tags": [value("Data", 1), value("java", 2)],
                          "metadata.annotations.acme.org/x.y": [value("1", 1)]});
    assert_eq!(found, expected);
    let found = facet(&fixture, "facet=spec.type&filter=kind=component").await;
    assert_eq!(found, json!({"spec.type": [value("Website", 1), value("service", 1)]}));
}

#[tokio::test]
async fn what_is_not_there_says_what_was_looked_for() {
    let fixture = catalog().await;
    let message = |answer: Answer| {
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        (answer.status.as_u16(), message)
    };
    for (path, expected) in [
        ("by-uid/no-such-uid", "No entity with uid no-such-uid"),
        (
            "by-name/Component/Default/None",
            "No entity named 'None' found, with kind 'Component' in namespace 'Default'",
        ),
        ("by-name/Component/default/none/ancestry", "No such entity component:default/none"),
    ] {
        let answer = fixture.get(&format!("/api/catalog/entities/{path}")).await;
        assert_eq!(message(answer), (404, expected.to_owned()));
    }
    let answer = fixture.get("/api/catalog/entity-facets?filter=kind=group").await;
    assert_eq!(answer.status.as_u16(), 400);
}

#[tokio::test]
async fn parameters_out_of_range_are_refused_in_backstages_words() {
    let fixture = catalog().await;
    for (query, status) in [
        ("entities?limit=0", 400),
        ("entities?limit=-1", 400),
        ("entities?limit=asdf", 400),
        ("entities?offset=-1", 400),
        ("entities?after=", 400),
        ("entities?order=foo", 400),
        ("entities?order=up:kind", 400),
        ("entities?bogus=1", 400),
        ("entities?filter=", 400),
        ("entities?filter==x", 400),
        ("entities/by-query?totalItems=foo", 400),
        ("entities/by-query?orderField=kind,up", 400),
        ("entities/by-query?cursor=badcursor", 400),
        ("entities/by-query?cursor=eyJiYWQiOiJjdXJzb3IifQ==", 400),
        ("entities/by-query?fields=metadata.tags%5B0%5D", 400),
        ("entities/by-query?limit=0", 200),
    ] {
        let answer = fixture.get(&format!("/api/catalog/{query}")).await;
        assert_eq!(answer.status.as_u16(), status, "{query}: {}", answer.text);
        if query.contains("cursor=") {
            assert!(answer.text.contains("Malformed cursor"), "{}", answer.text);
        }
        if query.contains("limit=asdf") {
            assert!(answer.text.contains("request/query/limit must be integer"), "{}", answer.text);
        }
    }
}
