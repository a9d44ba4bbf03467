//! All claims of one provider, as the log has them.
//!
//! Built from the records of `catalog.changes` alone, so a process that takes a provider over knows
//! what its predecessor knew. Deciding what to append is in [`plan`]; nothing here does IO.

mod chain;
mod errors;
pub(crate) mod location;
pub(crate) mod plan;
mod reach;
pub(crate) mod registry;
pub(crate) mod scm_events;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use backstitch_schemas::{
    ClaimKey, Digest, EntityRef, Identity, Listing, LocationId, ProviderName, Timestamp,
    change::Content,
    headers::{ChangeHeaders, Operation},
};

/// A Location by its ref and the document it stands in (empty: submitted by the provider itself).
pub(crate) type Place = (EntityRef, Arc<str>);

/// The latest change of a claim.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Known {
    /// Its identity.
    pub(crate) identity: Identity,
    /// When it was first made.
    pub(crate) created_at: Timestamp,
    /// Its location key.
    pub(crate) location_key: Option<Arc<str>>,
    /// Digest of what it says.
    pub(crate) digest: Digest,
    /// An orphan that is kept.
    pub(crate) released: bool,
    /// Where in `catalog.changes` the record stands.
    pub(crate) at: (u32, i64),
}

/// All claims of one provider that are not withdrawn.
#[derive(Debug)]
pub(crate) struct Claims {
    provider: ProviderName,
    own: HashMap<EntityRef, Known>,
    /// Which of the own claims are registered locations.
    location_ids: HashMap<EntityRef, LocationId>,
    listed: HashMap<Listing, HashMap<EntityRef, Known>>,
    /// What each Location is known to list, from the claims.
    documents: HashMap<Place, BTreeSet<Arc<str>>>,
    /// What Locations say, by the listing that leads to them: targets must be known to be followed.
    locations: HashMap<Place, BTreeMap<Option<Listing>, Arc<Content>>>,
    /// What each Location listed when it was last looked at. Not in the log: unknown after a start.
    seen: HashMap<Place, HashSet<Arc<str>>>,
    count: usize,
    /// The offset after the provider's last record, per partition.
    position: BTreeMap<u32, i64>,
}

impl Claims {
    pub(crate) fn new(provider: ProviderName) -> Self {
        Self {
            provider,
            own: HashMap::new(),
            location_ids: HashMap::new(),
            listed: HashMap::new(),
            documents: HashMap::new(),
            locations: HashMap::new(),
            seen: HashMap::new(),
            count: 0,
            position: BTreeMap::new(),
        }
    }

    /// Whose claims these are.
    pub(crate) fn provider(&self) -> &ProviderName {
        &self.provider
    }

    /// How many there are, released ones included.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The offset after the provider's last record, per partition.
    pub(crate) fn position(&self) -> Vec<(u32, i64)> {
        self.position.iter().map(|(partition, offset)| (*partition, *offset)).collect()
    }

    /// One claim.
    pub(crate) fn get(&self, key: &ClaimKey) -> Option<&Known> {
        self.group(key.listing.as_ref())?.get(&key.entity_ref)
    }

    /// The id of the registered location that a claim is.
    pub(crate) fn location_id(&self, key: &ClaimKey) -> Option<LocationId> {
        self.location_ids.get(&key.entity_ref).copied().filter(|_| key.listing.is_none())
    }

    /// The claims under a listing, or the provider's own.
    pub(crate) fn group(&self, listing: Option<&Listing>) -> Option<&HashMap<EntityRef, Known>> {
        match listing {
            None => Some(&self.own),
            Some(listing) => self.listed.get(listing),
        }
    }

    /// The keys of the claims under a listing, or of the provider's own.
    pub(crate) fn keys_in(&self, listing: Option<&Listing>) -> impl Iterator<Item = ClaimKey> {
        let refs = self.group(listing).into_iter().flat_map(HashMap::keys);
        refs.map(move |entity_ref| self.key(entity_ref.clone(), listing.cloned()))
    }

    /// The keys of all claims.
    pub(crate) fn keys(&self) -> impl Iterator<Item = ClaimKey> {
        self.keys_in(None).chain(self.listed.keys().flat_map(|listing| self.keys_in(Some(listing))))
    }

    /// The keys of all claims on one ref, released ones included.
    pub(crate) fn keys_on<'a>(&'a self, entity_ref: &'a EntityRef) -> impl Iterator<Item = ClaimKey> + 'a {
        let own = self.own.contains_key(entity_ref).then(|| self.key(entity_ref.clone(), None));
        let listed = self.listed.iter().filter(|(_, claims)| claims.contains_key(entity_ref));
        own.into_iter().chain(listed.map(|(listing, _)| self.key(entity_ref.clone(), Some(listing.clone()))))
    }

