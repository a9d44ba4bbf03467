//! Changes that are written while something else is measured.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use backstitch_benches::Workload;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How many times a second changes are sent.
const BATCHES_A_SECOND: usize = 20;

/// Writes at a steady rate until it is stopped.
pub(super) struct Writer {
    task: JoinHandle<Result<usize>>,
    stopped: CancellationToken,
    started: Instant,
}

impl Writer {
    /// Begins to write `rate` changes a second, in batches as a busy provider sends them.
    pub(super) fn start(url: &str, workload: &Workload, rate: usize) -> Self {
        let url = format!("{url}/api/ingest/v1/providers/bench/mutations");
        let entities: Vec<Value> =
            workload.entities().iter().filter(|entity| entity["kind"] == "Component").cloned().collect();
        let stopped = CancellationToken::new();
        let batch = rate.div_ceil(BATCHES_A_SECOND);
        let task = tokio::spawn(write(url, entities, batch, stopped.clone()));
        Self { task, stopped, started: Instant::now() }
    }

    /// Ends it. Returns how many changes were written, and in how many seconds.
    pub(super) async fn stop(self) -> Result<(usize, f64)> {
        self.stopped.cancel();
        let written = self.task.await??;
        Ok((written, self.started.elapsed().as_secs_f64()))
    }
}

async fn write(url: String, entities: Vec<Value>, batch: usize, stopped: CancellationToken) -> Result<usize> {
    let client = Client::new();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / BATCHES_A_SECOND as u32);
    let mut written = 0;
    let mut components = entities.iter().cycle();
    while stopped.run_until_cancelled(ticks.tick()).await.is_some() {
        let changed = |(position, component): (usize, &Value)| {
            let mut entity = component.clone();
            entity["metadata"]["description"] =
                format!("Change {} for the ledger.", written + position).into();
            json!({"entity": entity})
        };
        let added: Vec<_> = components.by_ref().take(batch).enumerate().map(changed).collect();
        let count = added.len();
        let mutation = json!({"type": "delta", "added": added, "removed": []});
        let status = client.post(&url).json(&mutation).send().await?.status();
        ensure!(status.is_success(), "a change was answered with {status}");
        written += count;
    }
    Ok(written)
}
