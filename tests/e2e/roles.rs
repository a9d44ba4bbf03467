//! The roles as processes of their own, on real Kafka and Postgres.

use std::{path::Path, time::Duration};

use backstitch_benches::Workload;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Catalog, Launch, Services, eventually, serve_files, without_ids, write};

const NDJSON: &str = "application/x-ndjson";
const PUSH: &str = "bulk/mutations?wait=visible&timeout=110";

/// All entities of a catalog on the embedded default that was pushed the same.
async fn embedded(workload: &Workload) -> Vec<serde_json::Value> {
    let dir = TempDir::new().unwrap();
    let config = dir.path().join("app-config.yaml");
    write(&config, "catalog:\n  locations: []\n");
    let catalog = Launch::up(dir.path()).arg("--config").arg(config).start().await;
    let pushed = catalog.push(PUSH, NDJSON, workload.to_ndjson()).await;
    assert_eq!(pushed.0, 200, "{}", pushed.1);
    let entities = without_ids(&catalog.entities().await);
    catalog.stop().await;
    entities
}

/// How many partitions this processor has, by its own log.
async fn share(processor: &Catalog) -> usize {
    let output = processor.output().await;
    let last = output.lines().rfind(|line| line.contains("partitions assigned"));
    last.map_or(0, |line| line.matches("Partition(").count())
}

/// Waits until both processors have partitions, and all of them between them.
async fn shared_out([first, second]: &[Catalog; 2]) {
    let shares = || async { (share(first).await, share(second).await) };
    let fair = |(first, second): &(usize, usize)| first.min(second) > &0 && first + second == 6;
    eventually("a share for each processor", Duration::from_secs(60), shares, fair).await;
}

/// The roles of one catalog on Kafka and Postgres, as processes of their own.
struct Roles {
    processors: [Catalog; 2],
    stitcher: Catalog,
    api: Catalog,
    ingest: Catalog,
}

impl Roles {
    /// Starts them all; topics and tables are there already.
    async fn start(dir: &Path) -> Self {
        let role = |name: &str| Launch::role(name, dir).arg("--config").arg(dir.join("app-config.yaml"));
        Self {
            processors: [role("process").start_silent(), role("process").start_silent()],
            stitcher: role("stitch").start_silent(),
            api: role("serve").listening().start().await,
            ingest: role("ingest").listening().start().await,
        }
    }

    /// Writes the configuration, and brings topics and tables up to date.
    async fn prepare(dir: &Path) {
        let services = Services::take().await;
        let config = dir.join("app-config.yaml");
        write(&config, &format!("catalog:\n  locations: []\n{}", services.config()));
        Launch::role("migrate", dir).arg("--config").arg(&config).start_silent().ended().await;
    }

    fn all(self) -> [Catalog; 5] {
        let [first, second] = self.processors;
        [self.ingest, first, second, self.stitcher, self.api]
    }
}

/// Compares with a catalog on the embedded default, entity by entity.
async fn same_as_embedded(api: &Catalog, workload: &Workload) {
    let separate = without_ids(&api.entities().await);
    let together = embedded(workload).await;
    assert_eq!(separate.len(), together.len());
    for (ours, theirs) in separate.iter().zip(&together) {
        assert_eq!(ours, theirs);
    }
}

#[tokio::test]
async fn separate_roles_on_kafka_and_postgres_give_the_same_catalog_as_one_process() {
    let dir = TempDir::new().unwrap();
    Roles::prepare(dir.path()).await;
    let roles = Roles::start(dir.path()).await;
    shared_out(&roles.processors).await;

    let workload = Workload::plain(10_000);
    let (status, outcome) = roles.ingest.push(PUSH, NDJSON, workload.to_ndjson()).await;
    assert_eq!((status, &outcome["changed"]), (200, &json!(10_000)), "{outcome}");
    let revision = outcome["revision"].as_i64().unwrap();
    let status = roles.api.settled().await;
    assert_eq!(status["lag"], json!({"changes": 0, "processed": 0}), "nothing is under way: {status:#}");
    let seen = roles.api.get(&format!("/api/catalog/entities/by-query?limit=0&minRevision={revision}")).await;
    assert_eq!(seen["totalItems"], 10_000, "{seen}");
    shared_out(&roles.processors).await;

    same_as_embedded(&roles.api, &workload).await;
    for role in roles.all() {
        role.stop().await;
    }
}

/// Registers a place. Until the roles have found each other, nobody knows what became of it, so it is done
/// again until it is known.
async fn register(api: &Catalog, target: &str) {
    let url = format!("{}/api/catalog/locations", api.url);
    let body = json!({"type": "url", "target": target});
    let post = || api.client.post(&url).json(&body).timeout(Duration::from_secs(60)).send();
    let created = || async { post().await.unwrap().status().as_u16() };
    eventually("a 409 for the second of one place", Duration::from_secs(60), created, |status| {
        *status == 409
    })
    .await;
}

