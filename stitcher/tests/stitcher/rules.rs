//! The rules of DESIGN told once more, level by level and from scratch, without regard to cost.

use std::collections::{BTreeMap, BTreeSet};

use backstitch_read_model::Standing;
use backstitch_schemas::{
    ClaimKey, EntityRef, Identity, Timestamp,
    processed::{FormState, Processed, Stamp},
};

#[derive(Clone, Debug)]
struct Parts {
    form: Option<(Stamp, bool)>,
    errors: Option<Stamp>,
}

impl Parts {
    fn newest(&self) -> &Stamp {
        let form = self.form.as_ref().map(|(stamp, _)| stamp);
        form.into_iter().chain(&self.errors).max_by_key(|stamp| stamp.version).unwrap()
    }

    fn stamp(&self) -> &Stamp {
        self.form.as_ref().map_or_else(|| self.errors.as_ref().unwrap(), |(stamp, _)| stamp)
    }

    fn is_good(&self) -> bool {
        let Some((stamp, good)) = &self.form else { return false };
        let replaced =
            self.errors.as_ref().is_some_and(|e| e.version > stamp.version && e.identity != stamp.identity);
        *good && !replaced
    }

    fn released(&self) -> bool {
        self.newest().released
    }
}

/// The standing of every claim after these records, whatever their order.
pub(crate) fn standings(records: &[Processed]) -> BTreeMap<ClaimKey, Standing> {
    let claims = latest(records);
    let winners = winners(&claims);
    let live = |key: &ClaimKey| match &key.listing {
        None => true,
        Some(listing) => winners.get(&listing.location).is_some_and(|winner| lists(winner, key)),
    };
    let standing = |key: &ClaimKey, parts: &Parts| {
        let winner = winners.get(&key.entity_ref);
        let document = |key: &ClaimKey| key.listing.as_ref().map(|listing| listing.listed.clone());
        if winner == Some(key) {
            Standing::Winner
        } else if !parts.is_good() {
            Standing::Formless
        } else if parts.released() || !live(key) {
            Standing::Detached
        } else if document(key).is_some() && winner.and_then(document) == document(key) {
            Standing::Repeated
        } else {
            Standing::Loser
        }
    };
    claims.iter().map(|(key, parts)| (key.clone(), standing(key, parts))).collect()
}

fn latest(records: &[Processed]) -> BTreeMap<ClaimKey, Parts> {
    let mut claims: BTreeMap<ClaimKey, Parts> = BTreeMap::new();
    for record in records {
        let Some(key) = record.claim() else { continue };
        let parts = claims.entry(key.clone()).or_insert(Parts { form: None, errors: None });
        match record {
            Processed::Form(_, form) => {
                if parts.form.as_ref().is_none_or(|(stamp, _)| stamp.version < form.stamp.version) {
                    parts.form = Some((form.stamp.clone(), matches!(form.state, FormState::Good(_))));
                }
            }
            Processed::Errors(_, errors) => {
                if parts.errors.as_ref().is_none_or(|stamp| stamp.version < errors.stamp.version) {
                    parts.errors = Some(errors.stamp.clone());
                }
            }
            Processed::Progress(_) | Processed::Header => {}
        }
    }
    claims
}

fn winners(claims: &BTreeMap<ClaimKey, Parts>) -> BTreeMap<EntityRef, ClaimKey> {
    let good = || claims.iter().filter(|(_, parts)| parts.is_good());
    let locations = || good().filter(|(key, _)| key.entity_ref.is_location());
    let mut winners: BTreeMap<EntityRef, ClaimKey> = BTreeMap::new();
    for released in [false, true] {
        // First what providers submitted themselves, level by level down; then kept orphans likewise.
        let mut level: Vec<_> = locations()
            .filter(|(key, parts)| parts.released() == released && (released || key.listing.is_none()))
            .collect();
        while !level.is_empty() {
            let refs: BTreeSet<_> = level.iter().map(|(key, _)| &key.entity_ref).collect();
            let mut settled = BTreeMap::new();
            for entity_ref in refs.into_iter().filter(|r| !winners.contains_key(*r)) {
                let here = level.iter().filter(|(key, _)| key.entity_ref == *entity_ref).copied();
                settled.insert(entity_ref.clone(), best(here).unwrap());
            }
            level = locations()
                .filter(|(key, parts)| {
                    let lister = key.listing.as_ref().and_then(|listing| settled.get(&listing.location));
                    !parts.released() && lister.is_some_and(|lister| lists(lister, key))
                })
                .collect();
            winners.extend(settled);
        }
    }
    let others: BTreeSet<_> =
        good().map(|(key, _)| &key.entity_ref).filter(|entity_ref| !entity_ref.is_location()).collect();
    for entity_ref in others {
        let on_it = || good().filter(|(key, _)| key.entity_ref == *entity_ref);
        let live = best(on_it().filter(|(key, parts)| {
            let lister = key.listing.as_ref().map(|listing| winners.get(&listing.location));
            !parts.released() && lister.is_none_or(|lister| lister.is_some_and(|lister| lists(lister, key)))
        }));
        let winner = live.or_else(|| best(on_it().filter(|(_, parts)| parts.released())));
        if let Some(winner) = winner {
            winners.insert(entity_ref.clone(), winner);
        }
    }
    winners
}

fn lists(lister: &ClaimKey, key: &ClaimKey) -> bool {
    let listing = key.listing.as_ref().unwrap();
    lister.provider == key.provider && lister.document() == &*listing.document
}

fn best<'c>(claims: impl Iterator<Item = (&'c ClaimKey, &'c Parts)>) -> Option<ClaimKey> {
    let rank = |(key, parts): &(&ClaimKey, &Parts)| -> (bool, Timestamp, ClaimKey, Identity) {
        let stamp = parts.stamp();
        (stamp.location_key.is_none(), stamp.created_at, (*key).clone(), stamp.identity)
    };
    claims.min_by_key(rank).map(|(key, _)| key.clone())
}
