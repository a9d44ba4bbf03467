//! Owning providers over the embedded log: holds, Locations, configuration, rules.

use std::{sync::Arc, time::Duration};

use crate::support::{Fixed, Setup, World, entity, eventually, full, location, submission};
use async_trait::async_trait;
use axum::http::StatusCode;
use backstitch_ingest::{CatalogPolicy, Connection, EntityProvider, Finding, Strategy};
use backstitch_schemas::{
    EntityRef, Listing, Problem, ProviderName, Topic,
    change::CauseKind,
    source::{SourceKey, SourceState},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

fn listing(name: &str, listed: &str) -> Listing {
    Listing { location: EntityRef::new("location", None, name), document: "".into(), listed: listed.into() }
}

fn read(name: &str, listed: &str, found: &[&str]) -> Finding {
    Finding::Read {
        listing: listing(name, listed),
        submissions: found.iter().map(|name| submission(name)).collect(),
        incomplete: false,
        errors: Vec::new(),
    }
}

async fn operate(world: &World, provider: &str, what: &str) -> (StatusCode, serde_json::Value) {
    let path = format!("/api/ingest/v1/providers/{provider}/{what}");
    world.send("POST", &path, "application/json", String::new()).await
}

#[tokio::test]
async fn a_wave_of_removals_waits_for_a_person_while_additions_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path(), Setup::default()).await;
    world.push("cmdb", "", &full(100)).await;
    let mut fewer = full(60);
    fewer["entities"].as_array_mut().unwrap().push(json!({"entity": entity("new")}));
    let (_, answer) = world.push("cmdb", "", &fewer).await;
    assert_eq!((&answer["changed"], &answer["removed"]), (&json!(1), &json!(0)));
    assert_eq!(answer["held"].as_array().unwrap().len(), 40);
    let waits = "skipped: 40 removals wait for a person; see `backstitch providers confirm cmdb`";
    assert_eq!(answer["removals"], waits);
    assert_eq!(world.claimed().await.len(), 101);
    assert_eq!(world.provider_state("cmdb").await.held.unwrap().count, 40);
    world.kill().await;

    // The hold outlives the process: what is found again is held again, however long ago it was.
    let world = World::start(directory.path(), Setup::default()).await;
    let (_, answer) = world.push("cmdb", "", &fewer).await;
    assert_eq!(answer["held"].as_array().unwrap().len(), 40);
    let (status, _) = operate(&world, "cmdb", "removals/confirm").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(world.claimed().await.len(), 61);
    assert_eq!(world.provider_state("cmdb").await.held, None);
}

#[tokio::test]
async fn what_was_held_before_a_restart_goes_as_soon_as_it_is_confirmed() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path(), Setup::default()).await;
    world.push("cmdb", "", &full(100)).await;
    for what in ["confirm", "discard"] {
        let (status, answer) = operate(&world, "cmdb", what).await;
        assert_eq!(status, StatusCode::CONFLICT, "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().starts_with("nothing is held"), "{answer}");
    }
    world.push("cmdb", "", &full(60)).await;
    world.kill().await;

    let world = World::start(directory.path(), Setup::default()).await;
    let (status, answer) = operate(&world, "cmdb", "confirm").await;
    assert_eq!((status, &answer["message"]), (StatusCode::OK, &json!("40 entities are removed")));
    assert_eq!(world.claimed().await.len(), 60);
    world.kill().await;

    let world = World::start(directory.path(), Setup::default()).await;
    let (status, answer) = operate(&world, "cmdb", "confirm").await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
}

#[tokio::test]
async fn discarded_removals_stay_until_they_are_found_missing_again() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path(), Setup::default()).await;
    world.push("cmdb", "", &full(100)).await;
    world.push("cmdb", "", &full(10)).await;
    let (status, _) = operate(&world, "cmdb", "discard").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(world.provider_state("cmdb").await.held, None);
    assert_eq!(world.claimed().await.len(), 100);
    let (_, answer) = world.push("cmdb", "", &full(10)).await;
    assert_eq!(answer["held"].as_array().unwrap().len(), 90);
    // What is there again is held no longer.
    let (_, answer) = world.push("cmdb", "", &full(100)).await;
    assert_eq!(answer["held"], json!([]));
    assert_eq!(world.provider_state("cmdb").await.held, None);
}