/// Whether this ingest process keeps the registered locations.
async fn keeps_locations(ingest: &Catalog) -> bool {
    let owned = ingest.get("/api/ingest/v1/providers").await;
    owned["providers"].as_array().unwrap().iter().any(|provider| provider["name"] == "DefaultLocationStore")
}

#[tokio::test]
async fn a_webhook_is_heeded_by_whoever_keeps_the_locations_whichever_process_it_reaches() {
    let dir = TempDir::new().unwrap();
    Roles::prepare(dir.path()).await;
    // Nothing is there: what the webhook says is gone is gone.
    let host = serve_files(&dir.path().join("nothing")).await;
    let config = dir.path().join("app-config.yaml");
    let text =
        std::fs::read_to_string(&config).unwrap().replacen("catalog:", "catalog:\n  scmEvents: true", 1);
    let lab = format!("{{host: '{host}', apiBaseUrl: 'http://{host}/api/v4', token: glpat-1}}");
    let events = format!(
        "integrations: {{gitlab: [{lab}]}}\nevents: {{modules: {{gitlab: {{webhookSecret: s3cret}}}}}}\n"
    );
    write(&config, &format!("{events}{text}"));
    let roles = Roles::start(dir.path()).await;
    let other = Launch::role("ingest", dir.path()).arg("--config").arg(&config).listening().start().await;
    register(&roles.api, &format!("http://{host}/g/p/-/blob/main/a.yaml")).await;
    let keepers = || async { (keeps_locations(&roles.ingest).await, keeps_locations(&other).await) };
    let one = |(first, second): &(bool, bool)| first != second;
    let (first, _) = eventually("one keeper", Duration::from_secs(60), keepers, one).await;

    let stranger = if first { &other } else { &roles.ingest };
    let hook = json!({"event_name": "project_destroy", "path_with_namespace": "g/p"});
    let hook = stranger.client.post(format!("{}/api/events/http/gitlab", stranger.url)).json(&hook);
    let hook = hook.header("x-gitlab-token", "s3cret").header("x-gitlab-instance", format!("http://{host}"));
    assert_eq!(hook.send().await.unwrap().status(), 202);
    let locations = || roles.api.get("/api/catalog/locations");
    eventually("no location", Duration::from_secs(60), locations, |left| *left == json!([])).await;
    other.stop().await;
    for role in roles.all() {
        role.stop().await;
    }
}

#[tokio::test]
async fn a_location_is_registered_through_an_api_that_is_a_process_of_its_own() {
    let dir = TempDir::new().unwrap();
    Roles::prepare(dir.path()).await;
    let roles = Roles::start(dir.path()).await;
    register(&roles.api, "http://127.0.0.1:1/catalog-info.yaml").await;
    let locations = roles.api.get("/api/catalog/locations").await;
    let [location] = locations.as_array().unwrap().as_slice() else { panic!("{locations}") };
    let location = &location["data"];
    let name = location["entityRef"].as_str().unwrap().rsplit('/').next().unwrap();
    assert!(roles.api.entity("location", name).await.is_some());
    let id = location["id"].as_str().unwrap();
    let url = format!("{}/api/catalog/locations/{id}", roles.api.url);
    let deleted = roles.api.client.delete(url).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    assert_eq!(roles.api.get("/api/catalog/locations").await, json!([]));
    for role in roles.all() {
        role.stop().await;
    }
}

#[tokio::test]
async fn a_power_cut_of_all_roles_in_the_middle_of_a_push_loses_nothing() {
    let dir = TempDir::new().unwrap();
    Roles::prepare(dir.path()).await;
    let roles = Roles::start(dir.path()).await;
    let workload = Workload::plain(10_000);
    let body = workload.to_ndjson();
    let url = format!("{}/api/ingest/v1/providers/{PUSH}", roles.ingest.url);
    let request = roles.ingest.client.post(url).header("content-type", NDJSON).body(body.clone());
    let pushing = tokio::spawn(request.send());
    let visible = || async { roles.api.get("/api/catalog/v1/status").await["entities"].as_i64() };
    let some = |entities: &Option<i64>| entities.is_some_and(|entities| entities > 0);
    eventually("the first entities", Duration::from_secs(60), visible, some).await;
    for role in roles.all() {
        role.kill().await;
    }
    // Whether it was answered just before the cut or broken off by it: nobody has to know.
    drop(pushing.await.unwrap());

    let roles = Roles::start(dir.path()).await;
    let (status, outcome) = roles.ingest.push(PUSH, NDJSON, body).await;
    assert_eq!((status, &outcome["accepted"]), (200, &json!(10_000)), "{outcome}");
    let unchanged = outcome["unchanged"].as_i64().unwrap();
    assert!(unchanged > 0, "what was acknowledged is not emitted again: {outcome}");
    let status = roles.api.settled().await;
    assert_eq!(status["lag"], json!({"changes": 0, "processed": 0}), "{status:#}");
    same_as_embedded(&roles.api, &workload).await;
    for role in roles.all() {
        role.stop().await;
    }
}