    /// The listings that have claims which are not released.
    pub(crate) fn listings(&self) -> Vec<Listing> {
        let live = |claims: &HashMap<_, Known>| claims.values().any(|known| !known.released);
        self.listed.iter().filter(|(_, claims)| live(claims)).map(|(listing, _)| listing.clone()).collect()
    }

    /// Whether the claim is there and not released.
    pub(crate) fn is_live(&self, key: &ClaimKey) -> bool {
        self.get(key).is_some_and(|known| !known.released)
    }

    pub(crate) fn key(&self, entity_ref: EntityRef, listing: Option<Listing>) -> ClaimKey {
        ClaimKey { entity_ref, provider: self.provider.clone(), listing }
    }

    /// Whether a Location of this provider stands in that document.
    pub(crate) fn has_location(&self, place: &Place) -> bool {
        self.claims_of_location(place).next().is_some()
    }

    /// The claims that say what the Location in this place lists, released ones left out: several
    /// if its document is listed more than once.
    pub(crate) fn claims_of_location<'a>(
        &'a self,
        place: &'a Place,
    ) -> impl Iterator<Item = (ClaimKey, &'a Arc<Content>)> {
        self.locations
            .get(place)
            .into_iter()
            .flatten()
            .map(|(listing, content)| (self.key(place.0.clone(), listing.clone()), content))
            .filter(|(key, _)| self.is_live(key))
    }

    /// All Locations that are not released, with the claims that say what they list.
    pub(crate) fn live_locations(&self) -> impl Iterator<Item = (&Place, ClaimKey, &Arc<Content>)> {
        self.locations
            .keys()
            .flat_map(|place| self.claims_of_location(place).map(move |(key, content)| (place, key, content)))
    }

    /// Whether the Location was looked at and did not list this document.
    fn is_stale(&self, listing: &Listing) -> bool {
        self.seen.get(&listed_by(listing)).is_some_and(|documents| !documents.contains(&listing.listed))
    }

    /// Remembers what a Location lists.
    pub(crate) fn note_listed(&mut self, place: Place, documents: HashSet<Arc<str>>) {
        self.seen.insert(place, documents);
    }

    /// Takes in a record. `content` is needed for Locations only. A record that is older than what
    /// is known of its partition is ignored, so taking one in again does no harm.
    pub(crate) fn apply(
        &mut self,
        key: &ClaimKey,
        headers: &ChangeHeaders,
        at: (u32, i64),
        content: Option<Arc<Content>>,
    ) {
        let position = self.position.entry(at.0).or_default();
        if at.1 < *position {
            return;
        }
        *position = at.1 + 1;
        if headers.operation == Operation::Withdrawn {
            return self.forget(key);
        }
        let known = Known {
            identity: headers.identity,
            created_at: headers.created_at,
            location_key: headers.location_key.as_deref().map(Arc::from),
            digest: headers.digest,
            released: headers.operation == Operation::Released,
            at,
        };
        let group = match &key.listing {
            None => {
                match headers.location_id {
                    Some(id) => self.location_ids.insert(key.entity_ref.clone(), id),
                    None => self.location_ids.remove(&key.entity_ref),
                };
                &mut self.own
            }
            Some(listing) => {
                self.documents.entry(listed_by(listing)).or_default().insert(listing.listed.clone());
                self.listed.entry(listing.clone()).or_default()
            }
        };
        if group.insert(key.entity_ref.clone(), known).is_none() {
            self.count += 1;
        }
        if let Some(content) = content.filter(|_| key.entity_ref.is_location()) {
            let claims = self.locations.entry(place_of(key)).or_default();
            claims.insert(key.listing.clone(), content);
        }
    }

    fn forget(&mut self, key: &ClaimKey) {
        let place = place_of(key);
        if let Some(claims) = self.locations.get_mut(&place) {
            claims.remove(&key.listing);
            if claims.is_empty() {
                self.locations.remove(&place);
            }
        }
        let Some(listing) = &key.listing else {
            self.location_ids.remove(&key.entity_ref);
            self.count -= usize::from(self.own.remove(&key.entity_ref).is_some());
            return;
        };
        let Some(group) = self.listed.get_mut(listing) else { return };
        self.count -= usize::from(group.remove(&key.entity_ref).is_some());
        if group.is_empty() {
            self.listed.remove(listing);
            let place = listed_by(listing);
            if let Some(documents) = self.documents.get_mut(&place) {
                documents.remove(&listing.listed);
                if documents.is_empty() {
                    self.documents.remove(&place);
                }
            }
        }
    }
}

/// The place of a Location with this claim.
pub(crate) fn place_of(key: &ClaimKey) -> Place {
    let document = key.listing.as_ref().map_or_else(|| Arc::from(""), |listing| listing.listed.clone());
    (key.entity_ref.clone(), document)
}

/// The place of the Location that lists along this edge.
pub(crate) fn listed_by(listing: &Listing) -> Place {
    (listing.location.clone(), listing.document.clone())
}
