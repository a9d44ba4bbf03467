//! Passing on what git hosts tell, to all who may read from them.

use backstitch_event_log::LogError;
use backstitch_schemas::{
    ProviderName,
    command::{Command, ScmEvents},
};
use uuid::Uuid;

use super::Directory;
use crate::tail::locked;

/// How many events go into one command, so that it fits into a record.
const TOGETHER: usize = 1_000;

impl Directory {
    /// Sends what a git host told to the owners of all providers that follow Locations, wherever they are.
    /// `sender` names the webhook for people. Returns when the log has it.
    ///
    /// # Errors
    /// If the log does not take it.
    pub(crate) async fn heed(&self, told: ScmEvents, sender: &str) -> Result<(), LogError> {
        let followers = if told.events.is_empty() { Vec::new() } else { self.followers_of_locations() };
        for provider in followers {
            for events in told.events.chunks(TOGETHER) {
                let part = ScmEvents { events: events.to_vec(), ..told.clone() };
                let command = Command {
                    id: Uuid::new_v4(),
                    kind: "scm-events".to_owned(),
                    payload: Some(serde_json::to_string(&part).expect("events have only string keys")),
                    requested_by: Some(sender.to_owned()),
                    at: self.shared.clock.now(),
                };
                self.commander.send(&provider, &command).await?;
            }
        }
        Ok(())
    }

    /// The providers among whose claims there are Locations.
    fn followers_of_locations(&self) -> Vec<ProviderName> {
        let mut providers = self.shared.tail.providers();
        providers.retain(|provider| {
            let claims = self.shared.tail.claims(provider);
            locked(&claims).live_locations().next().is_some()
        });
        providers
    }
}
