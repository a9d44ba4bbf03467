//! All claims in memory, without their forms, and what a record makes of one.
//!
//! A claim is a function of the latest record of each of its two parts, so records may come in any
//! order, twice, or not at all where a later one superseded them.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use backstitch_read_model::{ClaimHead, ClaimId, ClaimState, RefId, Standing};
use backstitch_schemas::{
    ClaimKey, Digest, EntityRef, Identity, LocationId, Problem, Timestamp,
    processed::{Errors, Form, FormState, Stamp},
};
use smallvec::SmallVec;
use uuid::Uuid;

use crate::names::{Names, NamesOverlay, ref_index};

/// The version of a part that was never written.
const NONE: i64 = -1;

/// What one source says about one ref, without the form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Claim {
    pub(crate) key: ClaimKey,
    pub(crate) ref_id: RefId,
    /// The ref of the Location that lists it.
    pub(crate) location: Option<RefId>,
    pub(crate) identity: Identity,
    pub(crate) created_at: Timestamp,
    pub(crate) location_key: Option<Box<str>>,
    pub(crate) location_id: Option<Box<LocationId>>,
    /// Kept orphan, as the newer part says.
    pub(crate) released: bool,
    /// Version of the form, -1 while there is none.
    pub(crate) version: i64,
    pub(crate) state: ClaimState,
    pub(crate) fingerprint: Arc<str>,
    pub(crate) form_digest: Digest,
    pub(crate) form_errors: Vec<Problem>,
    pub(crate) errors: Option<Box<ErrorsPart>>,
    pub(crate) standing: Standing,
}

/// Why the latest version of a claim is invalid.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ErrorsPart {
    pub(crate) version: i64,
    pub(crate) identity: Identity,
    pub(crate) problems: Vec<Problem>,
    /// Whom the invalid version names as its owner.
    pub(crate) owner: Option<EntityRef>,
}

/// What a record changed about its claim, the lesser first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Taken {
    /// The record is not newer than what is known.
    Nothing,
    /// Only the errors part is new.
    Errors,
    /// The form is new, or what the claim's row says beside its errors.
    Row,
}

impl Claim {
    /// A claim about which nothing is known yet.
    fn unknown(key: ClaimKey, ref_id: RefId, location: Option<RefId>) -> Self {
        Self {
            key,
            ref_id,
            location,
            identity: Identity(Uuid::nil()),
            created_at: Timestamp::default(),
            location_key: None,
            location_id: None,
            released: false,
            version: NONE,
            state: ClaimState::Formless,
            fingerprint: "".into(),
            form_digest: Digest::default(),
            form_errors: Vec::new(),
            errors: None,
            standing: Standing::Formless,
        }
    }

    pub(crate) fn errors_version(&self) -> i64 {
        self.errors.as_ref().map_or(NONE, |errors| errors.version)
    }

    /// Whether it has a good form that counts: errors of a higher version under another identity
    /// say that the form is another claim's.
    pub(crate) fn is_good(&self) -> bool {
        let superseded = self
            .errors
            .as_ref()
            .is_some_and(|errors| errors.version > self.version && errors.identity != self.identity);
        self.state == ClaimState::Good && !superseded
    }

    /// The problems that count now.
    pub(crate) fn problems(&self) -> &[Problem] {
        match &self.errors {
            Some(errors) if errors.version > self.version => &errors.problems,
            _ => &self.form_errors,
        }
    }

    /// The document that it stands in; see [`ClaimKey::document`].
    pub(crate) fn document(&self) -> &str {
        self.key.document()
    }

