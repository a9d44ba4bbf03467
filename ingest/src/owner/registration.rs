//! `register`, `update-location` and `unregister`: what people do with registered locations.
//!
//! The claims of the provider are the registered locations, so each command is a mutation like any
//! other. Carried out again after a crash, it finds its own doing and answers the same.

use backstitch_schemas::{
    ClaimKey, EntityRef, LocationId, RegisteredLocation,
    change::Cause,
    command::{Command, LocationConflict, LocationDetail, Register, Unregister, UpdateLocation},
};

use super::{
    Owner,
    command::{Answer, payload},
    step::Stop,
};
use crate::{
    Mutation, Submission,
    claims::registry::{NoChange, Registration},
    locations::DefaultLocationStore,
    tail::locked,
};

impl Owner {
    pub(super) async fn register(&mut self, command: &Command, cause: Cause) -> Result<Answer, Stop> {
        let asked: Register = match self.registry_payload(command) {
            Ok(asked) => asked,
            Err(answer) => return Ok(answer),
        };
        let id = asked.id.unwrap_or(LocationId(command.id));
        let registration = locked(&self.claims).register(&asked.location, id);
        Ok(match registration {
            Registration::New(location, submission) => {
                self.say(vec![*submission], Vec::new(), cause).await?;
                self.answer_with(location)
            }
            Registration::Known(location) => self.answer_with(location),
            Registration::Taken(location) if asked.on_conflict == LocationConflict::Refresh => {
                self.read_again(&location.entity_ref).await;
                self.answer_with(location)
            }
            Registration::Taken(location) => taken(&location),
        })
    }

    pub(super) async fn update_location(&mut self, command: &Command, cause: Cause) -> Result<Answer, Stop> {
        let asked: UpdateLocation = match self.registry_payload(command) {
            Ok(asked) => asked,
            Err(answer) => return Ok(answer),
        };
        let moved = locked(&self.claims).move_location(asked.id, &asked.location);
        Ok(match moved {
            Ok((location, submission)) => {
                self.say(vec![submission], Vec::new(), cause).await?;
                self.answer_with(location)
            }
            Err(NoChange::Unknown) => unknown(asked.id),
            Err(NoChange::Taken(other)) => taken(&other),
        })
    }

    pub(super) async fn unregister(&mut self, command: &Command, cause: Cause) -> Result<Answer, Stop> {
        let asked: Unregister = match self.registry_payload(command) {
            Ok(asked) => asked,
            Err(answer) => return Ok(answer),
        };
        let known = locked(&self.claims).registered_with(asked.id);
        let Some(location) = known else { return Ok(unknown(asked.id)) };
        self.say(Vec::new(), vec![location.entity_ref.clone()], cause).await?;
        Ok(self.answer_with(location))
    }

    /// What the command needs, if this provider keeps registered locations.
    fn registry_payload<T: serde::de::DeserializeOwned>(&self, command: &Command) -> Result<T, Answer> {
        if self.provider.as_str() != DefaultLocationStore::NAME {
            let message = format!("locations are registered with {} only", DefaultLocationStore::NAME);
            return Err(Answer::rejected("not-supported", message));
        }
        payload(command)
    }

    pub(super) async fn say(
        &mut self,
        added: Vec<Submission>,
        removed: Vec<EntityRef>,
        cause: Cause,
    ) -> Result<(), Stop> {
        self.apply(Mutation::Delta { added, removed }, cause.kind, cause.detail).await.map(drop)
    }

    /// The location, visible as soon as its claim is.
    fn answer_with(&self, location: RegisteredLocation) -> Answer {
        let key = ClaimKey::own(location.entity_ref.clone(), self.provider.clone());
        let at = locked(&self.claims).get(&key).map(|known| (known.at.0, known.at.1 + 1));
        Answer::done().with_detail(&LocationDetail { location }).behind(at)
    }
}

fn taken(location: &RegisteredLocation) -> Answer {
    Answer::rejected("conflict", format!("Location {} already exists", location.location))
}

fn unknown(id: LocationId) -> Answer {
    Answer::rejected("not-found", format!("Found no location with ID {id}"))
}
