//! Owner and follower together: the example catalog, read from disk.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use backstitch_ingest::{
    CatalogPolicy, EntityProvider, FollowerFactory,
    locations::{Config, ConfigLocationProvider, LocationFollowers},
};
use backstitch_schemas::{
    LocationRef, SystemClock, Topic,
    rules::{Allowance, Rules},
};

use crate::support::{Setup, World};

/// A copy of the example catalog that a test may edit.
fn example(directory: &Path) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let to = directory.join("catalog");
    copy(&from, &to);
    to.canonicalize().unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

fn reading(catalog: &Path) -> Setup {
    let location = LocationRef::new("file", catalog.join("catalog-info.yaml").display().to_string());
    let mut rules = Rules::default();
    rules.add_location(&location, Allowance::All);
    let config = Config { settle: Duration::from_millis(5), ..Config::default() };
    let followers: Arc<dyn FollowerFactory> =
        Arc::new(LocationFollowers::new(config, Arc::new(SystemClock)).unwrap());
    let provider: Arc<dyn EntityProvider> = Arc::new(ConfigLocationProvider::new(vec![location]));
    Setup {
        providers: vec![provider],
        followers: Some(followers),
        policy: CatalogPolicy { rules: Arc::new(rules), ..CatalogPolicy::default() },
        ..Setup::default()
    }
}

#[tokio::test]
async fn the_example_is_read_once_and_edits_of_it_are_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let catalog = example(directory.path());
    let world = World::start(directory.path(), reading(&catalog)).await;
    let claimed = world.claimed().await;
    assert!(claimed.len() > 140, "{} claims", claimed.len());
    let end = world.end(Topic::Changes).await;
    world.kill().await;

    let world = World::start(directory.path(), reading(&catalog)).await;
    assert_eq!(world.end(Topic::Changes).await, end, "nothing is emitted again");

    let file = catalog.join("systems/booking/catalog-info.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let more = "\n---\napiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {name: added-by-a-test}\nspec: {owner: x}\n";
    fs::write(&file, format!("{text}{more}")).unwrap();
    world.change_where("added-by-a-test", |change| change.content.is_some()).await;
    fs::write(&file, &text).unwrap();
    world.change_where("added-by-a-test", |change| change.content.is_none()).await;
    assert_eq!(world.claimed().await, claimed);

    fs::remove_file(catalog.join("systems/cargo/catalog-info.yaml")).unwrap();
    let fewer: Vec<_> = {
        let changes = world.changes().await;
        let of_file = changes.iter().filter(|(key, _)| {
            key.listing.as_ref().is_some_and(|listing| listing.listed.ends_with("cargo/catalog-info.yaml"))
        });
        let gone: Vec<_> = of_file.map(|(key, _)| key.entity_ref.to_string()).collect();
        assert!(!gone.is_empty());
        claimed.iter().filter(|claimed| !gone.contains(claimed)).map(String::as_str).collect()
    };
    world.until_claimed(&fewer).await;
}