    /// Takes a form if it is newer than the known one.
    pub(crate) fn take_form(&mut self, form: &Form) -> Taken {
        let version = form.stamp.version.0;
        if version <= self.version {
            return Taken::Nothing;
        }
        if version > self.errors_version() {
            self.released = form.stamp.released;
        }
        self.version = version;
        self.take_stamp(&form.stamp);
        (self.state, self.form_digest, self.form_errors) = match &form.state {
            FormState::Good(good) => {
                (ClaimState::Good, Digest::of(good.entity.as_bytes()), good.errors.clone())
            }
            FormState::Refused(reason) => (ClaimState::Refused, Digest::default(), vec![reason.clone()]),
            FormState::Withdrawn => (ClaimState::Withdrawn, Digest::default(), Vec::new()),
        };
        Taken::Row
    }

    /// Takes errors if they are newer than the known ones.
    pub(crate) fn take_errors(&mut self, errors: &Errors) -> Taken {
        let stamp = &errors.stamp;
        let version = stamp.version.0;
        if version <= self.errors_version() {
            return Taken::Nothing;
        }
        let was_released = self.released;
        if version > self.version {
            self.released = stamp.released;
        }
        let formless = self.version == NONE;
        if formless {
            self.take_stamp(stamp);
        }
        self.errors = Some(Box::new(ErrorsPart {
            version,
            identity: stamp.identity,
            problems: errors.errors.clone(),
            owner: errors.owner.clone(),
        }));
        if formless || self.released != was_released { Taken::Row } else { Taken::Errors }
    }

    fn take_stamp(&mut self, stamp: &Stamp) {
        self.identity = stamp.identity;
        self.created_at = stamp.created_at;
        self.location_key = stamp.location_key.as_deref().map(Into::into);
        self.location_id = stamp.location_id.map(Box::new);
        if *self.fingerprint != *stamp.fingerprint {
            self.fingerprint = stamp.fingerprint.as_str().into();
        }
    }
}

/// Claims by number, by ref, and by the Location that lists them. Claims are never forgotten: a
/// withdrawn one stays, so that a late record cannot bring it back.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    claims: Vec<Claim>,
    of_ref: Vec<SmallVec<[ClaimId; 1]>>,
    listed_by: HashMap<RefId, Vec<ClaimId>>,
}

impl Claims {
    pub(crate) fn get(&self, id: ClaimId) -> &Claim {
        &self.claims[index(id)]
    }

    pub(crate) fn len(&self) -> usize {
        self.claims.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ClaimId, &Claim)> {
        self.claims.iter().enumerate().map(|(at, claim)| (number(at), claim))
    }

    /// Takes over the rows of the database, all of them. `None` if they do not fit together.
    pub(crate) fn load(mut heads: Vec<ClaimHead>, names: &Names) -> Option<Self> {
        heads.sort_by_key(|head| head.id);
        let mut claims = Self::default();
        for head in heads {
            let id = head.id;
            if index(id) != claims.len() {
                return None;
            }
            claims.insert(id, of_head(head, names)?);
        }
        Some(claims)
    }

    /// Puts a claim at its number, which is a known one or the next.
    pub(crate) fn insert(&mut self, id: ClaimId, claim: Claim) {
        let at = index(id);
        if at < self.claims.len() {
            self.claims[at] = claim;
            return;
        }
        debug_assert_eq!(at, self.claims.len(), "numbers of claims are dense");
        let ref_at = ref_index(claim.ref_id);
        if self.of_ref.len() <= ref_at {
            self.of_ref.resize_with(ref_at + 1, SmallVec::new);
        }
        self.of_ref[ref_at].push(id);
        if let Some(location) = claim.location {
            self.listed_by.entry(location).or_default().push(id);
        }
        self.claims.push(claim);
    }
}

/// The known claims with the changes of a batch in front.
#[derive(Debug)]
pub(crate) struct ClaimsOverlay<'a> {
    base: &'a Claims,
    changed: HashMap<ClaimId, Claim>,
    new: usize,
    new_of_ref: HashMap<RefId, SmallVec<[ClaimId; 1]>>,
    newly_listed_by: HashMap<RefId, Vec<ClaimId>>,
}

