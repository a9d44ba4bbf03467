//! The role that reads the outside world.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Result;
use backstitch_event_log::EventLog;
use backstitch_ingest::locations::{ConfigLocationProvider, LocationFollower, UrlReader};
use backstitch_ingest::{
    CatalogPolicy, Config, EntityProvider, Follower, FollowerFactory, Ingest, Parts, RemovalHold, Strategy,
    locations,
};
use backstitch_processors::Pipeline;
use backstitch_schemas::{
    Clock, Identity, LocationRef, ProviderName, model::Model, rules::Rules, source::SourceState,
};

use crate::config::{AppConfig, OrphanStrategy, RemovalHold as ConfiguredHold};

/// Ingest as configured, owning nothing yet.
///
/// # Errors
/// If the HTTP client cannot be set up, or a setting cannot be used.
pub fn ingest(
    config: &AppConfig,
    log: Arc<dyn EventLog>,
    locations: Vec<LocationRef>,
    rules: Rules,
    pipeline: &Pipeline,
    clock: Arc<dyn Clock>,
) -> Result<Ingest> {
    let settings = settings(config);
    settings.validate()?;
    let reading = config.locations();
    let followers = Followers {
        urls: Arc::new(UrlReader::new(&reading, Arc::clone(&clock))?),
        config: reading,
        clock: Arc::clone(&clock),
    };
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

/// Makes a follower for each provider; all share one reader of URLs, and so its budget per host.
struct Followers {
    config: locations::Config,
    urls: Arc<UrlReader>,
    clock: Arc<dyn Clock>,
}

impl FollowerFactory for Followers {
    fn follower(&self, _: &ProviderName, known: HashMap<String, SourceState>) -> Box<dyn Follower> {
        let (urls, clock) = (Arc::clone(&self.urls), Arc::clone(&self.clock));
        let follower = LocationFollower::new(self.config.clone(), urls, clock, Box::new(chance), known);
        Box::new(follower)
    }
}

/// A number between 0 and 1 from the system's randomness.
fn chance() -> f64 {
    let (high, _) = uuid::Uuid::new_v4().as_u64_pair();
    // The bits above the version are random.
    (high >> 32) as f64 / f64::from(u32::MAX)
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
