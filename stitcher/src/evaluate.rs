//! Who wins which ref after some claims changed.
//!
//! The *outcome* of a Location ref is the provider, document and depth of its winner: what it lists
//! depends on nothing else. A change that leaves outcomes as they are costs what it touches. Where an
//! outcome changes, everything reached through that Location is first taken as not live and then
//! evaluated again from what remains, in order of depth; otherwise two detached Locations that list
//! each other would keep each other alive.
//!
//! Why it is enough to look where something changed: an assignment of winners in which every ref has
//! the winner that its claims and the outcomes of *other* refs give it is unique, because a winner at
//! depth d depends on Locations at depth d - 1 only.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap},
};

use backstitch_read_model::{ClaimId, RefId, Standing};

use crate::{
    claims::{Claim, ClaimsOverlay},
    names::{NamesOverlay, ref_index},
    winner::{self, Depth, Won},
};

/// The winners of all refs, by number of the ref.
#[derive(Debug, Default)]
pub(crate) struct Winners(Vec<Option<Won>>);

impl Winners {
    pub(crate) fn get(&self, id: RefId) -> Option<Won> {
        self.0.get(ref_index(id)).copied().flatten()
    }

    pub(crate) fn set(&mut self, id: RefId, won: Option<Won>) {
        let at = ref_index(id);
        if self.0.len() <= at {
            self.0.resize(at + 1, None);
        }
        self.0[at] = won;
    }

    pub(crate) fn count(&self) -> usize {
        self.0.iter().flatten().count()
    }
}

/// What an evaluation found.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Winners of the refs that were looked at.
    pub(crate) winners: HashMap<RefId, Option<Won>>,
    /// Claims whose standing is another now.
    pub(crate) standings: Vec<(ClaimId, Standing)>,
    /// Refs whose claims changed in their liveness, with the Location that brought it about.
    pub(crate) because_of: BTreeMap<RefId, RefId>,
}

/// Evaluates the refs in `dirty` and all that depend on them.
pub(crate) fn evaluate(
    claims: &ClaimsOverlay<'_>,
    names: &NamesOverlay<'_>,
    winners: &Winners,
    dirty: &[RefId],
) -> Verdict {
    let mut evaluation =
        Evaluation { claims, names, before: winners, now: HashMap::new(), queue: BinaryHeap::new() };
    let (locations, others): (Vec<_>, Vec<_>) =
        dirty.iter().copied().partition(|id| evaluation.is_location(*id));
    evaluation.locations(&locations);
    let because_of = evaluation.reached_by_changed_outcomes();
    let rest: Vec<RefId> = others.into_iter().chain(because_of.keys().copied()).collect();
    for id in &rest {
        if !evaluation.is_location(*id) {
            let won = evaluation.winner_of(*id);
            evaluation.now.insert(*id, won);
        }
    }
    let mut looked_at: Vec<RefId> = evaluation.now.keys().copied().chain(rest).collect();
    looked_at.sort_unstable();
    looked_at.dedup();
    let standings = looked_at.into_iter().flat_map(|id| evaluation.changed_standings(id)).collect();
    Verdict { winners: evaluation.now, standings, because_of }
}

struct Evaluation<'a> {
    claims: &'a ClaimsOverlay<'a>,
    names: &'a NamesOverlay<'a>,
    before: &'a Winners,
    now: HashMap<RefId, Option<Won>>,
    queue: BinaryHeap<Reverse<(Depth, RefId)>>,
}

