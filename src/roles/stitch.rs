//! The role that builds final entities.

use std::sync::Arc;

use backstitch_event_log::EventLog;
use backstitch_read_model::ReadModel;
use backstitch_schemas::Clock;
use backstitch_stitcher::{Config, Worker};
use uuid::Uuid;

use crate::config::AppConfig;

/// A stitcher under a name of its own: the lead belongs to a name.
pub(super) fn worker(
    config: &AppConfig,
    log: Arc<dyn EventLog>,
    read_model: Arc<dyn ReadModel>,
    clock: Arc<dyn Clock>,
) -> Worker {
    let holder = format!("stitcher-{}", Uuid::new_v4());
    let settings = Config {
        max_batch: config.backstitch.stitcher.max_batch,
        history: config.backstitch.history.retention,
        ..Config::default()
    };
    Worker::new(log, read_model, clock, &holder, settings)
}
