//! Providers outside the process.

use std::time::Duration;

use backstitch_benches::Workload;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Catalog, Launch, eventually, write};

const NDJSON: &str = "application/x-ndjson";
const JSON: &str = "application/json";

async fn empty_catalog(dir: &TempDir) -> Catalog {
    let config = dir.path().join("app-config.yaml");
    write(&config, "catalog:\n  locations: []\n");
    Launch::up(dir.path()).arg("--config").arg(config).start().await
}

fn entity(name: &str, owner: &str) -> Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": name},
        "spec": {"type": "service", "lifecycle": "production", "owner": owner},
    })
}

async fn count(catalog: &Catalog, kind: &str) -> i64 {
    let path = format!("/api/catalog/entities/by-query?limit=0&filter=kind={kind}");
    catalog.get(&path).await["totalItems"].as_i64().unwrap()
}

#[tokio::test]
async fn ten_thousand_entities_are_visible_when_the_push_returns_and_a_second_push_changes_nothing() {
    let dir = TempDir::new().unwrap();
    let catalog = empty_catalog(&dir).await;
    let workload = Workload::plain(10_000);
    let path = "bulk/mutations?wait=visible&timeout=110";
    let (status, outcome) = catalog.push(path, NDJSON, workload.to_ndjson()).await;
    assert_eq!(
        (status, &outcome["accepted"], &outcome["changed"]),
        (200, &json!(10_000), &json!(10_000)),
        "{outcome}"
    );
    let expected = [
        ("component", 4_580),
        ("user", 2_000),
        ("api", 1_500),
        ("resource", 1_200),
        ("system", 400),
        ("group", 300),
        ("domain", 20),
    ];
    for (kind, number) in expected {
        assert_eq!(count(&catalog, kind).await, number, "{kind}");
    }
    relations_agree_in_both_directions(&catalog, &workload).await;

    let before = catalog.settled().await["revision"].clone();
    let (status, outcome) = catalog.push(path, NDJSON, workload.to_ndjson()).await;
    assert_eq!(
        (status, &outcome["changed"], &outcome["unchanged"]),
        (200, &json!(0), &json!(10_000)),
        "{outcome}"
    );
    assert_eq!(catalog.settled().await["revision"], before);
    catalog.stop().await;
}

/// Every relation of a sample is shown by the other end too, under the opposite name.
async fn relations_agree_in_both_directions(catalog: &Catalog, workload: &Workload) {
    let opposite = |kind: &str| match kind {
        "ownedBy" => "ownerOf",
        "partOf" => "hasPart",
        "dependsOn" => "dependencyOf",
        "dependencyOf" => "dependsOn",
        "consumesApi" => "apiConsumedBy",
        "providesApi" => "apiProvidedBy",
        "hasPart" => "partOf",
        other => panic!("a component has no relation {other}"),
    };
    let components: Vec<_> = workload.entities().iter().filter(|e| e["kind"] == "Component").collect();
    for component in components.iter().step_by(500) {
        let name = component["metadata"]["name"].as_str().unwrap();
        let shown = catalog.entity("component", name).await.expect("it is there");
        for relation in shown["relations"].as_array().unwrap() {
            let target = relation["targetRef"].as_str().unwrap();
            let (kind, rest) = target.split_once(':').unwrap();
            let (_, target_name) = rest.split_once('/').unwrap();
            let other = catalog.entity(kind, target_name).await.expect("targets of the workload exist");
            let back = json!({
                "type": opposite(relation["type"].as_str().unwrap()),
                "targetRef": format!("component:default/{name}"),
            });
            assert!(other["relations"].as_array().unwrap().contains(&back), "{target} lacks {back}");
        }
    }
}

#[tokio::test]
async fn a_push_that_is_cut_off_removes_nothing() {
    let dir = TempDir::new().unwrap();
    let catalog = empty_catalog(&dir).await;
    let workload = Workload::plain(200);
    let path = "bulk/mutations?wait=visible";
    let (status, _) = catalog.push(path, NDJSON, workload.to_ndjson()).await;
    assert_eq!(status, 200);

    let whole = workload.to_ndjson();
    let half: Vec<&str> = whole.lines().take(100).collect();
    let (status, outcome) = catalog.push(path, NDJSON, half.join("\n")).await;
    assert_eq!((status, &outcome["removed"]), (200, &json!(0)), "{outcome}");
    assert!(outcome["removals"].as_str().unwrap().starts_with("skipped"), "{outcome}");
    assert_eq!(catalog.settled().await["entities"], 200);
    catalog.stop().await;
}

