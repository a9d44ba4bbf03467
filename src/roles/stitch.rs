//! The role that builds final entities.

use std::sync::Arc;

use anyhow::Result;
use backstitch_event_log::EventLog;
use backstitch_read_model::ReadModel;
use backstitch_schemas::Clock;
use tokio_util::sync::CancellationToken;

use crate::config::AppConfig;

pub(super) async fn run(
    _config: AppConfig,
    _log: Arc<dyn EventLog>,
    _read_model: Arc<dyn ReadModel>,
    _clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
) -> Result<()> {
    shutdown.cancelled().await;
    Ok(())
}
