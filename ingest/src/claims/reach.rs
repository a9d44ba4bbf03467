//! What a provider's own claims still lead to.
//!
//! Locations can list each other in circles, so what is listed by something is not yet reachable:
//! only what can be walked to from the provider's own claims is.

use std::collections::{HashMap, HashSet};

use backstitch_schemas::ClaimKey;

use super::{Claims, Place, listed_by, place_of};

impl Claims {
    /// The claims that nothing leads to once `gone` are gone and `made` are made. Released claims
    /// and those in `gone` are left out.
    pub(crate) fn unreachable<'a>(
        &self,
        gone: &HashSet<ClaimKey>,
        made: impl Iterator<Item = &'a ClaimKey>,
    ) -> Vec<ClaimKey> {
        let reachable = self.reachable(gone, made);
        let lost = self.listed.keys().filter(|listing| !reachable.contains(&listed_by(listing)));
        lost.flat_map(|listing| self.keys_in(Some(listing)))
            .filter(|key| self.is_live(key) && !gone.contains(key))
            .collect()
    }

    /// The places of the Locations that can be walked to.
    fn reachable<'a>(
        &self,
        gone: &HashSet<ClaimKey>,
        made: impl Iterator<Item = &'a ClaimKey>,
    ) -> HashSet<Place> {
        let mut lists: HashMap<Place, Vec<Place>> = HashMap::new();
        let mut open = Vec::new();
        let known = self.live_locations().map(|(_, key, _)| key).filter(|key| !gone.contains(key));
        let made = made.filter(|key| key.entity_ref.is_location()).cloned();
        for key in known.chain(made) {
            match &key.listing {
                None => open.push(place_of(&key)),
                Some(listing) => lists.entry(listed_by(listing)).or_default().push(place_of(&key)),
            }
        }
        let mut reached = HashSet::new();
        while let Some(place) = open.pop() {
            open.extend(lists.remove(&place).unwrap_or_default());
            reached.insert(place);
        }
        reached
    }
}
