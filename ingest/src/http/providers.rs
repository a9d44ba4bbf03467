//! `GET /api/ingest/v1/providers`

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::{HttpState, answer::write_position};
use crate::ProviderStatus;

/// Lists the providers that this process owns.
pub(super) async fn list_providers(State(state): State<HttpState>) -> Json<Value> {
    let statuses = state.directory.statuses();
    let providers: Vec<_> = statuses.iter().map(|(name, status)| describe(name.as_str(), status)).collect();
    Json(json!({"providers": providers, "busy": state.directory.is_busy()}))
}

fn describe(name: &str, status: &ProviderStatus) -> Value {
    let held = status
        .held
        .as_ref()
        .map(|held| json!({"removals": held.count, "since": held.since.to_string(), "sample": held.sample}));
    json!({
        "name": name,
        "type": if status.pushed { "pushed" } else { "configured" },
        "entities": status.entities,
        "lastRead": status.times.last_read.map(|time| time.to_string()),
        "lastSuccess": status.times.last_success.map(|time| time.to_string()),
        "nextRead": status.times.next_read.map(|time| time.to_string()),
        "outcome": status.outcome,
        "errors": status.errors,
        "held": held,
        "reprocessing": status.reprocessing,
        "busy": status.busy,
        "position": write_position(&status.position),
    })
}
