//! Entities that turn invalid: what stays of them, whatever becomes of log and database.

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Catalog, Launch, component, eventually, write};

/// Everything that a change may take on a busy machine.
const SOON: std::time::Duration = std::time::Duration::from_secs(20);

async fn started(dir: &Path) -> Catalog {
    let config = dir.join("app-config.yaml");
    let locations = format!("[{{type: file, target: {}/repo/*/catalog-info.yaml}}]", dir.display());
    write(&config, &format!("catalog:\n  rules: [{{allow: [Component, API]}}]\n  locations: {locations}\n"));
    let catalog = Launch::up(dir).arg("--config").arg(config).start().await;
    catalog.settled().await;
    catalog
}

/// What the first status item of an entity says, if it has one.
fn complaint(entity: &Option<Value>) -> Option<&str> {
    entity.as_ref()?["status"]["items"][0]["message"].as_str()
}

async fn until(
    catalog: &Catalog,
    kind: &str,
    name: &str,
    what: &str,
    holds: impl Fn(&Option<Value>) -> bool,
) -> Value {
    let seen = eventually(what, SOON, || catalog.entity(kind, name), holds).await;
    seen.expect("it is there")
}

/// The embedded log keeps the latest record of each key and no other, so it is compacted at any
/// moment; the database is taken away besides.
#[tokio::test]
async fn an_entity_turned_invalid_keeps_its_last_good_form_when_the_database_is_rebuilt_from_a_compacted_log()
{
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("repo/a/catalog-info.yaml");
    write(&file, &component("a", "first"));
    let catalog = started(dir.path()).await;
    write(&file, &component("a", "second"));
    until(&catalog, "component", "a", "the second form", |seen| {
        seen.as_ref().is_some_and(|entity| entity["metadata"]["description"] == "second")
    })
    .await;
    for owner in ["1", "2"] {
        write(&file, &component("a", "wrong").replace("owner: team-a", &format!("owner: [{owner}]")));
        catalog.settled().await;
    }
    let invalid = until(&catalog, "component", "a", "the error", |seen| complaint(seen).is_some()).await;
    assert_eq!(invalid["metadata"]["description"], "second", "{invalid:#}");
    let message = complaint(&Some(invalid.clone())).unwrap().to_owned();
    assert!(message.contains("/spec/owner must be string"), "{message}");
    catalog.stop().await;

    let data = fs::read_dir(dir.path().join("data")).unwrap().map(|entry| entry.unwrap().path());
    let database: Vec<_> =
        data.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("read-model")).collect();
    assert!(!database.is_empty(), "there is a database to take away");
    database.iter().for_each(|path| fs::remove_file(path).unwrap());

    let catalog = started(dir.path()).await;
    let rebuilt = until(&catalog, "component", "a", "the entity", Option::is_some).await;
    assert_eq!(rebuilt, invalid, "the same uid, etag, form and error");

    write(&file, &component("a", "third"));
    let mended = until(&catalog, "component", "a", "the mended form", |seen| complaint(seen).is_none()).await;
    assert_eq!(mended["metadata"]["description"], "third");
    assert_eq!(mended["metadata"]["uid"], invalid["metadata"]["uid"]);
    catalog.stop().await;
}

#[tokio::test]
async fn a_change_of_any_file_behind_a_placeholder_shows_in_the_entity() {
    let dir = TempDir::new().unwrap();
    let at = |path: &str| dir.path().join("repo").join(path);
    let api = |name: &str, placeholder: &str| {
        format!(
            "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata:\n  name: {name}\nspec:\n  type: openapi\n  \
             lifecycle: production\n  owner: team-a\n  definition:\n    {placeholder}\n"
        )
    };
    let outside = api("outside", "$text: ../../app-config.yaml");
    write(&at("a/catalog-info.yaml"), &format!("{}---\n{outside}", api("pets", "$openapi: ./spec/api.yaml")));
    write(&at("a/spec/api.yaml"), "openapi: 3.0.0\npaths:\n  /pets:\n    $ref: ./paths.yaml#/pets\n");
    write(&at("a/spec/paths.yaml"), "pets:\n  summary: first\n");
    fs::create_dir(at("a/.git")).unwrap();
    let catalog = started(dir.path()).await;
    let definition =
        |entity: &Option<Value>| entity.as_ref().map(|entity| entity["spec"]["definition"].clone());
    let expected = "openapi: \"3.0.0\"\npaths:\n  /pets:\n    summary: first\n";
    assert_eq!(definition(&catalog.entity("api", "pets").await).unwrap(), expected);
    assert_eq!(catalog.entity("api", "outside").await, None);
    let errors = catalog.get("/api/catalog/v1/errors").await;
    let message = errors["items"][0]["message"].as_str().unwrap();
    let refused = "Placeholder may only reference files from the same repository as the entity";
    assert!(message.ends_with(refused), "{errors:#}");

    write(&at("a/spec/paths.yaml"), "pets:\n  summary: second\n");
    let expected = expected.replace("first", "second");
    until(&catalog, "api", "pets", "the edit", |seen| definition(seen).is_some_and(|text| text == *expected))
        .await;

    fs::remove_file(at("a/spec/paths.yaml")).unwrap();
    let stale = until(&catalog, "api", "pets", "the error", |seen| complaint(seen).is_some()).await;
    assert_eq!(stale["spec"]["definition"], expected, "the last good form stays");
    let stale = Some(stale);
    let message = complaint(&stale).unwrap();
    assert!(
        message.contains("Placeholder $openapi unable to bundle the file at ./spec/api.yaml, "),
        "{message}"
    );
    assert!(message.contains("the file does not exist"), "{message}");
    catalog.stop().await;
}
