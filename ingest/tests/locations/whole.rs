//! Locations through the whole of ingest, over the embedded log: from `catalog.locations` to changes.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc, time::Duration};

use backstitch_event_log::{BatchLimits, EventLog, embedded::EmbeddedLog};
use backstitch_ingest::{
    CatalogPolicy, Config, Directory, EntityProvider as _, Ingest, Parts,
    locations::{self, ConfigLocationProvider, LocationFollowers},
};
use backstitch_schemas::{
    Change, ClaimKey, Identity, LocationRef, SystemClock, Topic,
    rules::{Allowance, Rules},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    host::{Answer, Host},
    support::system,
};

const DEADLINE: Duration = Duration::from_secs(20);

/// Ingest of one pattern of files; everything is let in.
struct World {
    log: Arc<dyn EventLog>,
    directory: Arc<Directory>,
    shutdown: CancellationToken,
    running: tokio::task::JoinHandle<Result<(), backstitch_event_log::LogError>>,
}

impl World {
    async fn start(data: &Path, location: LocationRef, reading: locations::Config) -> Self {
        let log: Arc<dyn EventLog> = open(&data.join("log.db")).await;
        let mut rules = Rules::new(Some(&[])).unwrap();
        rules.add_location(&location, Allowance::All);
        let clock = Arc::new(SystemClock);
        let ingest = Ingest::new(Parts {
            log: Arc::clone(&log),
            config: Config::default(),
            policy: CatalogPolicy { rules: Arc::new(rules), ..CatalogPolicy::default() },
            providers: vec![Arc::new(ConfigLocationProvider::new(vec![location]))],
            followers: Arc::new(LocationFollowers::new(reading, clock.clone()).unwrap()),
            clock,
            mint: Arc::new(Identity::mint),
        });
        let shutdown = CancellationToken::new();
        let directory = ingest.directory();
        let running = tokio::spawn(ingest.run(shutdown.clone()));
        let world = Self { log, directory, shutdown, running };
        world.quiet().await;
        world
    }