impl Evaluation<'_> {
    fn is_location(&self, id: RefId) -> bool {
        self.names.entity_ref(id).is_location()
    }

    fn current(&self, id: RefId) -> Option<Won> {
        self.now.get(&id).copied().unwrap_or_else(|| self.before.get(id))
    }

    /// The winner of a ref as its claims and the current outcomes of the Locations tell.
    fn winner_of(&self, id: RefId) -> Option<Won> {
        let claims = self.claims.of_ref(id).map(|claim| (claim, self.claims.get(claim)));
        winner::winner(claims, self.is_location(id), |claim| self.depth_of(claim))
    }

    /// The depth of a claim that was not released, if it is live.
    fn depth_of(&self, claim: &Claim) -> Option<Depth> {
        let Some(location) = claim.location else { return Some(Depth::OWN) };
        let won = self.current(location)?;
        lists(self.claims.get(won.claim), claim).then(|| won.depth.below())
    }

    /// Brings the winners of Locations up to date, given those whose claims changed.
    fn locations(&mut self, dirty: &[RefId]) {
        let mut changed = Vec::new();
        for id in dirty {
            let won = self.winner_of(*id);
            if self.same_outcome(self.current(*id), won) {
                self.now.insert(*id, won);
            } else {
                changed.push(*id);
            }
        }
        let unset: Vec<RefId> = changed.into_iter().flat_map(|id| self.unset(id)).collect();
        self.enqueue(&unset);
        while let Some(Reverse((depth, id))) = self.queue.pop() {
            self.settle(id, depth);
        }
    }

    /// Decides a Location ref, when everything nearer than `depth` is decided.
    fn settle(&mut self, id: RefId, depth: Depth) {
        let (current, won) = (self.current(id), self.winner_of(id));
        if current.is_some() && self.same_outcome(current, won) {
            self.now.insert(id, won);
            return;
        }
        match won {
            Some(won) if won.depth > depth => self.queue.push(Reverse((won.depth, id))),
            Some(won) if current.is_none() => {
                self.now.insert(id, Some(won));
                self.reach(id, won);
            }
            _ => {
                let unset = self.unset(id);
                self.enqueue(&unset);
            }
        }
    }

    /// Looks again at the Locations that `id` lists now, unless they have a nearer winner.
    fn reach(&mut self, id: RefId, won: Won) {
        let below = won.depth.below();
        let lister = self.claims.get(won.claim);
        for listed in self.claims.listed_by(id) {
            let claim = self.claims.get(listed);
            let further = |won: Option<Won>| won.is_none_or(|won| won.depth >= below);
            if self.is_location(claim.ref_id) && lists(lister, claim) && further(self.current(claim.ref_id)) {
                self.queue.push(Reverse((below, claim.ref_id)));
            }
        }
    }

    /// Takes a Location, and all Locations reached through it, as not live. Returns which.
    fn unset(&mut self, id: RefId) -> Vec<RefId> {
        let mut unset = vec![id];
        let mut at = 0;
        self.now.insert(id, None);
        while let Some(location) = unset.get(at).copied() {
            at += 1;
            for listed in self.claims.listed_by(location) {
                let Claim { ref_id: reached, released, .. } = *self.claims.get(listed);
                let through = |won: Option<Won>| won.is_some_and(|won| won.claim == listed);
                // A kept orphan does not win through the Location that once listed it.
                if !released && self.is_location(reached) && through(self.current(reached)) {
                    self.now.insert(reached, None);
                    unset.push(reached);
                }
            }
        }
        unset
    }

    fn enqueue(&mut self, unset: &[RefId]) {
        for id in unset {
            if let Some(won) = self.winner_of(*id) {
                self.queue.push(Reverse((won.depth, *id)));
            }
        }
    }

    /// The refs of the claims that Locations with a changed outcome list, or listed.
    fn reached_by_changed_outcomes(&self) -> BTreeMap<RefId, RefId> {
        let mut reached = BTreeMap::new();
        for (location, now) in &self.now {
            let before = self.before.get(*location);
            if self.same_source(before, *now) {
                continue;
            }
            let listers = [before, *now].map(|won| won.map(|won| self.claims.get(won.claim)));
            for listed in self.claims.listed_by(*location) {
                let claim = self.claims.get(listed);
                if listers.into_iter().flatten().any(|lister| lists(lister, claim)) {
                    // The least of them, so that the answer does not depend on the order of a map.
                    let cause = reached.entry(claim.ref_id).or_insert(*location);
                    *cause = (*cause).min(*location);
                }
            }
        }
        reached
    }

    fn changed_standings(&self, id: RefId) -> Vec<(ClaimId, Standing)> {
        let winner = self.current(id).map(|won| self.claims.get(won.claim));
        let standings = self.claims.of_ref(id).filter_map(|claim_id| {
            let claim = self.claims.get(claim_id);
            let live = self.depth_of(claim).is_some();
            let standing = winner::standing(claim, winner, live);
            (standing != claim.standing).then_some((claim_id, standing))
        });
        standings.collect()
    }

    fn same_outcome(&self, a: Option<Won>, b: Option<Won>) -> bool {
        a.map(|won| won.depth) == b.map(|won| won.depth) && self.same_source(a, b)
    }

    /// Whether two winners of one Location list the same claims.
    fn same_source(&self, a: Option<Won>, b: Option<Won>) -> bool {
        match (a, b) {
            (None, None) => true,
            (Some(a), Some(b)) if a.claim == b.claim => true,
            (Some(a), Some(b)) => {
                let (a, b) = (self.claims.get(a.claim), self.claims.get(b.claim));
                a.key.provider == b.key.provider && a.document() == b.document()
            }
            _ => false,
        }
    }
}

/// Whether `claim` is listed by a Location that `lister` won.
fn lists(lister: &Claim, claim: &Claim) -> bool {
    let listing = claim.key.listing.as_ref();
    claim.key.provider == lister.key.provider
        && listing.is_some_and(|listing| *listing.document == *lister.document())
}