impl<'a> ClaimsOverlay<'a> {
    pub(crate) fn new(base: &'a Claims) -> Self {
        Self {
            base,
            changed: HashMap::new(),
            new: 0,
            new_of_ref: HashMap::new(),
            newly_listed_by: HashMap::new(),
        }
    }

    pub(crate) fn get(&self, id: ClaimId) -> &Claim {
        self.changed.get(&id).unwrap_or_else(|| self.base.get(id))
    }

    /// The claim as it was before the batch.
    pub(crate) fn before(&self, id: ClaimId) -> Option<&'a Claim> {
        self.base.claims.get(index(id))
    }

    /// The claim, to be changed.
    pub(crate) fn edit(&mut self, id: ClaimId) -> &mut Claim {
        match self.changed.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert(self.base.get(id).clone()),
        }
    }

    /// The number of the claim with this key; a new one if it is not known.
    pub(crate) fn find_or_add(&mut self, key: &ClaimKey, names: &mut NamesOverlay<'_>) -> ClaimId {
        let ref_id = names.ref_id(&key.entity_ref);
        let found = self.of_ref(ref_id).find(|id| self.get(*id).key == *key);
        if let Some(id) = found {
            return id;
        }
        let id = number(self.base.len() + self.new);
        let location = key.listing.as_ref().map(|listing| names.ref_id(&listing.location));
        let mut key = key.clone();
        // The names hold the same text already.
        key.entity_ref = names.entity_ref(ref_id).clone();
        self.new += 1;
        self.new_of_ref.entry(ref_id).or_default().push(id);
        if let Some(location) = location {
            self.newly_listed_by.entry(location).or_default().push(id);
        }
        self.changed.insert(id, Claim::unknown(key, ref_id, location));
        id
    }

    /// All claims on a ref.
    pub(crate) fn of_ref(&self, id: RefId) -> impl Iterator<Item = ClaimId> {
        let known = self.base.of_ref.get(ref_index(id)).into_iter().flatten();
        known.chain(self.new_of_ref.get(&id).into_iter().flatten()).copied()
    }

    /// All claims that a Location lists, in whatever document it stands.
    pub(crate) fn listed_by(&self, id: RefId) -> impl Iterator<Item = ClaimId> {
        let known = self.base.listed_by.get(&id).into_iter().flatten();
        known.chain(self.newly_listed_by.get(&id).into_iter().flatten()).copied()
    }

    /// The changed claims, new ones included.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (ClaimId, &Claim)> {
        self.changed.iter().map(|(id, claim)| (*id, claim))
    }

    /// The changed claims in the order of their numbers, new ones included.
    pub(crate) fn into_changed(self) -> Vec<(ClaimId, Claim)> {
        let mut changed: Vec<_> = self.changed.into_iter().collect();
        changed.sort_unstable_by_key(|(id, _)| *id);
        changed
    }
}

fn of_head(head: ClaimHead, names: &Names) -> Option<Claim> {
    let location = match &head.key.listing {
        Some(listing) => Some(names.find(&listing.location)?),
        None => None,
    };
    let errors = (head.errors_version != NONE).then(|| {
        Box::new(ErrorsPart {
            version: head.errors_version,
            identity: Identity(head.errors_identity),
            problems: head.errors,
            owner: head.errors_owner,
        })
    });
    Some(Claim {
        key: head.key,
        ref_id: head.ref_id,
        location,
        identity: head.identity,
        created_at: head.created_at,
        location_key: head.location_key.map(Into::into),
        location_id: head.location_id.map(Box::new),
        released: head.released,
        version: head.version,
        state: head.state,
        fingerprint: head.fingerprint.into(),
        form_digest: head.form_digest,
        form_errors: head.form_errors,
        errors,
        standing: head.standing,
    })
}

fn index(id: ClaimId) -> usize {
    usize::try_from(id.0).expect("numbers of claims are not negative")
}

fn number(index: usize) -> ClaimId {
    ClaimId(i64::try_from(index).expect("a place in a list fits"))
}
