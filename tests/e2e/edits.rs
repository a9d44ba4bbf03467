//! What people do to files and to the configuration, and when it shows.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Catalog, Launch, component, eventually, write};

/// A saved file shows "in well under a second"; this leaves room for a machine that is busy testing.
const SOON: Duration = Duration::from_secs(5);

async fn description(catalog: &Catalog, name: &str) -> Option<String> {
    let entity = catalog.entity("component", name).await?;
    entity["metadata"]["description"].as_str().map(str::to_owned)
}

fn config(dir: &Path, rules: &str) -> std::path::PathBuf {
    let path = dir.join("app-config.yaml");
    write(
        &path,
        &format!(
            "catalog:\n  rules:\n    - allow: [{rules}]\n  locations:\n    - type: file\n      target: {}/repo/*/catalog-info.yaml\n",
            dir.display()
        ),
    );
    path
}

#[tokio::test]
async fn a_saved_file_shows_without_restart() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("repo/a/catalog-info.yaml");
    write(&file, &component("a", "before"));
    let config = config(dir.path(), "Component, Location");
    let catalog = Launch::up(dir.path()).arg("--config").arg(config).start().await;
    catalog.settled().await;
    assert_eq!(description(&catalog, "a").await.as_deref(), Some("before"));

    let saved = Instant::now();
    write(&file, &component("a", "after"));
    eventually("the edit", SOON, || description(&catalog, "a"), |seen| seen.as_deref() == Some("after"))
        .await;
    println!("visible after {:?}", saved.elapsed());

    // Editors save by writing a new file and renaming it over the old one.
    let temporary = dir.path().join("repo/a/.catalog-info.yaml.tmp");
    write(&temporary, &component("a", "renamed"));
    fs::rename(&temporary, &file).unwrap();
    eventually("the rename", SOON, || description(&catalog, "a"), |seen| seen.as_deref() == Some("renamed"))
        .await;
    catalog.stop().await;
}

#[tokio::test]
async fn what_a_glob_no_longer_finds_goes_and_what_it_finds_newly_comes() {
    let dir = TempDir::new().unwrap();
    for name in ["a", "b"] {
        write(&dir.path().join(format!("repo/{name}/catalog-info.yaml")), &component(name, "here"));
    }
    let config = config(dir.path(), "Component, Location");
    let catalog = Launch::up(dir.path()).arg("--config").arg(config).start().await;
    catalog.settled().await;
    assert!(catalog.entity("component", "b").await.is_some());

    fs::remove_file(dir.path().join("repo/b/catalog-info.yaml")).unwrap();
    eventually("the removal", SOON, || catalog.entity("component", "b"), Option::is_none).await;
    write(&dir.path().join("repo/c/catalog-info.yaml"), &component("c", "new"));
    eventually("the new file", SOON, || catalog.entity("component", "c"), Option::is_some).await;
    assert!(catalog.entity("component", "a").await.is_some());
    catalog.stop().await;
}

#[tokio::test]
async fn rules_take_effect_at_restart_with_no_file_touched() {
    let dir = TempDir::new().unwrap();
    let group = "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata:\n  name: team-a\nspec:\n  type: team\n  children: []\n";
    write(&dir.path().join("repo/a/catalog-info.yaml"), &format!("{}---\n{group}", component("a", "x")));
    let start = |rules: &str| Launch::up(dir.path()).arg("--config").arg(config(dir.path(), rules)).start();

    let catalog = start("Component, Location").await;
    let status = catalog.settled().await;
    assert!(catalog.entity("component", "a").await.is_some(), "a refused neighbour holds nothing back");
    assert!(catalog.entity("group", "team-a").await.is_none());
    let refused =
        status["problems"].as_array().unwrap().iter().any(|p: &Value| p["name"] == "NotAllowedError");
    assert!(refused, "{status:#}");
    catalog.stop().await;

    let catalog = start("Component, Location, Group").await;
    catalog.settled().await;
    let group = catalog.entity("group", "team-a").await.expect("allowed now");
    assert_eq!(group["relations"][0]["targetRef"], "component:default/a");
    catalog.stop().await;

    let catalog = start("Component, Location").await;
    catalog.settled().await;
    assert!(catalog.entity("group", "team-a").await.is_none(), "refused again");
    catalog.stop().await;
}

#[tokio::test]
async fn a_contested_entity_names_the_winner_until_the_loser_goes() {
    let dir = TempDir::new().unwrap();
    write(&dir.path().join("repo/a/catalog-info.yaml"), &component("shop", "the first"));
    let config = config(dir.path(), "Component, Location");
    let catalog = Launch::up(dir.path()).arg("--config").arg(config).start().await;
    catalog.settled().await;
    let items = || async {
        let entity = catalog.entity("component", "shop").await?;
        entity.pointer("/status/items").cloned()
    };
    assert_eq!(items().await, None);
    write(&dir.path().join("repo/b/catalog-info.yaml"), &component("shop", "the second"));
    let told = eventually("the warning", SOON, items, Option::is_some).await.unwrap();
    assert_eq!(told[0]["level"], "warning");
    let (first, second) = ("repo/a/catalog-info.yaml", "repo/b/catalog-info.yaml");
    let file = |name: &str| format!("file:{}", dir.path().join(name).display());
    let expected = format!(
        "ConflictWarning: Entity component:default/shop is claimed by {} as well; {} wins",
        file(second),
        file(first)
    );
    assert_eq!(told[0]["message"], Value::String(expected));
    let conflicts = catalog.get("/api/catalog/v1/conflicts").await;
    assert_eq!(conflicts["items"][0]["winner"]["document"], Value::String(file(first)));
    fs::remove_file(dir.path().join(second)).unwrap();
    eventually("no warning", SOON, items, Option::is_none).await;
    catalog.stop().await;
}

#[tokio::test]
async fn an_entity_turned_invalid_keeps_its_last_good_form_and_its_siblings_are_not_marked() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("repo/a/catalog-info.yaml");
    let two = |first: &str| format!("{first}---\n{}", component("b", "untouched"));
    write(&file, &two(&component("a", "good")));
    let config = config(dir.path(), "Component, Location");
    let catalog = Launch::up(dir.path()).arg("--config").arg(config).start().await;
    catalog.settled().await;

    write(&file, &two(&component("a", "bad").replace("owner: team-a", "owner: 1")));
    let status = |name: &'static str| {
        let catalog = &catalog;
        async move { catalog.entity("component", name).await.unwrap().get("status").cloned() }
    };
    let told = eventually("the error", SOON, || status("a"), Option::is_some).await.unwrap();
    let item = &told["items"][0];
    assert_eq!((&item["type"], &item["level"]), (&"backstage.io/catalog-processing".into(), &"error".into()));
    assert_eq!(
        item["message"],
        "InputError: Processor BuiltinKindsEntityProcessor threw an error while validating the entity \
         component:default/a; caused by TypeError: /spec/owner must be string - type: string"
    );
    assert_eq!((&item["error"]["name"], &item["error"]["line"]), (&"InputError".into(), &9.into()), "{item}");
    assert_eq!(description(&catalog, "a").await.as_deref(), Some("good"));
    assert_eq!(status("b").await, None);
    catalog.stop().await;
}
