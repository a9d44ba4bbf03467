//! `backstitch bench`: the figures that users feel, measured over HTTP on this machine.
//!
//! Starts a catalog of its own with the embedded default in a temporary directory, pushes the
//! synthetic workload, and reads it back the way a portal does. Numbers are those of this machine
//! and this run; compare ratios, not runs.

mod battery;
mod server;
mod stats;
mod writer;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use backstitch_benches::Workload;
use serde_json::{Value, json};

use self::{server::Server, stats::Timings, writer::Writer};

/// What to measure.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many entities.
    #[arg(long, default_value_t = 50_000)]
    pub entities: usize,
    /// How often each read is made.
    #[arg(long, default_value_t = 200)]
    pub reads: usize,
    /// How many single changes are timed until they are visible.
    #[arg(long, default_value_t = 100)]
    pub changes: usize,
    /// How many changes a second are written while reads are timed again.
    #[arg(long, default_value_t = 1_000)]
    pub write_rate: usize,
    /// Add the awkward cases: a group of 10,000, a definition of 2 MB, a chain of 1,000, …
    #[arg(long)]
    pub awkward: bool,
}

/// Runs the whole measurement and prints it.
///
/// # Errors
/// If the catalog cannot be started, or answers other than it should.
pub async fn run(options: Options) -> Result<()> {
    let workload =
        if options.awkward { Workload::awkward(options.entities) } else { Workload::plain(options.entities) };
    let body = workload.to_ndjson();
    println!("{} entities, {:.1} MB of JSON", workload.entities().len(), body.len() as f64 / 1e6);
    let server = Server::start().await?;
    let client = reqwest::Client::new();

    bulk(&client, &server, "first push", body.clone()).await?;
    bulk(&client, &server, "the same again", body).await?;
    let used = server.usage()?;
    println!("memory {:.0} MB (peak {:.0} MB), CPU {:.1} s", used.resident_mb, used.peak_mb, used.cpu_s);
    println!("log {:.0} MB, read model {:.0} MB on disk", server.log_mb(), server.read_model_mb());

    weight(&client, &server).await?;

    let requests = || battery::requests(&client, &server.url, &workload);
    reads(&client, "read", requests(), options.reads).await?;
    let visible = single_changes(&client, &server, &workload, options.changes).await?;
    println!("{:<44} {:>9.2} {:>9.2}", "one entity changed -> visible", visible.p50_ms(), visible.p99_ms());

    let some = requests().into_iter().filter(|(name, _)| battery::UNDER_LOAD.contains(name)).collect();
    let writer = Writer::start(&server.url, &workload, options.write_rate);
    reads(&client, "read while changes are written", some, options.reads).await?;
    let (written, seconds) = writer.stop().await?;
    println!("written meanwhile: {written} changes, {:.0} a second", written as f64 / seconds);
    server.stop().await
}

/// Times some reads and prints a line for each.
async fn reads(
    client: &reqwest::Client,
    title: &str,
    requests: Vec<(&'static str, reqwest::Request)>,
    count: usize,
) -> Result<()> {
    println!("\n{title:<44} {:>9} {:>9} {:>9}", "p50 ms", "p99 ms", "bytes");
    for (name, request) in requests {
        let (timings, bytes) = battery::time(client, request, count).await.context(name)?;
        println!("{name:<44} {:>9.2} {:>9.2} {bytes:>9}", timings.p50_ms(), timings.p99_ms());
    }
    Ok(())
}

/// Prints what the index weighs, as the catalog tells it.
async fn weight(client: &reqwest::Client, server: &Server) -> Result<()> {
    let answer = client.get(format!("{}/api/catalog/v1/status", server.url)).send().await?;
    let status: Value = answer.error_for_status()?.json().await?;
    let entities = status["entities"].as_u64().unwrap_or_default().max(1);
    let each = |part: &str| status["memory"][part].as_u64().unwrap_or_default() / entities;
    println!(
        "the index, bytes an entity: JSON {} (as text {}), beyond it {}",
        each("bodies"),
        each("bodiesAsText"),
        status["memory"]["beyondBodyPerEntity"],
    );
    Ok(())
}

async fn bulk(client: &reqwest::Client, server: &Server, name: &str, body: String) -> Result<()> {
    let cpu_before = server.usage()?.cpu_s;
    let started = Instant::now();
    let url = format!("{}/api/ingest/v1/providers/bench/mutations?wait=visible&timeout=600", server.url);
    let request = client.post(url).header("content-type", "application/x-ndjson").body(body);
    let answer = request.timeout(Duration::from_secs(900)).send().await?;
    let status = answer.status();
    let outcome: Value = answer.json().await?;
    let seconds = started.elapsed().as_secs_f64();
    ensure!(status.as_u16() == 200, "the push was answered with {status}: {outcome}");
    let accepted = outcome["accepted"].as_f64().unwrap_or_default();
    let cpu = server.usage()?.cpu_s - cpu_before;
    println!(
        "{name}: {seconds:.2} s until visible, {:.0} entities/s, {:.2} ms CPU an entity, changed {}",
        accepted / seconds,
        cpu * 1_000.0 / accepted.max(1.0),
        outcome["changed"],
    );
    Ok(())
}

/// Changes one component at a time and times each until the API shows it.
async fn single_changes(
    client: &reqwest::Client,
    server: &Server,
    workload: &Workload,
    count: usize,
) -> Result<Timings> {
    let url = format!("{}/api/ingest/v1/providers/bench/mutations?wait=visible", server.url);
    let components: Vec<&Value> = workload.entities().iter().filter(|e| e["kind"] == "Component").collect();
    let mut timings = Timings::default();
    for (round, component) in components.into_iter().take(count).enumerate() {
        let mut entity = component.clone();
        entity["metadata"]["description"] = format!("Changed in round {round}.").into();
        let mutation = json!({"type": "delta", "added": [{"entity": entity}], "removed": []});
        let started = Instant::now();
        let answer = client.post(&url).json(&mutation).send().await?;
        let status = answer.status();
        let outcome = answer.text().await?;
        timings.add(started.elapsed());
        ensure!(status.as_u16() == 200, "the change was answered with {status}: {outcome}");
    }
    Ok(timings)
}
