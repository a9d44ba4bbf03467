//! From what is said to what is appended: the difference to what the log already has.
//!
//! Pure. The same said again plans nothing, and nothing is planned to go that was not looked for.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use backstitch_schemas::{
    Change, ClaimKey, EntityRef, Identity, Listing, LocationId, Problem,
    change::{Cause, CauseKind, Content},
};

use super::{Claims, Known, Place, errors, listed_by, place_of};
use crate::{Finding, Mutation, Removal, Submission};

/// What every planned change is made from, besides what is said.
pub(crate) struct Terms<'a> {
    /// Why, and when.
    pub(crate) cause: Cause,
    /// The largest entity that is taken, in bytes.
    pub(crate) max_entity_bytes: usize,
    /// Mints identities.
    pub(crate) mint: &'a (dyn Fn() -> Identity + Sync),
}

/// What to append, and what to tell about it.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Claims made or changed.
    pub(crate) changes: Vec<(ClaimKey, Change)>,
    /// Claims that are missing, without what was only reached through them.
    pub(crate) missing: Vec<ClaimKey>,
    /// Whether a person or the configuration asked for the removals.
    pub(crate) asked: bool,
    /// Everything that was said to be there.
    pub(crate) present: HashSet<ClaimKey>,
    /// What was the same as before.
    pub(crate) unchanged: usize,
    /// Removals of what is not the provider's.
    pub(crate) ignored: usize,
    /// Several submissions with one ref.
    pub(crate) warnings: Vec<String>,
    /// Submissions that cannot be taken, and why; their claims stay.
    pub(crate) rejected: Vec<(EntityRef, String)>,
    /// Why nothing is removed, if so.
    pub(crate) removal_skipped: Option<String>,
    /// What Locations were seen to list.
    pub(crate) seen: Vec<(Place, HashSet<Arc<str>>)>,
}

/// Plans what a provider says about its own claims.
pub(crate) fn of_mutation(claims: &Claims, mutation: Mutation, terms: &Terms<'_>) -> Plan {
    let mut plan = Plan::default();
    match mutation {
        Mutation::Full { submissions, kept, removal } => {
            plan.submit(claims, None, submissions, terms);
            plan.present.extend(kept.into_iter().map(|entity_ref| claims.key(entity_ref, None)));
            match removal {
                Removal::Skipped(why) => plan.removal_skipped = Some(why),
                Removal::Found => plan.miss_in(claims, None),
                Removal::Asked => {
                    plan.asked = true;
                    plan.miss_in(claims, None);
                }
            }
        }
        Mutation::Delta { added, removed } => {
            plan.asked = true;
            plan.submit(claims, None, added, terms);
            for entity_ref in removed {
                let key = claims.key(entity_ref, None);
                if claims.get(&key).is_none() {
                    plan.ignored += 1;
                } else if !plan.present.contains(&key) {
                    plan.missing.push(key);
                }
            }
        }
    }
    plan
}

/// Plans what reading found. Of several findings about one listing the last counts; those about a
/// Location that is not the provider's any more, or does not list the document any more, say nothing.
pub(crate) fn of_findings(claims: &Claims, findings: Vec<Finding>, terms: &Terms<'_>) -> Plan {
    let mut plan = Plan::default();
    let mut errors = ListingErrors { claims, after: HashMap::new() };
    for finding in latest(findings) {
        match finding {
            Finding::Listed { location, document, listed, errors: found } => {
                let place = (location, document);
                if claims.has_location(&place) {
                    let listed: HashSet<_> = listed.into_iter().collect();
                    plan.miss_listings(claims, &place, &listed);
                    errors.update(&place, |known| errors::after_listing(known, &listed, found));
                    plan.seen.push((place, listed));
                }
            }
            Finding::Read { listing, submissions, incomplete, errors: mut found } => {
                if plan.follows(claims, &listing) {
                    found.extend(plan.submit(claims, Some(&listing), submissions, terms));
                    if !incomplete {
                        plan.miss_in(claims, Some(&listing));
                    }
                    let document = listing.listed.clone();
                    errors.update(&listed_by(&listing), |k| errors::after_reading(k, &document, found));
                }
            }
            Finding::Absent { listing, error, gone } => {
                if plan.follows(claims, &listing) {
                    if gone {
                        plan.miss_in(claims, Some(&listing));
                    }
                    let (document, found) = (listing.listed.clone(), error.into_iter().collect());
                    errors.update(&listed_by(&listing), |k| errors::after_reading(k, &document, found));
                }
            }
            Finding::Unchanged(_) | Finding::Failed { .. } => {}
        }
    }
    let after = errors.after;
    plan.attach(claims, &after, terms);
    plan
}

