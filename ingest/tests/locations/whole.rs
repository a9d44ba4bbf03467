//! Locations through the whole of ingest, over the embedded log: from `catalog.locations` to changes.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc, time::Duration};

use backstitch_event_log::{BatchLimits, EventLog, embedded::EmbeddedLog};
use backstitch_ingest::{
    CatalogPolicy, Config, Directory, Ingest, Parts,
    locations::{self, ConfigLocationProvider, LocationFollowers},
};
use backstitch_schemas::{
    Change, ClaimKey, Identity, LocationRef, SystemClock, Topic,
    rules::{Allowance, Rules},
};
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
