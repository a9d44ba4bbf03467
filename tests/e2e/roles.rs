//! The roles as processes of their own, on real Kafka and Postgres.

use std::time::Duration;

use backstitch_benches::Workload;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Catalog, Launch, Services, eventually, without_ids, write};

const NDJSON: &str = "application/x-ndjson";

/// All entities of a catalog on the embedded default that was pushed the same.
async fn embedded(workload: &Workload) -> Vec<serde_json::Value> {
    let dir = TempDir::new().unwrap();
    let config = dir.path().join("app-config.yaml");
    write(&config, "catalog:\n  locations: []\n");
    let catalog = Launch::up(dir.path()).arg("--config").arg(config).start().await;
    let pushed = catalog.push("bulk/mutations?wait=visible&timeout=110", NDJSON, workload.to_ndjson()).await;
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

#[tokio::test]
async fn separate_roles_on_kafka_and_postgres_give_the_same_catalog_as_one_process() {
    let services = Services::take().await;
    let dir = TempDir::new().unwrap();
    let config = dir.path().join("app-config.yaml");
    write(&config, &format!("catalog:\n  locations: []\n{}", services.config()));
    let role = |name: &str| Launch::role(name, dir.path()).arg("--config").arg(&config);

    let mut migrate = role("migrate").start_silent();
    migrate.ended().await;
    let processors = [role("process").start_silent(), role("process").start_silent()];
    let stitcher = role("stitch").start_silent();
    let api = role("serve").listening().start().await;
    let ingest = role("ingest").listening().start().await;
    shared_out(&processors).await;

    let workload = Workload::plain(10_000);
    let path = "bulk/mutations?wait=visible&timeout=110";
    let (status, outcome) = ingest.push(path, NDJSON, workload.to_ndjson()).await;
    assert_eq!((status, &outcome["changed"]), (200, &json!(10_000)), "{outcome}");
    let revision = outcome["revision"].as_i64().unwrap();
    let seen = api.get(&format!("/api/catalog/entities/by-query?limit=0&minRevision={revision}")).await;
    assert_eq!(seen["totalItems"], 10_000);
    let status = api.settled().await;
    assert_eq!(status["lag"], json!({"changes": 0, "processed": 0}), "nothing is under way: {status:#}");
    shared_out(&processors).await;

    let separate = without_ids(&api.entities().await);
    let together = embedded(&workload).await;
    assert_eq!(separate.len(), together.len());
    for (ours, theirs) in separate.iter().zip(&together) {
        assert_eq!(ours, theirs);
    }
    let [first, second] = processors;
    for role in [ingest, first, second, stitcher, api] {
        role.stop().await;
    }
}