/// The last finding about each subject, in order. A failure says nothing, so it replaces nothing.
fn latest(findings: Vec<Finding>) -> Vec<Finding> {
    let subject = |finding: &Finding| match finding {
        Finding::Listed { location, document, .. } => Some(((location.clone(), document.clone()), None)),
        Finding::Read { listing, .. } | Finding::Absent { listing, .. } => {
            Some((listed_by(listing), Some(listing.listed.clone())))
        }
        Finding::Unchanged(_) | Finding::Failed { .. } => None,
    };
    let mut spoken = HashSet::new();
    let mut kept: Vec<_> = findings
        .into_iter()
        .rev()
        .filter(|finding| subject(finding).is_some_and(|subject| spoken.insert(subject)))
        .collect();
    kept.reverse();
    kept
}

impl Plan {
    fn follows(&self, claims: &Claims, listing: &Listing) -> bool {
        let place = listed_by(listing);
        let seen = self.seen.iter().rev().find(|(seen, _)| *seen == place);
        let stale = match seen {
            Some((_, listed)) => !listed.contains(&listing.listed),
            None => claims.is_stale(listing),
        };
        !stale && claims.has_location(&place)
    }

    /// Plans the claims of a complete or partial list; the last of several with one ref counts.
    /// Returns problems to show on the Location that lists them.
    fn submit(
        &mut self,
        claims: &Claims,
        listing: Option<&Listing>,
        submissions: Vec<Submission>,
        terms: &Terms<'_>,
    ) -> Vec<Problem> {
        let mut last: HashMap<EntityRef, usize> = HashMap::with_capacity(submissions.len());
        let mut problems = Vec::new();
        for (index, submission) in submissions.iter().enumerate() {
            if let Some(earlier) = last.insert(submission.entity_ref.clone(), index) {
                let warning = duplicate(&submissions[earlier], earlier, submission, index);
                problems.push(Problem::input(&warning).with_advice("remove or rename one of them"));
                self.warnings.push(warning);
            }
        }
        for (index, submission) in submissions.into_iter().enumerate() {
            if last.get(&submission.entity_ref) != Some(&index) {
                continue;
            }
            let entity_ref = submission.entity_ref.clone();
            if let Err(reason) = self.claim(claims, listing, submission, terms) {
                problems.push(Problem::input(format!("{entity_ref}: {reason}")));
                self.rejected.push((entity_ref, reason));
            }
        }
        problems
    }

    fn claim(
        &mut self,
        claims: &Claims,
        listing: Option<&Listing>,
        mut submission: Submission,
        terms: &Terms<'_>,
    ) -> Result<(), String> {
        let key = claims.key(submission.entity_ref.clone(), listing.cloned());
        self.present.insert(key.clone());
        check_size(&submission.content, terms.max_entity_bytes)?;
        if key.entity_ref.is_location() {
            submission.content.listing_errors = known_errors(claims, &place_of(&key));
        }
        let named = (submission.location_key, submission.location_id);
        let change = change_of(claims.get(&key), named, submission.content, terms);
        match change {
            Some(change) => {
                let cause = cause_for(&key, &change.cause);
                self.changes.push((key, Change { cause, ..change }));
            }
            None => self.unchanged += 1,
        }
        Ok(())
    }

    /// What is known under `listing` and was not said to be there is missing.
    fn miss_in(&mut self, claims: &Claims, listing: Option<&Listing>) {
        let missing =
            claims.keys_in(listing).filter(|key| claims.is_live(key) && !self.present.contains(key));
        self.missing.extend(missing);
    }

    /// What the Location lists no longer is missing.
    fn miss_listings(&mut self, claims: &Claims, place: &Place, listed: &HashSet<Arc<str>>) {
        let documents = claims.documents.get(place).into_iter().flatten();
        for document in documents.filter(|document| !listed.contains(*document)) {
            let listing =
                Listing { location: place.0.clone(), document: place.1.clone(), listed: document.clone() };
            self.miss_in(claims, Some(&listing));
        }
    }

