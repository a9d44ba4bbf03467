//! The role that processes changes.

use std::sync::Arc;

use anyhow::Result;
use backstitch_event_log::EventLog;
use backstitch_processors::{Config, Pipeline, Settings, Worker};
use backstitch_schemas::{Clock, rules::Rules};
use uuid::Uuid;

use crate::config::AppConfig;

/// The pipeline that this configuration asks for. Every role builds the same one: ingest needs its
/// fingerprint and its checks.
///
/// # Errors
/// If a configured kind cannot be used.
pub(super) fn pipeline(config: &AppConfig, rules: Rules) -> Result<Arc<Pipeline>> {
    let hosts = config.integrations.known_hosts();
    Ok(Arc::new(Pipeline::new(Settings { rules, model: config.backstitch.model()?, hosts })))
}

/// A worker under a name of its own: two of one name would fence each other for ever.
pub(super) fn worker(log: Arc<dyn EventLog>, pipeline: Arc<Pipeline>, clock: Arc<dyn Clock>) -> Worker {
    Worker::new(log, pipeline, clock, &Uuid::new_v4().to_string(), &Config::default())
}
