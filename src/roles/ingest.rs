//! The role that reads the outside world.

use std::sync::Arc;

use anyhow::Result;
use backstitch_event_log::EventLog;
use backstitch_ingest::locations::{ConfigLocationProvider, LocationFollowers};
use backstitch_ingest::{CatalogPolicy, Config, EntityProvider, Ingest, Parts, RemovalHold, Strategy};
use backstitch_processors::Pipeline;
use backstitch_schemas::{Clock, Identity, LocationRef, model::Model, rules::Rules};

use crate::config::{AppConfig, OrphanStrategy, RemovalHold as ConfiguredHold};

/// Ingest as configured, owning nothing yet.
///
/// # Errors
/// If the HTTP client cannot be set up, or a setting cannot be used.
pub(super) fn ingest(
    config: &AppConfig,
    log: Arc<dyn EventLog>,
    locations: Vec<LocationRef>,
    rules: Rules,
    pipeline: &Pipeline,
    clock: Arc<dyn Clock>,
) -> Result<Ingest> {
    let settings = settings(config);
    settings.validate()?;
    let followers = LocationFollowers::new(config.locations(), Arc::clone(&clock))?;
    let providers: Vec<Arc<dyn EntityProvider>> = vec![Arc::new(ConfigLocationProvider::new(locations))];
    let policy = CatalogPolicy {
        orphans: strategy(config.catalog.orphan_strategy),
        orphan_providers: strategy(config.catalog.orphan_provider_strategy),
        rules: Arc::new(rules),
        model: Model::builtin(),
        fingerprint: pipeline.fingerprint().to_owned(),
    };
    Ok(Ingest::new(Parts {
        log,
        config: settings,
        policy,
        providers,
        followers: Arc::new(followers),
        clock,
        mint: Arc::new(Identity::mint),
    }))
}

fn settings(config: &AppConfig) -> Config {
    let own = &config.backstitch.ingest;
    let removal_hold = match own.removal_hold {
        ConfiguredHold::Beyond { share, minimum } => {
            Some(RemovalHold { share, minimum: usize::try_from(minimum).unwrap_or(usize::MAX) })
        }
        ConfiguredHold::Off => None,
    };
    Config { removal_hold, max_entity_bytes: own.max_entity_bytes, ..Config::default() }
}

fn strategy(configured: OrphanStrategy) -> Strategy {
    match configured {
        OrphanStrategy::Delete => Strategy::Delete,
        OrphanStrategy::Keep => Strategy::Keep,
    }
}
