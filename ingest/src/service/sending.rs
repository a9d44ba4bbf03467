//! What is sent to the owners of providers, wherever they are: commands, and what git hosts tell.

use std::time::Duration;

use backstitch_event_log::LogError;
use backstitch_schemas::{
    ProviderName,
    command::{Command, ScmEvents},
    source::CommandOutcome,
};
use uuid::Uuid;

use super::Directory;
use crate::tail::locked;

/// How many events go into one command, so that it fits into a record.
const TOGETHER: usize = 1_000;

impl Directory {
    /// Sends a command to the owner of a provider, wherever it is, and waits until `catalog.sources`
    /// has its outcome.
    ///
    /// # Errors
    /// If the log does not take it.
    pub async fn command(
        &self,
        provider: &ProviderName,
        kind: &str,
        payload: Option<String>,
        requested_by: Option<String>,
        patience: Duration,
    ) -> Result<(Uuid, Option<CommandOutcome>), LogError> {
        let command = Command {
            id: Uuid::new_v4(),
            kind: kind.to_owned(),
            payload,
            requested_by,
            at: self.shared.clock.now(),
        };
        let id = command.id.to_string();
        self.commander.send(provider, &command).await?;
        let outcome = self.shared.tail.provider_state_where(provider, |state| {
            state.commands.iter().find(|outcome| outcome.id == id).cloned()
        });
        let outcome = tokio::time::timeout(patience, outcome).await.ok().flatten();
        Ok((command.id, outcome))
    }

    /// Sends what a git host told to the owners of all providers that follow Locations, wherever they are.
    /// `sender` names the webhook for people. Returns when the log has it.
    ///
    /// # Errors
    /// If the log does not take it.
    pub(crate) async fn heed(&self, told: ScmEvents, sender: &str) -> Result<(), LogError> {
        if told.events.is_empty() {
            return Ok(());
        }
        // Before, not all who follow Locations are known.
        self.shared.tail.caught_up().await?;
        for provider in self.followers_of_locations() {
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
