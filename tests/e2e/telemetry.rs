//! What the process tells about itself in numbers and traces.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Catalog, Collector, Launch, Measured, eventually, write};

const PATIENCE: Duration = Duration::from_secs(60);
const JSON: &str = "application/json";

fn launch(dir: &TempDir) -> Launch {
    let config = dir.path().join("app-config.yaml");
    // Counted at each export, so that nobody has to wait for half a minute.
    write(&config, "catalog:\n  locations: []\nbackstitch:\n  metrics:\n    countEvery: 0s\n");
    Launch::up(dir.path()).arg("--config").arg(config)
}

fn collected(dir: &TempDir, collector: &Collector) -> Launch {
    let launch = launch(dir).env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url);
    launch.env("OTEL_METRIC_EXPORT_INTERVAL", "50").env("OTEL_BSP_SCHEDULE_DELAY", "50")
}

fn entity(kind: &str, name: &str, spec: &Value) -> Value {
    let metadata = json!({"name": name});
    json!({"entity": {"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}})
}

async fn push(catalog: &Catalog, mutation: &Value) {
    let (status, outcome) = catalog.push("p/mutations?wait=visible", JSON, mutation.to_string()).await;
    assert_eq!(status, 200, "{outcome}");
}

/// A system with two components.
async fn push_two_kinds(catalog: &Catalog) {
    let of_mooring = json!({"type": "service", "lifecycle": "production", "owner": "a", "system": "mooring"});
    let added = json!([
        entity("System", "mooring", &json!({"owner": "a"})),
        entity("Component", "quay", &of_mooring),
        entity("Component", "tug", &of_mooring),
    ]);
    push(catalog, &json!({"type": "delta", "added": added, "removed": []})).await;
}

async fn until(collector: &Collector, what: &str, good: impl Fn(&Measured) -> bool) -> Measured {
    eventually(what, PATIENCE, || async { collector.last() }, good).await
}

const COMPONENTS: &str = "catalog_entities_count{kind=component}";
const SYSTEMS: &str = "catalog_entities_count{kind=system}";

#[tokio::test]
async fn a_kind_that_is_gone_is_told_to_the_collector_as_0_once_and_then_no_more() {
    let (dir, collector) = (TempDir::new().unwrap(), Collector::start().await);
    let catalog = collected(&dir, &collector).env("OTEL_SERVICE_NAME", "harbour").start().await;
    push_two_kinds(&catalog).await;
    let told = until(&collector, "both kinds", |told| told.contains_key(SYSTEMS)).await;
    assert_eq!((told[COMPONENTS], told[SYSTEMS]), (2.0, 1.0));
    // Each component is part of the system, which has it as a part, and is owned by somebody unknown; so is the system.
    assert_eq!(told["catalog_relations_count"], 7.0);
    assert_eq!(told["catalog_registered_locations_count"], 0.0);

    let removed = json!([{"entityRef": "system:default/mooring"}]);
    push(&catalog, &json!({"type": "delta", "added": [], "removed": removed})).await;
    until(&collector, "the kind no more", |told| !told.contains_key(SYSTEMS)).await;
    let later = collector.measured().len() + 3;
    eventually("three more exports", PATIENCE, || async { collector.measured().len() }, |n| *n >= later)
        .await;
    let systems: Vec<_> = collector.measured().iter().map(|told| told.get(SYSTEMS).copied()).collect();
    let zeros = systems.iter().filter(|told| **told == Some(0.0)).count();
    assert_eq!(zeros, 1, "{systems:?}");
    assert!(systems.ends_with(&[None, None, None]), "{systems:?}");
    assert_eq!(collector.last()[COMPONENTS], 2.0);
    assert!(collector.services().iter().all(|name| name == "harbour"));
    catalog.stop().await;
}
