//! The role that builds final entities.

use std::sync::Arc;

use anyhow::Result;
use backstitch_event_log::EventLog;
use backstitch_read_model::ReadModel;
use backstitch_schemas::Clock;
use backstitch_stitcher::{Config, Worker};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::AppConfig;

/// Stitches until `shutdown`, or stands by while another process does.
///
/// # Errors
/// If log and read model do not fit together or cannot be used, and waiting does not help.
pub(super) async fn run(
    config: AppConfig,
    log: Arc<dyn EventLog>,
    read_model: Arc<dyn ReadModel>,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
) -> Result<()> {
    // The lead belongs to a name, so two processes must never share one.
    let holder = format!("stitcher-{}", Uuid::new_v4());
    let settings = Config { max_batch: config.backstitch.stitcher.max_batch, ..Config::default() };
    let worker = Worker::new(log, read_model, clock, &holder, settings);
    Ok(worker.run(shutdown).await?)
}
