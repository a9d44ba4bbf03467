//! `delete-entity`: what the provider claims on a ref is withdrawn, and where it stood is read again.
//!
//! A source that still lists the entity makes it again, under another identity. What was pushed stays
//! away until it is pushed again.

use backstitch_schemas::{
    ClaimKey,
    change::Cause,
    command::{Command, DeleteEntity},
};

use super::{
    Owner,
    command::{Answer, payload},
    step::Stop,
};
use crate::tail::locked;

impl Owner {
    pub(super) async fn delete_entity(&mut self, command: &Command, cause: Cause) -> Result<Answer, Stop> {
        let asked: DeleteEntity = match payload(command) {
            Ok(asked) => asked,
            Err(answer) => return Ok(answer),
        };
        let keys: Vec<ClaimKey> = locked(&self.claims).keys_on(&asked.entity_ref).collect();
        let places = locked(&self.claims).making(&asked.entity_ref);
        self.withdraw(keys, &cause).await?;
        // Nobody waits for it: the entity is gone, and may come back at any time.
        self.read_places_again(places).await;
        Ok(Answer::done())
    }
}
