//! Makes the followers of a process.

use std::{collections::HashMap, sync::Arc};

use backstitch_schemas::{Clock, ProviderName, source::SourceState};
use uuid::Uuid;

use super::{Chance, Config, HostStatus, LocationFollower, UrlReader, fetch::Fetcher};
use crate::{Follower, FollowerFactory};

/// Makes the followers of a process, which all read URLs through one reader.
pub struct LocationFollowers {
    config: Config,
    urls: Arc<UrlReader>,
    clock: Arc<dyn Clock>,
}

impl LocationFollowers {
    /// Followers that read as `config` says.
    ///
    /// # Errors
    /// If the trust store of the system cannot be used.
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Result<Self, reqwest::Error> {
        let urls = Arc::new(UrlReader::new(&config, Arc::clone(&clock))?);
        Ok(Self { config, urls, clock })
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn fetcher(&self) -> Fetcher {
        Fetcher::new(&self.config, Arc::clone(&self.urls))
    }
}

impl FollowerFactory for LocationFollowers {
    fn follower(&self, _provider: &ProviderName, known: HashMap<String, SourceState>) -> Box<dyn Follower> {
        let (config, urls, clock) = (self.config.clone(), Arc::clone(&self.urls), Arc::clone(&self.clock));
        Box::new(LocationFollower::new(config, urls, clock, chance(), known))
    }

    fn hosts(&self) -> Vec<HostStatus> {
        self.urls.gates().statuses()
    }
}

/// Numbers between 0 and 1, as random as the ids of claims.
fn chance() -> Chance {
    Box::new(|| {
        let [a, b, c, d, ..] = Uuid::new_v4().into_bytes();
        f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX)
    })
}
