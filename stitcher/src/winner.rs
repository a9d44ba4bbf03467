//! Which claim makes the final entity of a ref.
//!
//! Never the order of arrival: what wins is a function of the set of claims.

use std::cmp::Ordering;

use backstitch_read_model::{ClaimId, Standing};
use backstitch_schemas::ClaimKey;

use crate::claims::Claim;

/// How far from a provider's own claim a claim is: 0 for that claim itself, one more for each
/// Location on the way. Kept orphans, and what they list, are further than anything live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Depth(u32);

impl Depth {
    /// Of what a provider itself submitted.
    pub(crate) const OWN: Self = Self(0);
    /// Of an orphan that is kept. No chain of Locations is that long.
    pub(crate) const RELEASED: Self = Self(1 << 30);

    /// Of what is listed by a Location at this depth.
    pub(crate) fn below(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The claim that wins a ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Won {
    pub(crate) claim: ClaimId,
    pub(crate) depth: Depth,
}

/// The winner among the claims of one ref. `depth` tells how far a claim is from its root, or that
/// it is not live; it is not asked about released claims. The depth decides for a Location only.
pub(crate) fn winner<'c>(
    claims: impl Iterator<Item = (ClaimId, &'c Claim)>,
    is_location: bool,
    depth: impl Fn(&Claim) -> Option<Depth>,
) -> Option<Won> {
    let candidates = claims.filter(|(_, claim)| claim.is_good()).filter_map(|(id, claim)| {
        let depth = if claim.released { Depth::RELEASED } else { depth(claim)? };
        Some((Won { claim: id, depth }, claim))
    });
    let best = candidates.min_by(|(a, a_claim), (b, b_claim)| {
        let by_depth =
            if is_location { a.depth.cmp(&b.depth) } else { a_claim.released.cmp(&b_claim.released) };
        by_depth.then_with(|| precedence(a_claim, b_claim))
    });
    best.map(|(won, _)| won)
}

/// Which of two claims goes first where depth does not decide: with location key before without,
/// the earlier made, then by the source's name, so that there is always one answer.
fn precedence(a: &Claim, b: &Claim) -> Ordering {
    let rank = |claim: &Claim| (claim.location_key.is_none(), claim.created_at);
    rank(a)
        .cmp(&rank(b))
        .then_with(|| a.key.provider.cmp(&b.key.provider))
        .then_with(|| a.key.listing.cmp(&b.key.listing))
        .then_with(|| a.identity.cmp(&b.identity))
}

/// How a claim stands beside the winner of its ref. Neither a kept orphan that does not win is a
/// conflict, nor a document that is listed twice.
pub(crate) fn standing(claim: &Claim, winner: Option<&Claim>, is_live: bool) -> Standing {
    if winner.is_some_and(|winner| winner.key == claim.key) {
        Standing::Winner
    } else if !claim.is_good() {
        Standing::Formless
    } else if !is_live || claim.released {
        Standing::Detached
    } else if winner.is_some_and(|winner| repeats(&claim.key, &winner.key)) {
        Standing::Repeated
    } else {
        Standing::Loser
    }
}

/// Whether two claims are about what stands in one document.
fn repeats(a: &ClaimKey, b: &ClaimKey) -> bool {
    a.listing.as_ref().zip(b.listing.as_ref()).is_some_and(|(a, b)| a.listed == b.listed)
}
