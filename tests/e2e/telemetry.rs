//! What the process tells about itself in numbers and traces.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use axum::{Router, routing::get};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::support::{Catalog, Collector, Launch, Measured, component, eventually, write};

const PATIENCE: Duration = Duration::from_secs(60);
const JSON: &str = "application/json";

/// A catalog with these locations, which may be read from one host.
fn launch(dir: &TempDir, locations: &[Value], host: &str) -> Launch {
    let config = dir.path().join("app-config.yaml");
    // Counted at each export, so that nobody has to wait for half a minute.
    let all = json!({
        "catalog": {"locations": locations},
        "backend": {"reading": {"allow": [{"host": host}]}},
        "backstitch": {"metrics": {"countEvery": "0s"}},
    });
    write(&config, &all.to_string());
    Launch::up(dir.path()).arg("--config").arg(config)
}

fn empty(dir: &TempDir) -> Launch {
    launch(dir, &[], "127.0.0.1")
}

fn collected(launch: Launch, collector: &Collector) -> Launch {
    let launch = launch.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url);
    launch.env("OTEL_METRIC_EXPORT_INTERVAL", "50").env("OTEL_BSP_SCHEDULE_DELAY", "50")
}

fn entity(kind: &str, name: &str, spec: &Value) -> Value {
    let metadata = json!({"name": name});
    json!({"entity": {"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}})
}

async fn push(catalog: &Catalog, mutation: &Value) {
    let (status, outcome) = catalog.push("p/mutations?wait=visible", JSON, mutation.to_string()).await;
    assert_eq!(status, 200, "{outcome}");
}

/// A system with two components.
async fn push_two_kinds(catalog: &Catalog) {
    let of_mooring = json!({"type": "service", "lifecycle": "production", "owner": "a", "system": "mooring"});
    let added = json!([
        entity("System", "mooring", &json!({"owner": "a"})),
        entity("Component", "quay", &of_mooring),
        entity("Component", "tug", &of_mooring),
    ]);
    push(catalog, &json!({"type": "delta", "added": added, "removed": []})).await;
}

async fn until(collector: &Collector, what: &str, good: impl Fn(&Measured) -> bool) -> Measured {
    eventually(what, PATIENCE, || async { collector.last() }, good).await
}

const COMPONENTS: &str = "catalog_entities_count{kind=component}";
const SYSTEMS: &str = "catalog_entities_count{kind=system}";

#[tokio::test]
async fn a_kind_that_is_gone_is_told_to_the_collector_as_0_once_and_then_no_more() {
    let (dir, collector) = (TempDir::new().unwrap(), Collector::start().await);
    let launch = collected(empty(&dir), &collector).env("OTEL_SERVICE_NAME", "harbour");
    let catalog = launch.start().await;
    push_two_kinds(&catalog).await;
    // Each component is part of the system, which has it as a part; each of the three has an owner, which is not there.
    let expected = [
        (SYSTEMS, 1.0),
        (COMPONENTS, 2.0),
        ("catalog_relations_count", 7.0),
        ("catalog_registered_locations_count", 0.0),
    ];
    let is_told = |told: &Measured| expected.iter().all(|(name, number)| told.get(*name) == Some(number));
    until(&collector, "all numbers", is_told).await;

    let removed = json!([{"entityRef": "system:default/mooring"}]);
    push(&catalog, &json!({"type": "delta", "added": [], "removed": removed})).await;
    until(&collector, "the kind no more", |told| !told.contains_key(SYSTEMS)).await;
    let later = collector.measured().len() + 3;
    eventually("three more exports", PATIENCE, || async { collector.measured().len() }, |n| *n >= later)
        .await;
    let systems: Vec<_> = collector.measured().iter().map(|told| told.get(SYSTEMS).copied()).collect();
    let zeros = systems.iter().filter(|told| **told == Some(0.0)).count();
    assert_eq!(zeros, 1, "{systems:?}");
    assert!(systems.ends_with(&[None, None, None]), "{systems:?}");
    assert_eq!(collector.last()[COMPONENTS], 2.0);
    assert!(collector.services().iter().all(|name| name == "harbour"));
    catalog.stop().await;
}

/// A host with one descriptor, which tells its budget.
async fn host() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let headers =
        [("x-ratelimit-limit", "500"), ("x-ratelimit-remaining", "499"), ("x-ratelimit-reset", "60")];
    let router = Router::new().route("/pilot.yaml", get(async move || (headers, component("pilot", "x"))));
    tokio::spawn(async move { axum::serve(listener, router).await });
    host
}

#[tokio::test]
async fn what_the_stages_do_is_counted_and_every_name_is_documented() {
    let (dir, collector, host) = (TempDir::new().unwrap(), Collector::start().await, host().await);
    let location = json!({"type": "url", "target": format!("http://{host}/pilot.yaml")});
    let launch = launch(&dir, &[location], &host);
    let catalog = collected(launch, &collector).start().await;
    catalog.settled().await;
    push_two_kinds(&catalog).await;
    let ownerless = json!({"type": "service", "lifecycle": "production"});
    let added = json!([entity("Component", "adrift", &ownerless)]);
    push(&catalog, &json!({"type": "delta", "added": added, "removed": []})).await;
    let revision = catalog.settled().await["revision"].as_f64().unwrap();
    // What is told together with this read was done before.
    assert!(catalog.entity("component", "quay").await.is_some());

    let by_name = "http.server.request.duration{http.request.method=GET,http.response.status_code=200,\
                   http.route=/api/catalog/entities/by-name/{kind}/{namespace}/{name}}";
    let told = until(&collector, "the read by name", |told| told.contains_key(by_name)).await;
    let pushes = "http.server.request.duration{http.request.method=POST,http.response.status_code=200,\
                  http.route=/api/ingest/v1/providers/{name}/mutations}";
    assert_eq!((told[by_name], told[pushes]), (1.0, 2.0), "{told:#?}");
    let reads = "http.client.request.duration{http.request.method=GET,http.response.status_code=200";
    assert_eq!(told[&format!("{reads},server.address={host}}}")], 1.0, "{told:#?}");
    assert_eq!(told[&format!("catalog.host.budget.remaining{{server.address={host}}}")], 499.0);
    assert_eq!(told[&format!("catalog.host.documents{{server.address={host}}}")], 1.0);
    // The Location, the component behind it, and what was pushed.
    assert_eq!(told["catalog.processed.entities.count{result=changed}"], 5.0, "{told:#?}");
    assert_eq!(told["catalog.processed.entities.count{result=errors}"], 1.0);
    assert_eq!(told["catalog.processed.entities.count{result=failed}"], 0.0);
    assert!(told["catalog.processing.duration"] >= 3.0);
    assert!(told["catalog.stitched.entities.count{result=changed}"] >= 5.0);
    assert!(told["catalog.stitching.duration"] >= 3.0 && told["catalog.commit.duration"] >= 3.0);
    assert_eq!(told["catalog.revision"], revision);
    assert_eq!(told["catalog.pipeline.lag{stage=processors}"], 0.0);
    assert_eq!(told["catalog.pipeline.lag{stage=stitcher}"], 0.0);

    let documented =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/METRICS.md")).unwrap();
    let names: BTreeSet<_> = told.keys().map(|key| key.split('{').next().unwrap_or_default()).collect();
    let missing: Vec<_> = names.iter().filter(|name| !documented.contains(&format!("| `{name}`"))).collect();
    assert!(missing.is_empty(), "docs/METRICS.md does not tell of {missing:?}");
    catalog.stop().await;
}

#[tokio::test]
async fn without_a_collector_measurements_are_there_for_whoever_scrapes() {
    let dir = TempDir::new().unwrap();
    let catalog = empty(&dir).start().await;
    push_two_kinds(&catalog).await;
    let scraped = catalog.metrics().await;
    let told = |line: &str| scraped.lines().any(|told| told == line);
    assert!(told(r#"catalog_entities_count{kind="component"} 2"#), "{scraped}");
    assert!(told(r#"catalog_processed_entities_count{result="changed"} 3"#), "{scraped}");
    assert!(scraped.contains("\ncatalog_processing_duration_seconds_count "), "{scraped}");
    assert!(scraped.contains(r#"service_name="backstitch""#), "{scraped}");
    catalog.stop().await;

    let dir = TempDir::new().unwrap();
    let catalog = empty(&dir).env("OTEL_SDK_DISABLED", "true").start().await;
    push_two_kinds(&catalog).await;
    assert_eq!(catalog.metrics().await, "");
    catalog.stop().await;
}

#[tokio::test]
async fn what_was_not_sent_yet_is_sent_at_the_end_and_a_collector_that_is_away_holds_nobody_up() {
    let (dir, collector) = (TempDir::new().unwrap(), Collector::start().await);
    let hourly = |launch: Launch, url: &str| {
        launch.env("OTEL_EXPORTER_OTLP_ENDPOINT", url).env("OTEL_METRIC_EXPORT_INTERVAL", "3600000")
    };
    let catalog = hourly(empty(&dir), &collector.url).start().await;
    push_two_kinds(&catalog).await;
    assert!(collector.measured().is_empty());
    catalog.stop().await;
    assert_eq!(collector.last()[COMPONENTS], 2.0);

    let (dir, nobody) = (TempDir::new().unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let away = format!("http://{}", nobody.local_addr().unwrap());
    let catalog = hourly(empty(&dir), &away).start().await;
    push_two_kinds(&catalog).await;
    catalog.stop().await;
}

#[tokio::test]
async fn a_push_is_followed_from_the_request_to_the_commit_in_one_trace() {
    let (dir, collector) = (TempDir::new().unwrap(), Collector::start().await);
    let catalog = collected(empty(&dir), &collector).start().await;
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let system = json!([entity("System", "mooring", &json!({"owner": "a"}))]);
    let mutation = json!({"type": "delta", "added": system, "removed": []});
    let url = format!("{}/api/ingest/v1/providers/p/mutations?wait=visible", catalog.url);
    let request = catalog.client.post(url).header("traceparent", format!("00-{trace}-{parent}-01"));
    assert_eq!(request.json(&mutation).send().await.unwrap().status(), 200);

    let spans =
        || async { collector.spans().into_iter().filter(|span| hex(&span.trace_id) == trace).collect() };
    let spans: Vec<Span> =
        eventually("three spans", PATIENCE, spans, |spans: &Vec<Span>| spans.len() == 3).await;
    let named = |name: &str| {
        let span = spans.iter().find(|span| span.name == name);
        span.unwrap_or_else(|| panic!("there is no {name} in {spans:#?}"))
    };
    let request = named("POST /api/ingest/v1/providers/{name}/mutations");
    assert_eq!(hex(&request.parent_span_id), parent);
    for stage in ["process.batch", "stitch.commit"] {
        assert_eq!(hex(&named(stage).parent_span_id), hex(&request.span_id), "{stage}");
    }
    catalog.stop().await;
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
