//! What people ask of a provider: the outcome goes into the log with the command's position, so a
//! command is carried out once, whatever crashes.

use std::{collections::BTreeMap, time::Duration};

use backstitch_event_log::Advance;
use backstitch_schemas::{
    Timestamp,
    change::{Cause, CauseKind},
    command::Command,
    source::{ChangesPosition, CommandOutcome},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{Owner, step::Stop};
use crate::tail::locked;

/// How many outcomes are remembered for people.
const REMEMBERED: usize = 20;

/// For how long those beyond that are kept for whoever waits for them, and how many at most.
const WAITED_FOR: Duration = Duration::from_secs(30);
const MOST_WAITED_FOR: usize = 200;

/// What carrying a command out came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// Why it was not carried out: a word that programs act on.
    reason: Option<&'static str>,
    message: Option<String>,
    detail: Option<String>,
    /// What has to be processed until everything that it changed is visible.
    positions: Vec<(u32, i64)>,
}

impl Answer {
    /// It is done.
    pub(super) fn done() -> Self {
        Self::default()
    }

    /// It is done, and this is what a person should know of it.
    pub(super) fn told(message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), ..Self::default() }
    }

    /// It cannot be done.
    pub(super) fn rejected(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason: Some(reason), message: Some(message.into()), ..Self::default() }
    }

    /// It is done, and this is what programs should know of it.
    pub(super) fn with_detail(self, detail: &impl Serialize) -> Self {
        let text = serde_json::to_string(detail).expect("details have only string keys and finite numbers");
        Self { detail: Some(text), ..self }
    }

    /// What it tells of is visible when this is, too.
    pub(super) fn behind(mut self, positions: impl IntoIterator<Item = (u32, i64)>) -> Self {
        self.positions.extend(positions);
        self
    }
}

/// Reads what a command needs.
pub(super) fn payload<T: DeserializeOwned>(command: &Command) -> Result<T, Answer> {
    let text = command.payload.as_deref().unwrap_or("null");
    serde_json::from_str(text).map_err(|cause| {
        let message = format!("the payload of `{}` cannot be read: {cause}", command.kind);
        Answer::rejected("not-supported", message)
    })
}

impl Owner {
    /// Carries a command out and writes what came of it.
    pub(super) async fn obey(&mut self, command: &Command, advance: &Advance) -> Result<(), Stop> {
        let id = command.id.to_string();
        let known = self.state.commands.iter().any(|known| known.id == id) || self.is_refreshing(&id);
        let before = locked(&self.claims).position();
        if !known && let Some(answer) = self.carry_out_command(command).await? {
            let after = locked(&self.claims).position();
            let appended = after.into_iter().filter(|position| !before.contains(position));
            self.note_outcome(command, answer.behind(appended));
        }
        self.append(Vec::new(), Vec::new(), Some(advance)).await.map(drop)
    }

    /// Remembers what came of a command.
    pub(super) fn note_outcome(&mut self, command: &Command, answer: Answer) {
        self.state.commands.push(CommandOutcome {
            id: command.id.to_string(),
            kind: command.kind.clone(),
            outcome: if answer.reason.is_none() { "done" } else { "rejected" }.to_owned(),
            message: answer.message,
            reason: answer.reason.map(str::to_owned),
            detail: answer.detail,
            positions: furthest(answer.positions),
            at: self.now(),
        });
        let surplus = surplus(&self.state.commands, self.now());
        self.state.commands.drain(..surplus);
    }

    /// `None`: the outcome follows, or nobody waits for it.
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
            "register" => self.register(command, cause).await?,
            "update-location" => self.update_location(command, cause).await?,
            "unregister" => self.unregister(command, cause).await?,
            "delete-entity" => self.delete_entity(command, cause).await?,
            "scm-events" => return self.heed(command, cause).await,
            "confirm-removals" | "discard-removals" if !self.hold.stands() => {
                let message =
                    format!("nothing is held: no removals of `{}` wait for a decision", self.provider);
                Answer::rejected("conflict", message)
            }
            "confirm-removals" => {
                let known = self.hold.missing().next().is_some();
                let count = self.confirm_removals(cause).await?;
                let noun = if count == 1 { "entity is" } else { "entities are" };
                Answer::told(if known {
                    format!("{count} {noun} removed")
                } else {
                    "the entities go as soon as they are found missing again".to_owned()
                })
            }
            "discard-removals" => {
                self.hold.discard();
                Answer::told("the entities stay until they are found missing again")
            }
            "withdraw-provider" if self.configured => Answer::rejected(
                "not-supported",
                "the provider is configured; take it out of the configuration",
            ),
            "withdraw-provider" => {
                self.withdraw_all(CauseKind::Command, cause.detail.as_deref().unwrap_or_default()).await?;
                Answer::done()
            }
            other => Answer::rejected("not-supported", format!("`{other}` is not supported yet")),
        }))
    }
}

/// How many outcomes, from the oldest on, need not be remembered any more.
fn surplus(outcomes: &[CommandOutcome], now: Timestamp) -> usize {
    let beyond = outcomes.len().saturating_sub(REMEMBERED);
    let waited_for = |outcome: &CommandOutcome| {
        now.0.saturating_sub(outcome.at.0) < i64::try_from(WAITED_FOR.as_millis()).unwrap_or(i64::MAX)
    };
    let old = outcomes[..beyond].iter().take_while(|outcome| !waited_for(outcome)).count();
    old.max(outcomes.len().saturating_sub(MOST_WAITED_FOR))
}

/// Of each partition the furthest offset.
fn furthest(positions: Vec<(u32, i64)>) -> Vec<ChangesPosition> {
    let mut furthest = BTreeMap::new();
    for (partition, next) in positions {
        let known = furthest.entry(partition).or_insert(next);
        *known = next.max(*known);
    }
    let position = |(partition, next)| ChangesPosition {
        partition: i32::try_from(partition).expect("a log has fewer partitions"),
        next,
    };
    furthest.into_iter().map(position).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_remembered_while_somebody_may_wait_for_them() {
        let outcomes = |count: usize, at: i64| -> Vec<_> {
            let outcome = CommandOutcome { at: Timestamp(at), ..CommandOutcome::default() };
            vec![outcome; count]
        };
        let now = Timestamp(100_000);
        assert_eq!(surplus(&outcomes(20, 0), now), 0);
        assert_eq!(surplus(&outcomes(25, 0), now), 5);
        assert_eq!(surplus(&outcomes(25, 90_000), now), 0);
        assert_eq!(surplus(&[outcomes(3, 0), outcomes(20, 90_000)].concat(), now), 3);
        assert_eq!(surplus(&outcomes(210, 90_000), now), 10);
    }
}
