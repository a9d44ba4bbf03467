//! What people ask of a provider: the outcome goes into the log with the command's position, so a
//! command is carried out once, whatever crashes.

use backstitch_event_log::Advance;
use backstitch_schemas::{
    EntityRef,
    change::{Cause, CauseKind},
    command::Command,
    source::CommandOutcome,
};

use super::{Owner, step::Stop};
use crate::{Wake, tail::locked};

/// How many outcomes are remembered.
const REMEMBERED: usize = 20;

impl Owner {
    /// Carries a command out and writes what came of it.
    pub(super) async fn obey(&mut self, command: &Command, advance: &Advance) -> Result<(), Stop> {
        let id = command.id.to_string();
        if !self.state.commands.iter().any(|known| known.id == id) {
            let (outcome, message) = match self.carry_out_command(command).await? {
                Ok(message) => ("done", message),
                Err(reason) => ("rejected", Some(reason)),
            };
            self.state.commands.push(CommandOutcome {
                id,
                kind: command.kind.clone(),
                outcome: outcome.to_owned(),
                message,
                at: self.now(),
            });
            let surplus = self.state.commands.len().saturating_sub(REMEMBERED);
            self.state.commands.drain(..surplus);
        }
        self.append(Vec::new(), Vec::new(), Some(advance)).await.map(drop)
    }

    async fn carry_out_command(&mut self, command: &Command) -> Result<Result<Option<String>, String>, Stop> {
        let cause = Cause {
            kind: CauseKind::Command,
            detail: Some(match &command.requested_by {
                Some(who) => format!("{} by {who}", command.kind),
                None => command.kind.clone(),
            }),
            at: self.now(),
        };
        Ok(match command.kind.as_str() {
            "refresh" => {
                self.refresh(command.payload.as_deref()).await;
                Ok(None)
            }
            "confirm-removals" | "discard-removals" if !self.hold.stands() => {
                Ok(Some("no removals are held".to_owned()))
            }
            "confirm-removals" => {
                let known = self.hold.missing().next().is_some();
                let count = self.confirm_removals(cause).await?;
                let noun = if count == 1 { "entity is" } else { "entities are" };
                Ok(Some(if known {
                    format!("{count} {noun} removed")
                } else {
                    "the entities go as soon as they are found missing again".to_owned()
                }))
            }
            "discard-removals" => {
                self.hold.discard();
                Ok(Some("the entities stay until they are found missing again".to_owned()))
            }
            "withdraw-provider" if self.configured => {
                Err("the provider is configured; take it out of the configuration".to_owned())
            }
            "withdraw-provider" => {
                self.withdraw_all(CauseKind::Command, cause.detail.as_deref().unwrap_or_default()).await?;
                Ok(None)
            }
            other => Err(format!("`{other}` is not supported yet")),
        })
    }

    /// Reads again what lists the entity named in `payload`, or everything.
    async fn refresh(&mut self, payload: Option<&str>) {
        let wanted = payload.and_then(|payload| serde_json::from_str::<serde_json::Value>(payload).ok());
        let wanted = wanted.as_ref().and_then(|payload| payload.get("entityRef")?.as_str());
        let Some(wanted) = wanted.map(EntityRef::from_canonical) else {
            return self.follower.refresh(None, Wake::Person).await;
        };
        let mut locations: Vec<_> = {
            let claims = locked(&self.claims);
            let listings = claims.listings().into_iter().filter(|listing| {
                claims.group(Some(listing)).is_some_and(|group| group.contains_key(&wanted))
            });
            listings.map(|listing| listing.location).collect()
        };
        locations.extend(wanted.is_location().then_some(wanted));
        locations.sort();
        locations.dedup();
        for location in locations {
            self.follower.refresh(Some(&location), Wake::Person).await;
        }
    }
}
