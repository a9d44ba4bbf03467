//! `refresh`: reading again what makes an entity, before anything that nobody waits for.
//!
//! The command's position goes into the log at once, so that other commands do not wait for slow
//! hosts; the outcome follows when everything that was found is appended. If the process ends in
//! between, the next one reads everything anyway.

use std::{collections::BTreeSet, mem, sync::Arc};

use backstitch_schemas::{EntityRef, command::Command};
use serde::Deserialize;

use super::{Owner, command::Answer, step::Stop};
use crate::{Places, Refreshed, Ticket, metrics::scm_acted, tail::locked};

/// What a refresh names; everything, if nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    /// An entity, in its canonical form.
    entity_ref: Option<String>,
    /// A document or a file that a placeholder stands for, such as `url:https://example.com/a.yaml`.
    location: Option<Arc<str>>,
    /// Reads it even if its host says that it is unchanged.
    #[serde(default)]
    force: bool,
}

/// A refresh whose reads are under way.
pub(super) struct Refreshing {
    asked_by: AskedBy,
    pub(super) ticket: Ticket,
}

/// Why places are read again.
enum AskedBy {
    /// A command waits for its outcome.
    Command(Command),
    /// The webhook of a git host, as people name it; nobody waits for it.
    Host(String),
    /// Something else changed; nobody waits for it.
    Nobody,
}

impl Owner {
    /// Whether this command waits for its reads.
    pub(super) fn is_refreshing(&self, id: &str) -> bool {
        self.refreshing.iter().any(|refreshing| match &refreshing.asked_by {
            AskedBy::Command(command) => command.id.to_string() == id,
            AskedBy::Host(_) | AskedBy::Nobody => false,
        })
    }

    /// Begins to read again what the command names. `None`: the outcome follows.
    pub(super) async fn refresh(&mut self, command: &Command) -> Option<Answer> {
        let wanted = command.payload.as_deref().map_or_else(|| Ok(Wanted::default()), serde_json::from_str);
        let wanted: Wanted = match wanted {
            Ok(wanted) => wanted,
            Err(cause) => {
                return Some(Answer::rejected(
                    "not-supported",
                    format!("the payload cannot be read: {cause}"),
                ));
            }
        };
        let (places, nothing) = match (wanted.entity_ref, wanted.location) {
            (Some(text), _) => {
                let entity_ref = EntityRef::from_canonical(&text);
                let places = locked(&self.claims).making(&entity_ref);
                (places, Answer::rejected("not-found", format!("Entity {entity_ref} not found")))
            }
            (None, Some(location)) => {
                let nothing = Answer::rejected("not-found", format!("nothing is read from {location}"));
                let documents = BTreeSet::from([location]);
                let (searched, listed) = Default::default();
                (Some(Places::These { documents, searched, listed }), nothing)
            }
            (None, None) => (Some(Places::All), Answer::told("the provider reads nothing")),
        };
        let Some(places) = places else { return Some(nothing) };
        let Some(ticket) = self.follower.refresh(&places, wanted.force).await else { return Some(nothing) };
        self.refreshing.push(Refreshing { asked_by: AskedBy::Command(command.clone()), ticket });
        None
    }

    /// Has everything that makes an entity read again, even if its host says that it is unchanged; nobody
    /// waits for it.
    pub(super) async fn read_again(&mut self, entity_ref: &EntityRef) {
        let places = locked(&self.claims).making(entity_ref);
        self.read_places_again(places).await;
    }

    pub(super) async fn read_places_again(&mut self, places: Option<Places>) {
        let Some(places) = places else { return };
        if let Some(ticket) = self.follower.refresh(&places, true).await {
            self.refreshing.push(Refreshing { asked_by: AskedBy::Nobody, ticket });
        }
    }

    /// Has what a git host told of read again: what it says is gone, even if it calls it unchanged. `None`
    /// if nothing of it is read at all.
    pub(super) async fn read_for_host(&mut self, places: Places, sender: String) -> Option<Ticket> {
        let doubted = matches!(places, Places::Doubted(_));
        let ticket = self.follower.refresh(&places, doubted).await?;
        self.refreshing.push(Refreshing { asked_by: AskedBy::Host(sender), ticket });
        Some(ticket)
    }

    /// Writes the outcomes of refreshes that came to their end. What they found is appended by now.
    pub(super) async fn finish_refreshes(&mut self) -> Result<(), Stop> {
        let mut finished = false;
        for refreshing in mem::take(&mut self.refreshing) {
            match self.follower.refreshed(refreshing.ticket) {
                Some(came) => match refreshing.asked_by {
                    AskedBy::Command(command) => {
                        let answer = message_of(&came).map_or_else(Answer::done, Answer::told);
                        let answer = answer.behind(locked(&self.claims).position());
                        self.note_outcome(&command, answer);
                        finished = true;
                    }
                    AskedBy::Host(sender) => {
                        scm_acted("refresh", came.places);
                        let (provider, failed) = (&self.provider, came.problems.len());
                        tracing::info!(%provider, sender, places = came.places, failed, "read again for a git host");
                    }
                    AskedBy::Nobody => {}
                },
                None => self.refreshing.push(refreshing),
            }
        }
        if finished { self.write_state(false).await } else { Ok(()) }
    }
}

/// What a person should know of it.
fn message_of(came: &Refreshed) -> Option<String> {
    let first = came.problems.first()?;
    let noun = if came.places == 1 { "place" } else { "places" };
    Some(format!("{} of {} {noun} could not be read: {}", came.problems.len(), came.places, first.message))
}
