//! Why an entity changed: the record of the claim that made the difference.
//!
//! Several records of a batch may be about one ref. The one that counts is that of the winner if what it
//! says is new, else that of the claim that won before, else that of the Location that lists them, and for
//! a relation that of the neighbour that gave or took it.

use backstitch_read_model::{ClaimId, RefId, Standing};
use backstitch_schemas::change::Cause;

use crate::{claims::Claim, plan::Plan};

/// Locations that are followed upwards. A chain ends at the one whose claim changed; the bound only guards a
/// cycle.
const MAX_DEPTH: usize = 64;

impl Plan<'_> {
    /// Why the final entity of a ref changed; `originator` is a claim that gave or took one of its relations.
    pub(crate) fn cause(&self, id: RefId, originator: Option<ClaimId>) -> Option<&Cause> {
        let of_neighbour = || originator.and_then(|claim| self.cause_of_relations(claim));
        let of_any = || {
            self.causes.values().max_by_key(|(version, cause)| (cause.at, *version)).map(|(_, cause)| cause)
        };
        self.cause_of_entity(id).or_else(of_neighbour).or_else(of_any)
    }

    /// Why what a claim implies came or went.
    fn cause_of_relations(&self, originator: ClaimId) -> Option<&Cause> {
        let claim = self.claims.get(originator);
        let is_said = self.forms.contains_key(&originator) || self.says_otherwise(originator);
        let said = if is_said { self.record(originator) } else { None };
        said.or_else(|| self.cause_of_entity(claim.ref_id)).or_else(|| self.record(originator))
    }

    /// Why a ref is won by another claim, or its winner says something else; `None` if it does not.
    fn cause_of_entity(&self, id: RefId) -> Option<&Cause> {
        let mut at = id;
        for _ in 0..MAX_DEPTH {
            if let Some(cause) = self.cause_in_claims(at) {
                return Some(cause);
            }
            at = *self.verdict.because_of.get(&at)?;
        }
        None
    }

    /// The record on a ref's own claims that made the difference.
    fn cause_in_claims(&self, id: RefId) -> Option<&Cause> {
        let before = self.catalog.winners.get(id).map(|won| won.claim);
        let now = self.winner(id).map(|won| won.claim);
        let said = |claim: Option<ClaimId>| claim.filter(|claim| self.says_otherwise(*claim));
        let of_winner = said(now).and_then(|claim| self.record(claim));
        let of_former = || said(before).and_then(|claim| self.record(claim));
        of_winner.or_else(of_former).or_else(|| self.cause_of_contest(id))
    }

    /// The record of a claim that lost the ref or ceased to, which the winner tells.
    fn cause_of_contest(&self, id: RefId) -> Option<&Cause> {
        let lost = |claim: Option<&Claim>| claim.is_some_and(|claim| claim.standing == Standing::Loser);
        let contests =
            |claim: &ClaimId| lost(self.claims.before(*claim)) != lost(Some(self.claims.get(*claim)));
        self.claims.of_ref(id).filter(contests).find_map(|claim| self.record(claim))
    }

    /// Whether a claim says something else than before the batch, as far as it shows or decides who wins.
    fn says_otherwise(&self, claim: ClaimId) -> bool {
        let Some(before) = self.claims.before(claim) else { return true };
        let now = self.claims.get(claim);
        let said = |claim: &Claim| {
            (claim.form_digest, claim.identity, claim.released, claim.is_good(), claim.location_key.clone())
        };
        said(now) != said(before) || now.problems() != before.problems()
    }

    /// Why the batch said something about a claim.
    fn record(&self, claim: ClaimId) -> Option<&Cause> {
        self.causes.get(&claim).map(|(_, cause)| cause)
    }
}
