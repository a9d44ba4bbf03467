//! The recorded answers of Backstage, asked again of the same catalog.
//!
//! Left out are uids, etags and cursors (they contain uids), and answers in the order of uids.

use std::process::Command;

use serde_json::{Value, json};

use crate::{errors::request_of, fixture::Fixture, shared};

/// Recorded after the catalog was changed by hand, or in the order of uids.
const OTHERS: [&str; 12] = [
    "ancestry-location-child",
    "location-",
    "state-",
    "by-uid",
    "by-query-no-order",
    "by-query-no-params",
    "by-query-post-empty",
    "by-query-post-unknown-field",
    "by-query-post-not",
    "by-query-total-exclude",
    "by-query-order-two",
    "by-query-limit-huge",
];

/// Without an order field; and `by-refs`, which takes refs in any case here, a superset.
const IN_UID_ORDER: [&str; 6] = [
    "by-query-relation",
    "by-refs",
    "by-query-fulltext",
    "by-query-page2",
    "by-query-prev",
    "by-query-cursor-and-filter",
];

#[tokio::test]
async fn the_same_catalog_gives_the_same_answers() {
    let (Some(directory), Some(mut entities)) = (shared("wire-samples"), generated(1_000)) else {
        println!("skipped: ../shared or node is not there");
        return;
    };
    for entity in &mut entities {
        for annotation in ["backstage.io/managed-by-location", "backstage.io/managed-by-origin-location"] {
            entity["metadata"]["annotations"][annotation] = "synthetic:baseline/catalog.ndjson".into();
        }
        backstitch_schemas::model::sort_relation_fields(entity);
    }
    entities.push(by_hand());
    let fixture = Fixture::with(&entities).await;
    let mut files: Vec<_> = std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let (mut compared, mut different) = (0, Vec::new());
    for path in files {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let sample: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let is_ours =
            sample["request"]["path"].as_str().is_some_and(|path| path.starts_with("/api/catalog/entit"));
        let is_other =
            OTHERS.iter().any(|other| name.starts_with(other)) || IN_UID_ORDER.contains(&name.as_str());
        let has_headers = sample["request"]["headers"].is_object();
        if !is_ours || is_other || has_headers || sample["response"]["status"] != 200 {
            continue;
        }
        let Some(expected) = sample["response"].get("body").filter(|body| !body.is_null()) else { continue };
        let answer = fixture.send(request_of(&sample)).await;
        let (found, expected) = (comparable(answer.json()), comparable(expected.clone()));
        compared += 1;
        if !agrees(&found, &expected) {
            different.push(name.clone());
            println!("{name}\n  found    {found}\n  expected {expected}");
        }
        let recorded = sample["response"]["headers"].as_array().unwrap();
        let link = recorded
            .iter()
            .find(|header| header[0].as_str().is_some_and(|name| name.eq_ignore_ascii_case("link")))
            .and_then(|header| header[1].as_str());
        assert_eq!(answer.header("link"), link, "{name}");
    }
    assert_eq!(different, [""; 0], "of {compared}");
    assert!(compared >= 35, "only {compared} samples were compared");
}

/// The one entity that was in the recorded catalog besides the generated ones.
fn by_hand() -> Value {
    json!({"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": "sample-other"},
           "spec": {"type": "s", "lifecycle": "p", "owner": "nobody"}})
}

/// Without what is different in every catalog.
fn comparable(mut answer: Value) -> Value {
    strip(&mut answer);
    answer
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for name in ["uid", "etag"] {
                members.remove(name);
            }
            for name in ["nextCursor", "prevCursor"] {
                if let Some(cursor) = members.get_mut(name) {
                    *cursor = json!("a cursor");
                }
            }
            members.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

/// Whether an answer is the recorded one, whose long lists are cut (`"... 999 more"`).
fn agrees(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Array(found), Value::Array(expected)) => match expected.split_last() {
            Some((Value::String(more), first)) if more.starts_with("... ") => {
                first.iter().zip(found).all(|(expected, found)| agrees(found, expected))
            }
            _ => found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| agrees(a, b)),
        },
        (Value::Object(found), Value::Object(expected)) => {
            found.len() == expected.len()
                && expected
                    .iter()
                    .all(|(name, value)| found.get(name).is_some_and(|found| agrees(found, value)))
        }
        _ => found == expected,
    }
}

/// The generated catalog of some size, if generator and Node are there.
fn generated(count: usize) -> Option<Vec<Value>> {
    let generator = shared("workload/generate.js")?;
    let output = Command::new("node").arg(generator).arg(count.to_string()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}
