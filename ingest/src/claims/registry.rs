//! The registered locations among a provider's claims, and what may become of them.
//!
//! Pure. The owner carries commands out one at a time, so of two that want the same place one comes
//! second, and finds it taken.

use backstitch_schemas::{EntityRef, LocationId, LocationRef, RegisteredLocation};

use super::Claims;
use crate::{Submission, locations::generated};

/// What registering comes to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Registration {
    /// The place is new.
    New(RegisteredLocation, Box<Submission>),
    /// This very registration was made before.
    Known(RegisteredLocation),
    /// Another registration has the place.
    Taken(RegisteredLocation),
}

/// Why a location cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoChange {
    /// There is none with the id.
    Unknown,
    /// Another one has the place.
    Taken(RegisteredLocation),
}

impl Claims {
    /// The registered location with this id.
    pub(crate) fn registered_with(&self, id: LocationId) -> Option<RegisteredLocation> {
        let (entity_ref, _) = self.location_ids.iter().find(|(_, known)| **known == id)?;
        self.registered_on(entity_ref)
    }

    /// The registered location of this place; type and target count exactly as they are written.
    pub(crate) fn registered_at(&self, location: &LocationRef) -> Option<RegisteredLocation> {
        let place = location.to_string();
        let has_place = |entity_ref: &&EntityRef| {
            let known = self.own.get(*entity_ref);
            known.is_some_and(|known| known.location_key.as_deref() == Some(place.as_str()))
        };
        let entity_ref = self.location_ids.keys().find(has_place)?;
        self.registered_on(entity_ref)
    }

    /// All registered locations, in no order.
    pub(crate) fn registered(&self) -> impl Iterator<Item = RegisteredLocation> + '_ {
        self.location_ids.keys().filter_map(|entity_ref| self.registered_on(entity_ref))
    }

    fn registered_on(&self, entity_ref: &EntityRef) -> Option<RegisteredLocation> {
        let id = *self.location_ids.get(entity_ref)?;
        let (kind, target) = self.own.get(entity_ref)?.location_key.as_deref()?.split_once(':')?;
        Some(RegisteredLocation {
            id,
            location: LocationRef::new(kind, target),
            entity_ref: entity_ref.clone(),
        })
    }

    /// What registering `location` under `id` comes to.
    pub(crate) fn register(&self, location: &LocationRef, id: LocationId) -> Registration {
        match self.registered_at(location) {
            Some(known) if known.id == id => return Registration::Known(known),
            Some(taken) => return Registration::Taken(taken),
            None => {}
        }
        let submission = generated::submission(location, &self.free_name(location, id), Some(id));
        let entity_ref = submission.entity_ref.clone();
        Registration::New(
            RegisteredLocation { id, location: location.clone(), entity_ref },
            Box::new(submission),
        )
    }

    /// The name of the Location entity. The usual one is in use where a location that was registered
    /// for this place was moved to another since.
    fn free_name(&self, location: &LocationRef, id: LocationId) -> String {
        let usual = location.generated_name();
        if !self.own.contains_key(&EntityRef::new("Location", None, &usual)) {
            return usual;
        }
        LocationRef::new(location.kind.as_str(), format!("{}#{id}", location.target)).generated_name()
    }

    /// What moving the location `id` to another place comes to.
    ///
    /// # Errors
    /// If there is none, or the place is another one's.
    pub(crate) fn move_location(
        &self,
        id: LocationId,
        location: &LocationRef,
    ) -> Result<(RegisteredLocation, Submission), NoChange> {
        let known = self.registered_with(id).ok_or(NoChange::Unknown)?;
        if let Some(taken) = self.registered_at(location).filter(|taken| taken.id != id) {
            return Err(NoChange::Taken(taken));
        }
        let submission = generated::submission(location, known.entity_ref.name(), Some(id));
        Ok((RegisteredLocation { location: location.clone(), ..known }, submission))
    }
}

#[cfg(test)]
mod tests {
    use backstitch_schemas::{
        ProviderName, Timestamp,
        change::{Cause, CauseKind},
        headers::ChangeHeaders,
    };

    use super::*;
    use crate::{
        Mutation,
        claims::plan::{self, Terms},
    };

    /// Claims after saying `submission`.
    fn said(mut claims: Claims, submission: Submission) -> Claims {
        let cause = Cause { kind: CauseKind::Command, detail: None, at: Timestamp(1) };
        let terms = Terms { cause, max_entity_bytes: 10_000, mint: &backstitch_schemas::Identity::mint };
        let mutation = Mutation::Delta { added: vec![submission], removed: Vec::new() };
        for (key, change) in plan::of_mutation(&claims, mutation, &terms).changes {
            let next = claims.position().first().map_or(0, |(_, next)| *next);
            claims.apply(&key, &ChangeHeaders::of(&change), (0, next), None);
        }
        claims
    }

    fn empty() -> Claims {
        Claims::new(ProviderName::new("DefaultLocationStore"))
    }

    fn place(name: &str) -> LocationRef {
        LocationRef::new("url", format!("https://host/{name}"))
    }

    fn registered(claims: Claims, name: &str, id: LocationId) -> (Claims, RegisteredLocation) {
        match claims.register(&place(name), id) {
            Registration::New(location, submission) => (said(claims, *submission), location),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_place_is_registered_once_and_known_again_by_its_id() {
        let id = LocationId::mint();
        let (claims, location) = registered(empty(), "a", id);
        assert_eq!(location.entity_ref.name(), place("a").generated_name());
        assert_eq!(claims.register(&place("a"), id), Registration::Known(location.clone()));
        assert_eq!(claims.register(&place("a"), LocationId::mint()), Registration::Taken(location));
        // Type and target count exactly as they are written.
        assert!(matches!(claims.register(&place("A"), LocationId::mint()), Registration::New(..)));
    }

    #[test]
    fn a_moved_location_keeps_id_and_ref_and_leaves_its_place_to_others() {
        let (first, second) = (LocationId::mint(), LocationId::mint());
        let (claims, location) = registered(empty(), "a", first);
        let (moved, submission) = claims.move_location(first, &place("b")).unwrap();
        assert_eq!(moved, RegisteredLocation { location: place("b"), ..location.clone() });
        let claims = said(claims, submission);
        assert_eq!(claims.registered_with(first), Some(moved.clone()));
        let (claims, other) = registered(claims, "a", second);
        assert_ne!(other.entity_ref, location.entity_ref, "the usual name is in use");
        assert_eq!(claims.move_location(first, &place("a")), Err(NoChange::Taken(other)));
        assert_eq!(claims.move_location(LocationId::mint(), &place("c")), Err(NoChange::Unknown));
        assert_eq!(claims.registered_with(first), Some(moved));
    }
}
