//! The role that reads the outside world.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use axum::Router;
use backstitch_event_log::EventLog;
use backstitch_ingest::http::{self, HttpState};
use backstitch_ingest::locations::{self, ConfigLocationProvider, DefaultLocationStore, LocationFollowers};
use backstitch_ingest::{
    CatalogPolicy, Config, Directory, EntityProvider, Ingest, Parts, Previewer, RemovalHold, Strategy,
};
use backstitch_processors::Pipeline;
use backstitch_schemas::{Clock, Identity, LocationRef, rules::Rules};

use super::progress::ReadModelProgress;
use crate::audit;
use crate::config::{AppConfig, OrphanStrategy, RemovalHold as ConfiguredHold};

/// Refuses settings that cannot be used, before anything is opened.
///
/// # Errors
/// Naming the key.
pub(super) fn check(config: &AppConfig) -> Result<()> {
    let checked = settings(config).validate();
    checked.map_err(|error| anyhow!("backstitch.ingest.{}: {}", error.path, error.reason))
}

/// Ingest as configured, owning nothing yet. Other ingest processes reach this one at `url`, unless
/// the configuration names another address.
///
/// # Errors
/// If the HTTP client cannot be set up.
pub(super) fn ingest(
    config: &AppConfig,
    log: Arc<dyn EventLog>,
    plan: (Vec<LocationRef>, Rules),
    pipeline: &Pipeline,
    clock: Arc<dyn Clock>,
    url: &str,
) -> Result<(Ingest, Arc<Previewer>)> {
    let (locations, rules) = plan;
    let settings = settings(config);
    let reading = locations::Config { model: Arc::clone(pipeline.model()), ..config.locations() };
    let followers = Arc::new(LocationFollowers::new(reading, Arc::clone(&clock))?);
    let providers: Vec<Arc<dyn EntityProvider>> =
        vec![Arc::new(ConfigLocationProvider::new(locations)), Arc::new(DefaultLocationStore)];
    let policy = CatalogPolicy {
        orphans: strategy(config.catalog.orphan_strategy),
        orphan_providers: strategy(config.catalog.orphan_provider_strategy),
        rules: Arc::new(rules),
        model: Arc::clone(pipeline.model()),
        fingerprint: pipeline.fingerprint().to_owned(),
    };
    let previewer = Arc::new(Previewer::new(Arc::clone(&followers), policy.clone()));
    let ingest = Ingest::new(Parts {
        log,
        config: settings,
        policy,
        providers,
        followers,
        clock,
        mint: Arc::new(Identity::mint),
    });
    let address = config.backstitch.ingest.address.as_deref().unwrap_or(url);
    Ok((ingest.reachable_at(address, reqwest::Client::builder().build()?), previewer))
}

/// The routes of ingest, with a record of what they change; what it does is measured from now on.
pub(super) fn routes(
    config: &AppConfig,
    directory: Arc<Directory>,
    progress: ReadModelProgress,
    previewer: Arc<Previewer>,
) -> Router {
    backstitch_ingest::metrics::observe(&directory);
    audit::recorded(http::router(HttpState {
        directory,
        progress: Some(Arc::new(progress)),
        previewer: Some(previewer),
        webhooks: Arc::new(config.webhooks()),
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