#[tokio::test]
async fn a_pushed_location_is_followed_and_goes_with_all_it_led_to() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path(), Setup::default()).await;
    let mutation = json!({"type": "delta", "added": [{"entity": location("root", "./b.yaml")}]});
    world.push("cmdb", "", &mutation).await;
    eventually("the Location is followed", || world.outside.followed("cmdb") == ["location:default/root"])
        .await;
    world.outside.finds("cmdb", vec![read("root", "url:https://host/b.yaml", &["a", "b"])]);
    world.until_claimed(&["component:default/a", "component:default/b", "location:default/root"]).await;
    let removed = json!({"type": "delta", "removed": [{"entityRef": "location:root"}]});
    let (_, answer) = world.push("cmdb", "", &removed).await;
    assert_eq!(answer["removed"], 3);
    assert!(world.claimed().await.is_empty());
    assert!(world.outside.followed("cmdb").is_empty());
}

#[tokio::test]
async fn a_read_whose_removals_are_held_is_not_remembered_as_read() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path(), Setup::default()).await;
    let mutation = json!({"type": "delta", "added": [{"entity": location("root", "./b.yaml")}]});
    world.push("cmdb", "", &mutation).await;
    let document = "url:https://host/b.yaml";
    let read_with_etag = |found: &[&str], etag: &str| {
        let state =
            SourceState { outcome: "ok".to_owned(), etag: Some(etag.to_owned()), ..Default::default() };
        world.outside.finds_and_notes(
            "cmdb",
            vec![read("root", document, found)],
            vec![(document.to_owned(), state)],
        );
    };
    let etag = async || {
        let key = SourceKey::Location(ProviderName::new("cmdb"), document.to_owned());
        world.state(&key).await.map(|state| state.etag)
    };
    let many: Vec<_> = (0..30).map(|n| format!("c{n}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    read_with_etag(&many, "v1");
    world.change_where("c29", |_| true).await;
    assert_eq!(etag().await, Some(Some("v1".to_owned())));

    read_with_etag(&many[..3], "v2");
    eventually("removals are held", || world.held("cmdb") == Some(27)).await;
    assert_eq!(world.claimed().await.len(), 31);
    assert_eq!(etag().await, Some(None), "or a restart would be told that nothing changed");

    read_with_etag(&many, "v3");
    eventually("nothing is held", || world.held("cmdb").is_none()).await;
    assert_eq!(etag().await, Some(Some("v3".to_owned())));
}

#[tokio::test]
async fn an_orphan_that_is_kept_is_released_and_comes_back_as_itself() {
    let directory = tempfile::tempdir().unwrap();
    let policy = CatalogPolicy { orphans: Strategy::Keep, ..CatalogPolicy::default() };
    let world = World::start(directory.path(), Setup { policy, ..Setup::default() }).await;
    let mutation = json!({"type": "delta", "added": [{"entity": location("root", "./b.yaml")}]});
    world.push("cmdb", "", &mutation).await;
    let find = |found: &[&str]| {
        world.outside.finds("cmdb", vec![read("root", "url:https://host/b.yaml", found)]);
    };
    find(&["a"]);
    let first = world.change_where("a", |_| true).await;
    find(&[]);
    let released = world.change_where("a", |change| change.released).await;
    assert_eq!(released.content, first.content);
    find(&["a"]);
    let again = world.change_where("a", |change| !change.released).await;
    assert_eq!((again.identity, again.created_at), (first.identity, first.created_at));
}

#[tokio::test]
async fn a_provider_that_is_no_longer_configured_is_withdrawn_unless_kept() {
    let directory = tempfile::tempdir().unwrap();
    let configured = || Setup {
        providers: vec![Arc::new(Fixed { name: "example", entities: vec!["a", "b"] })],
        ..Setup::default()
    };
    let world = World::start(directory.path(), configured()).await;
    world.push("cmdb", "", &full(1)).await;
    assert_eq!(world.claimed().await.len(), 3);
    let end = world.end(Topic::Changes).await;
    world.kill().await;

    let world = World::start(directory.path(), configured()).await;
    assert_eq!(world.end(Topic::Changes).await, end, "nothing is emitted again");
    world.kill().await;

    let kept = CatalogPolicy { orphan_providers: Strategy::Keep, ..CatalogPolicy::default() };
    let world = World::start(directory.path(), Setup { policy: kept, ..Setup::default() }).await;
    assert_eq!(world.claimed().await.len(), 3);
    world.kill().await;

    let world = World::start(directory.path(), Setup::default()).await;
    assert_eq!(world.claimed().await, ["component:default/c0"]);
    let withdrawn = world.changes().await.into_iter().find(|(key, _)| key.entity_ref.name() == "a").unwrap();
    assert_eq!(withdrawn.1.cause.kind, CauseKind::Configuration);
}

#[tokio::test]
async fn when_the_rules_change_everything_is_appended_again_once() {
    let directory = tempfile::tempdir().unwrap();
    let under = |fingerprint: &str| Setup {
        policy: CatalogPolicy { fingerprint: fingerprint.to_owned(), ..CatalogPolicy::default() },
        ..Setup::default()
    };
    let world = World::start(directory.path(), under("old")).await;
    world.push("cmdb", "", &full(30)).await;
    let before = world.changes().await;
    world.kill().await;

    let world = World::start(directory.path(), under("new")).await;
    let after = world.changes().await;
    assert_eq!(after.len(), 30);
    for ((_, before), (_, after)) in before.iter().zip(&after) {
        assert_eq!(after.cause.kind, CauseKind::Reprocess);
        assert_eq!(
            (after.identity, after.created_at, &after.content),
            (before.identity, before.created_at, &before.content)
        );
    }
    let end = world.end(Topic::Changes).await;
    world.kill().await;

    let world = World::start(directory.path(), under("new")).await;
    assert_eq!(world.end(Topic::Changes).await, end);
}

#[tokio::test]
async fn a_pushed_provider_is_withdrawn_on_request_and_may_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let configured: Vec<Arc<dyn backstitch_ingest::EntityProvider>> =
        vec![Arc::new(Fixed { name: "example", entities: vec!["a"] })];
    let world = World::start(directory.path(), Setup { providers: configured, ..Setup::default() }).await;
    world.push("cmdb", "", &full(3)).await;
    let withdraw = async |name: &str| {
        world
            .send("DELETE", &format!("/api/ingest/v1/providers/{name}"), "application/json", String::new())
            .await
            .0
    };
    assert_eq!(withdraw("nobody").await, StatusCode::NOT_FOUND);
    assert_eq!(withdraw("example").await, StatusCode::CONFLICT);
    assert_eq!(withdraw("cmdb").await, StatusCode::OK);
    assert_eq!(world.claimed().await, ["component:default/a"]);
    let (_, answer) = world.push("cmdb", "", &full(3)).await;
    assert_eq!(answer["changed"], 3);
    let (status, _) = world.push("example", "", &full(3)).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let (_, listed) = world.send("GET", "/api/ingest/v1/providers", "application/json", String::new()).await;
    assert_eq!(listed["providers"][0]["name"], "cmdb");
    assert_eq!(listed["providers"][0]["entities"], 3);
}

/// A provider whose source is never there.
struct Broken;

#[async_trait]
impl EntityProvider for Broken {
    fn name(&self) -> ProviderName {
        ProviderName::new("broken")
    }

    async fn run(&self, _: Connection, _: CancellationToken) -> Result<(), Problem> {
        Err(Problem::input("the directory does not answer"))
    }
}

#[tokio::test]
async fn a_provider_that_fails_says_so_and_stops_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let providers: Vec<Arc<dyn EntityProvider>> =
        vec![Arc::new(Broken), Arc::new(Fixed { name: "example", entities: vec!["a"] })];
    let world = World::start(directory.path(), Setup { providers, ..Setup::default() }).await;
    let key = SourceKey::Provider(ProviderName::new("broken"));
    let told = async {
        loop {
            match world.state(&key).await {
                Some(state) if !state.errors.is_empty() => return state,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    let state = tokio::time::timeout(Duration::from_secs(20), told).await.expect("the failure is told");
    assert_eq!(state.errors[0].message, "the directory does not answer");
    assert_eq!(world.claimed().await, ["component:default/a"]);
    world.push("cmdb", "", &full(1)).await;
    assert_eq!(world.claimed().await, ["component:default/a", "component:default/c0"]);
}
