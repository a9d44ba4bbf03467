//! Real descriptors of public repositories.

use std::{collections::HashMap, fs, path::Path, process::Command};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Launch, shared, write};

/// Lays the corpus out as repositories; returns where, or nothing if it is not here.
fn laid_out(dir: &Path) -> Option<std::path::PathBuf> {
    let corpus = shared("corpus")?;
    let out = dir.join("repos");
    let done = Command::new("python3")
        .arg(corpus.join("layout.py"))
        .args([corpus.join("index.jsonl"), corpus.join("files"), out.clone()])
        .output()
        .expect("python3 runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some(out)
}

#[tokio::test]
async fn every_document_is_in_the_catalog_or_explained() {
    let dir = TempDir::new().unwrap();
    let Some(repos) = laid_out(dir.path()) else { return };
    let catalog = Launch::up(dir.path()).arg(&repos).start().await;
    let status = catalog.settled().await;
    println!("{} entities, {} problems", status["entities"], status["problemsTotal"]);
    let index = fs::read_to_string(shared("corpus").unwrap().join("index.jsonl")).unwrap();
    let ok: usize = index
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .flat_map(|file| file["upstream"].as_array().unwrap().clone())
        .filter(|verdict| verdict == "ok" || verdict == "ok-envelope-only")
        .count();
    let claimed = status["entities"].as_u64().unwrap() + status["conflictsTotal"].as_u64().unwrap();
    println!("{ok} documents are sound upstream; entities and conflicts: {claimed}");
    let output = catalog.output().await;
    assert!(!output.contains("panicked"), "{output}");
    catalog.stop().await;
}

#[tokio::test]
async fn the_default_rules_say_what_they_refuse() {
    let dir = TempDir::new().unwrap();
    let Some(repos) = laid_out(dir.path()) else { return };
    let config = dir.path().join("app-config.yaml");
    let target = format!("{}/**/*.yaml", repos.display());
    write(&config, &format!("catalog:\n  locations:\n    - type: file\n      target: {target}\n"));
    let catalog = Launch::up(dir.path()).arg("--config").arg(config).start().await;
    catalog.settled().await;
    let facets = catalog.get("/api/catalog/entity-facets?facet=kind").await;
    let counts: HashMap<&str, i64> = facets["facets"]["kind"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (f["value"].as_str().unwrap(), f["count"].as_i64().unwrap()))
        .collect();
    let mut kinds: Vec<_> = counts.keys().copied().collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["API", "Component", "Location"], "only these three are allowed by default");
    catalog.stop().await;
}
