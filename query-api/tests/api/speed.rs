//! How fast reads are. Run with
//! `cargo test --release -p backstitch-query-api --test api speed -- --ignored --nocapture`.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{fixture::Fixture, shared};

const ENTITIES: usize = 50_000;
const ROUNDS: usize = 200;

/// The generated catalog of some size, if generator and Node are there.
pub(crate) fn generated(count: usize) -> Option<Vec<Value>> {
    let generator = shared("workload/generate.js")?;
    let output = Command::new("node").arg(generator).arg(count.to_string()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures; takes a minute"]
async fn reads_of_a_large_catalog_take_milliseconds() {
    let Some(entities) = generated(ENTITIES) else {
        println!("skipped: ../shared/workload or node is not there");
        return;
    };
    let fixture = Fixture::with(&entities).await;
    let before = resident_mib();
    let started = Instant::now();
    let loaded = fixture.loaded_again().await;
    println!(
        "load of {} entities: {:?}, {} MiB more",
        loaded.len(),
        started.elapsed(),
        resident_mib() - before
    );
    drop(loaded);

    for read in reads() {
        measure(&fixture, &read).await;
    }
}

/// Asks again and again, and prints how long it took.
async fn measure(fixture: &Fixture, (name, path, body): &Read) {
    let mut times = Vec::with_capacity(ROUNDS);
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let answer = match body {
            None => fixture.get(path).await,
            Some(body) => fixture.post(path, body).await,
        };
        times.push(started.elapsed());
        assert_eq!(answer.status.as_u16(), 200, "{name}: {}", answer.text);
        bytes = answer.text.len();
    }
    times.sort();
    let (middle, late) = (millis(times[ROUNDS / 2]), millis(times[ROUNDS * 99 / 100]));
    println!("{name:36} p50 {middle:7.3} ms, p99 {late:7.3} ms, {bytes} bytes");
}

/// Name, path, and the body of a POST.
type Read = (&'static str, String, Option<Value>);

/// The reads of the catalog's users.
fn reads() -> Vec<Read> {
    let facets = json!({"facets": ["kind", "spec.type", "metadata.tags"], "query": {"kind": "component"}});
    let nested = json!({"query": {"$any": [{"spec.owner": "group:default/team-00001"}, {"metadata.tags": "rust"}]},
                        "orderBy": [{"field": "metadata.name", "order": "asc"}], "limit": 100});
    let refs: Vec<_> = (0..100).map(|number| format!("component:default/component-{number:06}")).collect();
    let catalog = "/api/catalog";
    vec![
        ("by name", format!("{catalog}/entities/by-name/component/default/component-000007"), None),
        (
            "components by name, with total",
            format!(
                "{catalog}/entities/by-query?filter=kind=component&orderField=metadata.name,asc&limit=20"
            ),
            None,
        ),
        (
            "components by name, without total",
            format!(
                "{catalog}/entities/by-query?filter=kind=component&orderField=metadata.name,asc&limit=20&totalItems=exclude"
            ),
            None,
        ),
        ("count everything", format!("{catalog}/entities/by-query?limit=0"), None),
        (
            "kind and owner",
            format!(
                "{catalog}/entities/by-query?filter=kind=component,spec.owner=group:default/team-00003&limit=20"
            ),
            None,
        ),
        (
            "relations.ownedBy",
            format!(
                "{catalog}/entities/by-query?filter=relations.ownedBy=group:default/team-00003&limit=20&orderField=metadata.name"
            ),
            None,
        ),
        (
            "full text over three fields",
            format!(
                "{catalog}/entities/by-query?fullTextFilterTerm=ledger&fullTextFilterFields=metadata.name,metadata.title,metadata.description&limit=20"
            ),
            None,
        ),
        (
            "three facets",
            format!("{catalog}/entity-facets?facet=kind&facet=spec.type&facet=metadata.tags"),
            None,
        ),
        ("three facets of components", format!("{catalog}/entity-facets"), Some(facets)),
        ("OR filter, ordered", format!("{catalog}/entities/by-query"), Some(nested)),
        ("100 refs", format!("{catalog}/entities/by-refs"), Some(json!({"entityRefs": refs}))),
        (
            "deep page by offset",
            format!("{catalog}/entities?limit=20&offset=40000&order=asc:metadata.name"),
            None,
        ),
        (
            "sparse, ordered",
            format!("{catalog}/entities/by-query?filter=kind=domain&orderField=metadata.name&limit=20"),
            None,
        ),
        (
            "200 projected",
            format!(
                "{catalog}/entities/by-query?filter=kind=component&limit=200&fields=kind,metadata.name,spec.type"
            ),
            None,
        ),
    ]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Memory of this process, in MiB.
fn resident_mib() -> i64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: i64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4096 / 1024 / 1024
}