    /// Waits until nothing is due or under way.
    async fn quiet(&self) {
        let quiet = async {
            while self.directory.is_busy() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(DEADLINE, quiet).await.expect("ingest does not come to rest");
    }

    /// Where `catalog.changes` ends.
    async fn end(&self) -> i64 {
        self.log.end(Topic::Changes).await.unwrap().iter().map(|(_, offset)| offset.0).sum()
    }

    /// Asks the provider for a refresh; its outcome and message.
    async fn refresh(&self, payload: serde_json::Value) -> (String, String) {
        let (provider, payload) = (ConfigLocationProvider::new(Vec::new()).name(), Some(payload.to_string()));
        let sent = self.directory.command(&provider, "refresh", payload, None, DEADLINE).await.unwrap();
        let outcome = sent.1.expect("there is an outcome in time");
        (outcome.outcome, outcome.message.unwrap_or_default())
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.running.await.unwrap().unwrap();
    }

    /// The latest change of each claim that stands, by the name of its entity.
    async fn claims(&self) -> BTreeMap<String, Change> {
        let mut reader = self.log.read(Topic::Changes, &[]).await.unwrap();
        let mut claims = BTreeMap::new();
        loop {
            let records = reader.next_until_end(&BatchLimits::default()).await.unwrap();
            if records.is_empty() {
                return claims;
            }
            for record in records {
                let Ok(key) = ClaimKey::decode(&record.key) else { continue };
                let change = Change::decode(&record.value).unwrap();
                let name = key.entity_ref.name().to_owned();
                match change.content {
                    Some(_) => drop(claims.insert(name, change)),
                    None => drop(claims.remove(&name)),
                }
            }
        }
    }

    /// Waits until these entities are claimed, besides the generated Location.
    async fn until_claimed(&self, expected: &[&str]) -> BTreeMap<String, Change> {
        let wait = async {
            loop {
                let mut claims = self.claims().await;
                claims.retain(|name, _| !name.starts_with("generated-"));
                if claims.keys().eq(expected) {
                    return claims;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let waited = tokio::time::timeout(DEADLINE, wait).await;
        waited.unwrap_or_else(|_| panic!("expected {expected:?}"))
    }
}

async fn open(file: &Path) -> Arc<EmbeddedLog> {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    loop {
        match EmbeddedLog::open(file, Arc::new(SystemClock)).await {
            Ok(log) => return log,
            Err(cause) => assert!(tokio::time::Instant::now() < deadline, "the log stays taken: {cause}"),
        }
        tokio::task::yield_now().await;
    }
}

fn nested_location(name: &str, target: &str) -> String {
    let head = "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata:\n  name: ";
    format!("---\n{head}{name}\nspec:\n  target: {target}\n")
}

#[tokio::test]
async fn what_the_configuration_lists_is_claimed_followed_and_withdrawn() {
    let (data, tree) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = tree.path().canonicalize().unwrap();
    fs::write(root.join("a.yaml"), system("a") + &nested_location("more", "./more/b.yml")).unwrap();
    fs::create_dir(root.join("more")).unwrap();
    fs::write(root.join("more/b.yml"), system("b")).unwrap();
    let pattern = format!("{}/*.yaml", root.display());

    let world =
        World::start(data.path(), LocationRef::new("file", &pattern), locations::Config::default()).await;
    let claims = world.until_claimed(&["a", "b", "more"]).await;
    assert_eq!(claims["b"].content.as_ref().unwrap().origin, format!("file:{pattern}"));

    fs::write(root.join("more/b.yml"), system("b") + &system("c")).unwrap();
    let edited = world.until_claimed(&["a", "b", "c", "more"]).await;
    assert_eq!(edited["b"].identity, claims["b"].identity);
    world.quiet().await;
    world.stop().await;

    // Nothing changed while it slept, so nothing is said; what changed is.
    let world =
        World::start(data.path(), LocationRef::new("file", &pattern), locations::Config::default()).await;
    assert_eq!(world.until_claimed(&["a", "b", "c", "more"]).await, edited);
    fs::write(root.join("a.yaml"), system("a")).unwrap();
    world.until_claimed(&["a"]).await;
    fs::write(root.join("d.yaml"), system("d")).unwrap();
    world.until_claimed(&["a", "d"]).await;
    fs::remove_file(root.join("a.yaml")).unwrap();
    world.until_claimed(&["d"]).await;
    world.stop().await;
}

#[tokio::test]
async fn a_host_that_fails_in_every_way_loses_nothing_and_what_is_no_longer_listed_goes() {
    let host = Host::start().await;
    let names: Vec<String> = (0..20).map(|index| format!("s{index:02}")).collect();
    let root = |names: &[String]| {
        let targets: Vec<String> = names.iter().map(|name| format!("./{name}.yaml")).collect();
        let head =
            "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata:\n  name: root\nspec:\n  targets: ";
        Answer::Text(format!("{head}{}\n", serde_json::to_string(&targets).unwrap()))
    };
    let restore = |names: &[String]| {
        for name in names {
            host.says(&format!("{name}.yaml"), Answer::Text(system(name)));
        }
    };
    restore(&names);
    let url = host.says("root.yaml", root(&names));
    let data = tempfile::tempdir().unwrap();
    let location = LocationRef::new("url", &url);
    let world = World::start(data.path(), location.clone(), host.config()).await;
    let all: Vec<&str> = ["root"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let before = world.until_claimed(&all).await;

    for failure in [
        Answer::Status(404),
        Answer::Status(503),
        Answer::Wait(429, 0),
        Answer::Truncated("kind: System\n".to_owned()),
        Answer::Silence,
        Answer::Text("<html>log in</html>".to_owned()),
        Answer::Text(String::new()),
    ] {
        let asked = host.requests("root.yaml") + host.requests("s00.yaml");
        for path in names.iter().map(String::as_str).chain(["root"]) {
            host.says(&format!("{path}.yaml"), failure.clone());
        }
        let told = async {
            while host.requests("root.yaml") + host.requests("s00.yaml") < asked + 2 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(DEADLINE, told).await.expect("the host is not asked");
        let claims = world.claims().await;
        assert!(all.iter().all(|name| claims.contains_key(*name)), "{claims:#?}");
    }
    world.stop().await;

    // A restart in the middle of it changes nothing.
    let world = World::start(data.path(), location, host.config()).await;
    restore(&names[..19]);
    host.says("s19.yaml", Answer::Status(404));
    host.says("root.yaml", root(&names[..18]));
    let after = world.until_claimed(&all[..19]).await;
    assert_eq!(after["s00"].identity, before["s00"].identity);
    world.stop().await;
}

#[tokio::test]
async fn what_is_unchanged_costs_nothing_downstream() {
    let host = Host::start().await;
    let url = host.says("a.yaml", Answer::Text(system("a")));
    let data = tempfile::tempdir().unwrap();
    let world = World::start(data.path(), LocationRef::new("url", &url), host.config()).await;
    world.until_claimed(&["a"]).await;
    let end = world.end().await;
    let polled = |times: usize| {
        let (host, before) = (host.clone(), host.requests("a.yaml"));
        async move {
            while host.requests("a.yaml") < before + times {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    };
    tokio::time::timeout(DEADLINE, polled(5)).await.expect("it is polled at its interval");
    // Without an ETag the digest tells.
    host.says("a.yaml", Answer::Slow(Duration::ZERO, system("a")));
    tokio::time::timeout(DEADLINE, polled(5)).await.expect("it is polled at its interval");
    assert_eq!(world.refresh(json!({})).await.0, "done");
    assert_eq!(world.refresh(json!({"entityRef": "system:default/a", "force": true})).await.0, "done");
    assert_eq!(world.end().await, end);
    world.stop().await;
}

#[tokio::test]
async fn a_refresh_reads_the_chain_above_an_entity_and_what_is_found_on_the_way() {
    let host = Host::start().await;
    let sibling = host.says("sibling.yaml", Answer::Text(system("sibling")));
    host.says("b.yaml", Answer::Text(system("b")));
    let root = |targets: &str| Answer::Text(nested_location("root", "x").replace("target: x", targets));
    let url = host.says("root.yaml", root("targets: [./b.yaml, ./sibling.yaml]"));
    let data = tempfile::tempdir().unwrap();
    let reading = locations::Config { interval: None, ..host.config() };
    let world = World::start(data.path(), LocationRef::new("url", &url), reading).await;
    world.until_claimed(&["b", "root", "sibling"]).await;

    host.says("b.yaml", Answer::Text(system("b") + &nested_location("more", "./c.yaml")));
    host.says("c.yaml", Answer::Text(system("c")));
    host.says("root.yaml", root("targets: [./b.yaml, ./sibling.yaml, ./d.yaml]"));
    host.says("d.yaml", Answer::Text(system("d")));
    let asked = host.requests("sibling.yaml");
    let answer = world.refresh(json!({"entityRef": "system:default/b"})).await;
    assert_eq!(answer, ("done".to_owned(), String::new()));
    // The outcome comes when everything is in the log.
    let mut claims = world.claims().await;
    claims.retain(|name, _| !name.starts_with("generated-"));
    assert!(claims.keys().eq(["b", "c", "d", "more", "root", "sibling"]), "{:?}", claims.keys());
    assert_eq!(host.requests("sibling.yaml"), asked, "what is beside it is not read");

    // By place, and by a Location for what it lists.
    let (outcome, _) = world.refresh(json!({"location": format!("url:{sibling}")})).await;
    assert_eq!((outcome.as_str(), host.requests("sibling.yaml")), ("done", asked + 1));
    world.refresh(json!({"entityRef": "location:default/root"})).await;
    assert_eq!(host.requests("sibling.yaml"), asked + 2);
    host.says("sibling.yaml", Answer::Status(503));
    let (_, message) = world.refresh(json!({"entityRef": "system:default/sibling"})).await;
    assert!(message.starts_with("1 of 2 places could not be read: Unable to read url"), "{message}");

    let rejected = |message: &str| ("rejected".to_owned(), message.to_owned());
    let nobody = world.refresh(json!({"entityRef": "system:default/nobody"})).await;
    assert_eq!(nobody, rejected("Entity system:default/nobody not found"));
    let nowhere = world.refresh(json!({"location": "url:https://nowhere.example"})).await;
    assert_eq!(nowhere, rejected("nothing is read from url:https://nowhere.example"));
    world.stop().await;
}
