//! Kinds that an installation adds by configuration.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Catalog, Launch, write};

const CLUSTER: &str = "\
apiVersion: acme.example/v1
kind: Cluster
metadata:
  name: north
spec:
  region: north
  owner: crew
  runs: [shop]
";

const KINDS: &str = "
backstitch:
  kinds:
    - kind: Cluster
      apiVersions: [acme.example/v1]
      schema: ./kinds/cluster.schema.json
      relations:
        - {field: owner, defaultKind: Group, forward: ownedBy, reverse: ownerOf}
        - {field: runs, defaultKind: Component, forward: runs, reverse: runsOn}
";

const SCHEMA: &str = r#"{
  "type": "object", "required": ["region"],
  "properties": {
    "region": {"enum": ["north", "south"], "description": "where it stands"},
    "owner": {"type": "string"}, "runs": {"type": "array", "items": {"type": "string"}}
  }
}"#;

/// A catalog with a component and a cluster that runs it.
fn lay_out(dir: &Path, kinds: &str) {
    write(&dir.join("site/kinds/cluster.schema.json"), SCHEMA);
    write(&dir.join("repo/cluster.yaml"), CLUSTER);
    write(&dir.join("repo/shop.yaml"), &crate::support::component("shop", "sells"));
    let locations = format!("[{{type: file, target: {}/repo/*.yaml}}]", dir.display());
    let rules = "[{allow: [Component, Cluster, Location]}]";
    let config = format!("catalog:\n  rules: {rules}\n  locations: {locations}\n{kinds}");
    write(&dir.join("site/app-config.yaml"), &config);
}

async fn started(dir: &Path) -> Catalog {
    let catalog = Launch::up(dir).arg("--config").arg(dir.join("site/app-config.yaml")).start().await;
    catalog.settled().await;
    catalog
}

fn relations(entity: &Value) -> Vec<(&str, &str)> {
    let relations = entity["relations"].as_array().unwrap().iter();
    relations.map(|r| (r["type"].as_str().unwrap(), r["targetRef"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_configured_kind_is_let_in_and_leaves_with_its_entry() {
    let dir = TempDir::new().unwrap();
    lay_out(dir.path(), "");
    let catalog = started(dir.path()).await;
    assert_eq!(catalog.entity("cluster", "north").await, None);
    let errors = catalog.get("/api/catalog/v1/errors").await;
    let refusal = &errors["items"][0];
    assert_eq!(refusal["entityRef"], "cluster:default/north");
    assert!(refusal["advice"].as_str().unwrap().contains("`backstitch.kinds`"), "{refusal}");
    catalog.stop().await;

    // No file of the catalog is touched: the change of the configuration is enough.
    lay_out(dir.path(), KINDS);
    let catalog = started(dir.path()).await;
    let cluster = catalog.entity("cluster", "north").await.expect("the cluster is there");
    assert_eq!(relations(&cluster), [("ownedBy", "group:default/crew"), ("runs", "component:default/shop")]);
    let shop = catalog.entity("component", "shop").await.unwrap();
    assert!(relations(&shop).contains(&("runsOn", "cluster:default/north")), "{shop}");
    let schema = catalog.get("/api/catalog/v1/schema/entity.json").await;
    assert!(schema["properties"]["kind"]["enum"].as_array().unwrap().contains(&json!("Cluster")));
    catalog.stop().await;

    // A changed schema is held against what is there.
    let stricter = SCHEMA.replace("[\"region\"]", "[\"region\", \"provider\"]");
    fs::write(dir.path().join("site/kinds/cluster.schema.json"), stricter).unwrap();
    let catalog = started(dir.path()).await;
    let cluster = catalog.entity("cluster", "north").await.expect("the last good form stays");
    let message = cluster["status"]["items"][0]["message"].as_str().unwrap();
    assert!(message.contains("must have required property 'provider'"), "{cluster}");
    catalog.stop().await;
}
