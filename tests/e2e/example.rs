//! The example catalog, and what survives: a power cut, and the loss of the read model.

use std::{collections::BTreeMap, fs};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Launch, entity_ref};

/// What must be the same after any restart, by ref.
fn identities(entities: &[Value]) -> BTreeMap<String, (String, String)> {
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    entities
        .iter()
        .map(|e| (entity_ref(e), (text(&e["metadata"]["uid"]), text(&e["metadata"]["etag"]))))
        .collect()
}

#[tokio::test]
async fn the_example_is_there_without_any_configuration() {
    let dir = TempDir::new().unwrap();
    let catalog = Launch::up(dir.path()).start().await;
    let status = catalog.settled().await;
    assert_eq!(status["entities"], 149, "{status:#}");
    assert_eq!(status["lag"]["changes"], 0);
    let problems = status["problems"].as_array().unwrap();
    assert!(problems.len() >= 6, "{problems:#?}");
    let output = catalog.output().await;
    assert!(output.lines().count() <= 10, "at most ten lines:\n{output}");
    catalog.stop().await;
}

#[tokio::test]
async fn a_power_cut_changes_nothing() {
    let dir = TempDir::new().unwrap();
    let catalog = Launch::up(dir.path()).start().await;
    let before = catalog.settled().await;
    let entities = identities(&catalog.entities().await);
    catalog.kill().await;

    let catalog = Launch::up(dir.path()).start().await;
    let after = catalog.settled().await;
    assert_eq!(after["revision"], before["revision"]);
    assert_eq!(identities(&catalog.entities().await), entities);
    catalog.stop().await;
}

#[tokio::test]
async fn a_lost_read_model_is_rebuilt_with_the_same_uids_and_etags() {
    let dir = TempDir::new().unwrap();
    let catalog = Launch::up(dir.path()).start().await;
    let before = catalog.settled().await;
    let entities = identities(&catalog.entities().await);
    catalog.stop().await;
    for file in fs::read_dir(dir.path().join("data")).unwrap() {
        let file = file.unwrap();
        if file.file_name().to_string_lossy().starts_with("read-model") {
            fs::remove_file(file.path()).unwrap();
        }
    }

    let catalog = Launch::up(dir.path()).start().await;
    let after = catalog.settled().await;
    assert_eq!(identities(&catalog.entities().await), entities);
    assert_eq!(after["incarnation"].as_i64().unwrap(), before["incarnation"].as_i64().unwrap() + 1);
    catalog.stop().await;
}

#[tokio::test]
async fn ones_own_configuration_after_the_example_leaves_nothing_of_it() {
    let dir = TempDir::new().unwrap();
    let catalog = Launch::up(dir.path()).start().await;
    catalog.settled().await;
    catalog.stop().await;

    let config = dir.path().join("app-config.yaml");
    fs::write(&config, "catalog:\n  locations: []\n").unwrap();
    let catalog = Launch::up(dir.path()).arg("--config").arg(&config).start().await;
    let status = catalog.settled().await;
    assert_eq!(status["entities"], 0, "{status:#}");
    catalog.stop().await;
}
