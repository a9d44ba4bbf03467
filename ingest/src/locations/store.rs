//! The provider of what people register.

use async_trait::async_trait;
use backstitch_schemas::{Problem, ProviderName};
use tokio_util::sync::CancellationToken;

use crate::{Connection, EntityProvider};

/// The provider of registered locations.
///
/// It says nothing by itself: its claims *are* the registered locations. Its owner makes, changes and
/// withdraws them as the commands `register`, `update-location` and `unregister` ask, so they live in
/// the log, and a restart neither forgets nor withdraws one.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultLocationStore;

impl DefaultLocationStore {
    /// Its name, the same as Backstage's.
    pub const NAME: &str = "DefaultLocationStore";
}

#[async_trait]
impl EntityProvider for DefaultLocationStore {
    fn name(&self) -> ProviderName {
        ProviderName::new(Self::NAME)
    }

    async fn run(&self, _: Connection, _: CancellationToken) -> Result<(), Problem> {
        Ok(())
    }
}