    /// Puts the errors of what a Location lists on its claims.
    fn attach(&mut self, claims: &Claims, after: &HashMap<Place, Vec<Problem>>, terms: &Terms<'_>) {
        if after.is_empty() {
            return;
        }
        let mut changing = HashSet::new();
        for (key, change) in self.changes.iter_mut().filter(|(key, _)| key.entity_ref.is_location()) {
            changing.insert(key.clone());
            if let (Some(errors), Some(content)) = (after.get(&place_of(key)), &mut change.content) {
                content.listing_errors.clone_from(errors);
                change.digest = content.digest(change.location_key.as_deref()).to_string();
            }
        }
        let mut places: Vec<_> = after.iter().collect();
        places.sort_by_key(|(place, _)| *place);
        for (place, errors) in places {
            for (key, content) in claims.claims_of_location(place) {
                if changing.contains(&key) || content.listing_errors == *errors {
                    continue;
                }
                let known = claims.get(&key);
                let content = Content { listing_errors: errors.clone(), ..(**content).clone() };
                let location_key = known.and_then(|known| known.location_key.as_deref().map(str::to_owned));
                let named = (location_key, claims.location_id(&key));
                let change = change_of(known, named, content, terms);
                self.changes.extend(change.map(|change| (key, change)));
            }
        }
    }
}

/// The errors of the Locations that findings speak of.
struct ListingErrors<'a> {
    claims: &'a Claims,
    after: HashMap<Place, Vec<Problem>>,
}

impl ListingErrors<'_> {
    fn update(&mut self, place: &Place, next: impl FnOnce(&[Problem]) -> Vec<Problem>) {
        let known = self.after.entry(place.clone()).or_insert_with(|| known_errors(self.claims, place));
        *known = next(known);
    }
}

fn known_errors(claims: &Claims, place: &Place) -> Vec<Problem> {
    claims
        .claims_of_location(place)
        .next()
        .map(|(_, content)| content.listing_errors.clone())
        .unwrap_or_default()
}

/// Whether an entity, with what its placeholders read, is small enough.
///
/// # Errors
/// With the reason, naming the limit.
pub(crate) fn check_size(content: &Content, max_entity_bytes: usize) -> Result<(), String> {
    let bytes = content.size();
    if bytes <= max_entity_bytes {
        return Ok(());
    }
    Err(format!(
        "EntityTooLargeError: the entity has {bytes} bytes with what its placeholders read; \
         `backstitch.ingest.maxEntityBytes` allows {max_entity_bytes}"
    ))
}

/// The next change of a claim, unless it says what it said.
fn change_of(
    known: Option<&Known>,
    named: (Option<String>, Option<LocationId>),
    content: Content,
    terms: &Terms<'_>,
) -> Option<Change> {
    let (location_key, location_id) = named;
    let digest = content.digest(location_key.as_deref());
    // Another location key is another identity.
    let known = known.filter(|known| known.location_key.as_deref() == location_key.as_deref());
    if known.is_some_and(|known| known.digest == digest && !known.released) {
        return None;
    }
    let (identity, created_at) = match known {
        Some(known) => (known.identity, known.created_at),
        None => ((terms.mint)(), terms.cause.at),
    };
    Some(Change {
        identity,
        created_at,
        location_key,
        location_id,
        digest: digest.to_string(),
        released: false,
        content: Some(content),
        cause: terms.cause.clone(),
    })
}

/// The cause of what happens to one claim: findings from many files share a step, and what is read
/// names its own file.
pub(crate) fn cause_for(key: &ClaimKey, cause: &Cause) -> Cause {
    let own = || key.listing.as_ref().filter(|_| cause.kind == CauseKind::Read);
    let detail = cause.detail.clone().or_else(|| Some(own()?.listed.to_string()));
    Cause { detail, ..cause.clone() }
}

/// Names both of two submissions with one ref.
fn duplicate(first: &Submission, first_index: usize, second: &Submission, second_index: usize) -> String {
    let place = |submission: &Submission, index: usize| match &submission.content.position {
        Some(at) => format!("document {} (line {}) of {}", at.document, at.line, submission.content.location),
        None => format!("number {} of the list", index + 1),
    };
    format!(
        "{} is described twice, in {} and in {}; the last counts",
        second.entity_ref,
        place(first, first_index),
        place(second, second_index)
    )
}
