//! The provider of what `catalog.locations` names.

use async_trait::async_trait;
use backstitch_schemas::{LocationRef, Problem, ProviderName, change::CauseKind};
use tokio_util::sync::CancellationToken;

use super::generated;
use crate::{ApplyError, Connection, EntityProvider, Mutation, Removal};

/// Submits one generated Location for each entry of `catalog.locations`.
///
/// Entries that are gone from the configuration are withdrawn without being held: somebody asked
/// for it by editing the configuration.
pub struct ConfigLocationProvider {
    locations: Vec<LocationRef>,
}

impl ConfigLocationProvider {
    /// Its name, the same as Backstage's.
    pub const NAME: &str = "ConfigLocationProvider";

    /// A provider of these entries. Targets of type `file` are absolute.
    pub fn new(locations: Vec<LocationRef>) -> Self {
        Self { locations }
    }
}

#[async_trait]
impl EntityProvider for ConfigLocationProvider {
    fn name(&self) -> ProviderName {
        ProviderName::new(Self::NAME)
    }

    async fn run(&self, connection: Connection, shutdown: CancellationToken) -> Result<(), Problem> {
        let submit =
            |location: &LocationRef| generated::submission(location, &location.generated_name(), None);
        let submissions = self.locations.iter().map(submit).collect();
        let mutation = Mutation::Full { submissions, kept: Vec::new(), removal: Removal::Asked };
        match connection.apply(mutation, CauseKind::Configuration, None).await {
            // Whoever owns the provider now submits the same.
            Ok(_) | Err(ApplyError::NotOwned) => {}
            Err(error) => return Err(Problem::new("ServiceUnavailableError", error.to_string())),
        }
        shutdown.cancelled().await;
        Ok(())
    }
}