#[tokio::test]
async fn two_pushes_at_once_each_get_their_own_outcome() {
    let dir = TempDir::new().unwrap();
    let catalog = empty_catalog(&dir).await;
    let good = json!({"type": "delta", "added": [{"entity": entity("fine", "team-a")}], "removed": []});
    let mut broken = entity("broken", "team-a");
    broken["spec"].as_object_mut().unwrap().remove("owner");
    let bad = json!({"type": "delta", "added": [{"entity": broken}, {"entity": entity("beside", "team-a")}], "removed": []});
    let path = "p/mutations?wait=visible";
    let (first, second) =
        tokio::join!(catalog.push(path, JSON, good.to_string()), catalog.push(path, JSON, bad.to_string()));
    assert_eq!((first.0, &first.1["changed"]), (200, &json!(1)), "{}", first.1);
    assert_eq!(first.1["invalid"], json!([]));
    assert_eq!((second.0, &second.1["changed"]), (200, &json!(2)), "{}", second.1);
    assert!(second.1["invalid"].to_string().contains("component:default/broken"), "{}", second.1);
    assert!(catalog.entity("component", "fine").await.is_some());
    assert!(catalog.entity("component", "beside").await.is_some());
    assert!(catalog.entity("component", "broken").await.is_none());
    catalog.stop().await;
}

#[tokio::test]
async fn a_pushed_location_is_followed_and_rules_apply_to_what_it_lists() {
    let dir = TempDir::new().unwrap();
    let group = "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata:\n  name: hidden\nspec:\n  type: team\n  children: []\n";
    let listed = dir.path().join("listed.yaml");
    write(&listed, &format!("{}---\n{group}", crate::support::component("listed", "x")));
    let catalog = empty_catalog(&dir).await;
    let location = json!({
        "apiVersion": "backstage.io/v1alpha1", "kind": "Location",
        "metadata": {"name": "root", "annotations": {
            "backstage.io/managed-by-location": format!("file:{}/root.yaml", dir.path().display()),
            "backstage.io/managed-by-origin-location": format!("file:{}/root.yaml", dir.path().display()),
        }},
        "spec": {"type": "file", "target": "./listed.yaml"},
    });
    let mutation = json!({"type": "full", "entities": [{"entity": location}]});
    let (status, outcome) = catalog.push("p/mutations?wait=visible", JSON, mutation.to_string()).await;
    assert_eq!(status, 200, "{outcome}");
    let status = catalog.settled().await;
    assert!(catalog.entity("component", "listed").await.is_some(), "{status:#}");
    assert!(catalog.entity("group", "hidden").await.is_none());
    assert!(status["problems"].to_string().contains("group:default/hidden"), "{status:#}");
    catalog.stop().await;
}

/// The audit records of providers among what was printed: what, to whom, how it went, and what changed.
async fn audited(catalog: &Catalog) -> Vec<Value> {
    let output = catalog.output().await;
    let records = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let records = records.filter(|record| record["eventId"] == "provider-mutate");
    records.map(|record| json!([record["meta"], record["status"], record["error"]])).collect()
}

#[tokio::test]
async fn every_mutation_of_a_provider_leaves_a_record() {
    let dir = TempDir::new().unwrap();
    let catalog = empty_catalog(&dir).await;
    let good = json!({"type": "delta", "added": [{"entity": entity("fine", "team-a")}]});
    assert_eq!(catalog.push("p/mutations?wait=visible", JSON, good.to_string()).await.0, 200);
    assert_eq!(catalog.push("p/mutations", JSON, "{}".to_owned()).await.0, 400);
    let (status, _) = catalog.push("nobody/confirm", JSON, String::new()).await;
    assert_eq!(status, 404);
    catalog.get("/api/ingest/v1/providers").await;
    let push = json!({"actionType": "push", "provider": "p"});
    let mut done = push.clone();
    done["outcome"] = json!({"accepted": 1, "changed": 1, "removed": 0, "held": 0});
    let confirm = json!({"actionType": "confirm-removals", "provider": "nobody"});
    let expected = [
        json!([push, "initiated", null]),
        json!([done, "succeeded", null]),
        json!([push, "initiated", null]),
        json!([push, "failed", "InputError: not a mutation: missing field `type` at line 1 column 2"]),
        json!([confirm, "initiated", null]),
        json!([confirm, "failed", "NotFoundError: there is no provider `nobody`"]),
    ];
    let look = || audited(&catalog);
    let found = eventually("six records", Duration::from_secs(30), look, |records| records.len() >= 6).await;
    assert_eq!(found, expected);
    catalog.stop().await;
}
