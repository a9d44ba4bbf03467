//! The query API as configured.

use crate::config::AppConfig;

/// Its settings.
pub(super) fn settings(config: &AppConfig) -> backstitch_query_api::Config {
    backstitch_query_api::Config {
        git_hosts: config.integrations.known_hosts(),
        readonly: config.catalog.readonly,
        location_types: config.backstitch.ingest.location_types.clone(),
        location_conflict: config.catalog.default_location_conflict_strategy,
        ..backstitch_query_api::Config::default()
    }
}
