//! Which places make an entity: the documents that it stands in, and those of the Locations above it.

use std::collections::BTreeSet;

use backstitch_schemas::EntityRef;

use super::{Claims, Place, listed_by, place_of};
use crate::Places;

/// How many Locations above an entity are climbed.
const HIGHEST: usize = 32;

impl Claims {
    /// What has to be read again to know whether the entity is still what it is, and, if it is a
    /// Location, what it lists; `None` if nothing that is read leads to it: it was pushed, is an
    /// orphan, or is none of this provider's.
    pub(crate) fn making(&self, entity_ref: &EntityRef) -> Option<Places> {
        let (mut documents, mut searched, mut listed) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut rung = Vec::new();
        let own = self.own.contains_key(entity_ref).then_some(None);
        let edges = self.listed.iter().filter(|(_, claims)| claims.contains_key(entity_ref));
        for listing in own.into_iter().chain(edges.map(|(listing, _)| Some(listing))) {
            let key = self.key(entity_ref.clone(), listing.cloned());
            if !self.is_live(&key) {
                continue;
            }
            if let Some(listing) = listing {
                documents.insert(listing.listed.clone());
                rung.push(listed_by(listing));
            }
            if entity_ref.is_location() {
                listed.insert(place_of(&key));
            }
        }
        for _ in 0..HIGHEST {
            rung.retain(|place| searched.insert(place.clone()));
            rung = rung.iter().flat_map(|place| self.above(place, &mut documents)).collect();
        }
        let any = !documents.is_empty() || !listed.is_empty();
        any.then_some(Places::These { documents, searched, listed })
    }

    /// The Locations that list the document of this one, which is added to `documents`.
    fn above(&self, place: &Place, documents: &mut BTreeSet<std::sync::Arc<str>>) -> Vec<Place> {
        let mut above = Vec::new();
        for listing in self.claims_of_location(place).filter_map(|(key, _)| key.listing) {
            documents.insert(listing.listed.clone());
            above.push(listed_by(&listing));
        }
        above
    }
}
