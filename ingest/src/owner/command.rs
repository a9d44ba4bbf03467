//! What people ask of a provider: the outcome goes into the log with the command's position, so a
//! command is carried out once, whatever crashes.

use backstitch_event_log::Advance;
use backstitch_schemas::{
    change::{Cause, CauseKind},
    command::Command,
    source::CommandOutcome,
};

use super::{Owner, step::Stop};

/// How many outcomes are remembered.
const REMEMBERED: usize = 20;

/// What came of a command that was carried out, or why it was not.
pub(super) type Answer = Result<Option<String>, String>;

impl Owner {
    /// Carries a command out and writes what came of it.
    pub(super) async fn obey(&mut self, command: &Command, advance: &Advance) -> Result<(), Stop> {
        let id = command.id.to_string();
        let known = self.state.commands.iter().any(|known| known.id == id) || self.is_refreshing(&id);
        if !known && let Some(answer) = self.carry_out_command(command).await? {
            let (outcome, message) = match answer {
                Ok(message) => ("done", message),
                Err(reason) => ("rejected", Some(reason)),
            };
            self.note_outcome(command, outcome, message);
        }
        self.append(Vec::new(), Vec::new(), Some(advance)).await.map(drop)
    }

    /// Remembers what came of a command.
    pub(super) fn note_outcome(&mut self, command: &Command, outcome: &str, message: Option<String>) {
        self.state.commands.push(CommandOutcome {
            id: command.id.to_string(),
            kind: command.kind.clone(),
            outcome: outcome.to_owned(),
            message,
            at: self.now(),
        });
        let surplus = self.state.commands.len().saturating_sub(REMEMBERED);
        self.state.commands.drain(..surplus);
    }

    /// `None`: the outcome follows.
    async fn carry_out_command(&mut self, command: &Command) -> Result<Option<Answer>, Stop> {
        let cause = Cause {
            kind: CauseKind::Command,
            detail: Some(match &command.requested_by {
                Some(who) => format!("{} by {who}", command.kind),
                None => command.kind.clone(),
            }),
            at: self.now(),
        };
        Ok(Some(match command.kind.as_str() {
            "refresh" => return Ok(self.refresh(command).await),
            "confirm-removals" | "discard-removals" if !self.hold.stands() => {
                Err(format!("nothing is held: no removals of `{}` wait for a decision", self.provider))
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
        }))
    }
}
