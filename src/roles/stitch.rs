//! The role that builds final entities.

use std::sync::Arc;

use anyhow::Result;
use backstitch_event_log::EventLog;
use backstitch_read_model::ReadModel;
use backstitch_schemas::Clock;
use tokio_util::sync::CancellationToken;
