//! The first half of a batch: what its records make of the claims, and who wins now.
//!
//! Everything stands beside the catalog; nothing is applied before the commit is confirmed.

use std::collections::{HashMap, HashSet};

use backstitch_read_model::{ClaimId, ClaimState, RefId, Standing};
use backstitch_schemas::{
    ClaimKey,
    change::Cause,
    processed::{Errors, Form, FormState, GoodForm, Processed},
};

use crate::{
    catalog::Catalog,
    claims::{Claim, ClaimsOverlay, Taken},
    evaluate::{Verdict, evaluate},
    names::NamesOverlay,
    winner::Won,
};

/// A batch of which the winners are known and the final entities are not yet made.
#[derive(Debug)]
pub struct Plan<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) names: NamesOverlay<'a>,
    pub(crate) claims: ClaimsOverlay<'a>,
    /// Claims that a record of the batch changed, and how.
    pub(crate) taken: HashMap<ClaimId, Taken>,
    /// Good forms that are new with this batch.
    pub(crate) forms: HashMap<ClaimId, GoodForm>,
    /// Why the batch says something about a claim: the cause of the newest version that it brings.
    pub(crate) causes: HashMap<ClaimId, (i64, Cause)>,
    pub(crate) verdict: Verdict,
    /// Refs of which other claims lose than before.
    contested: HashSet<RefId>,
}

impl<'a> Plan<'a> {
    /// Takes records in the order of their partitions.
    pub(crate) fn new(catalog: &'a Catalog, records: impl IntoIterator<Item = Processed>) -> Self {
        let mut plan = Self {
            catalog,
            names: NamesOverlay::new(&catalog.names),
            claims: ClaimsOverlay::new(&catalog.claims),
            taken: HashMap::new(),
            forms: HashMap::new(),
            causes: HashMap::new(),
            verdict: Verdict::default(),
            contested: HashSet::new(),
        };
        for record in records {
            match record {
                Processed::Form(key, form) => plan.take_form(&key, form),
                Processed::Errors(key, errors) => plan.take_errors(&key, errors),
                Processed::Progress(_) | Processed::Header => {}
            }
        }
        plan.evaluate();
        plan
    }

    /// The claims whose stored forms [`Plan::finish`] needs: winners that are stitched again without
    /// a new form, and claims whose row is written again.
    pub fn needs(&self) -> Vec<ClaimId> {
        let mut needs: HashSet<ClaimId> = self.demoted().collect();
        needs.extend(
            self.refs_in_question()
                .filter(|id| self.must_stitch(*id))
                .filter_map(|id| self.winner(id).map(|won| won.claim)),
        );
        needs.extend(self.taken.iter().filter(|(_, taken)| **taken == Taken::Row).map(|(id, _)| *id));
        needs.retain(|id| self.claims.get(*id).state == ClaimState::Good && !self.forms.contains_key(id));
        let mut needs: Vec<_> = needs.into_iter().collect();
        needs.sort_unstable();
        needs
    }

    /// The winner of a ref, this batch included.
    pub(crate) fn winner(&self, id: RefId) -> Option<Won> {
        let known = self.verdict.winners.get(&id).copied();
        known.unwrap_or_else(|| self.catalog.winners.get(id))
    }

    /// Refs whose final entity may be another: those that were evaluated, and those of which other
    /// claims lose. Each once.
    pub(crate) fn refs_in_question(&self) -> impl Iterator<Item = RefId> {
        let evaluated = &self.verdict.winners;
        let others = self.contested.iter().filter(|id| !evaluated.contains_key(id));
        evaluated.keys().chain(others).copied()
    }

    /// The claims on a ref that lose against its winner.
    pub(crate) fn losers(&self, id: RefId) -> impl Iterator<Item = &ClaimKey> {
        let claims = self.claims.of_ref(id).map(|claim| self.claims.get(claim));
        claims.filter(|claim| claim.standing == Standing::Loser).map(|claim| &claim.key)
    }

    /// Claims that won before and do not win any more.
    pub(crate) fn demoted(&self) -> impl Iterator<Item = ClaimId> {
        self.verdict.winners.iter().filter_map(|(id, now)| {
            let before = self.catalog.winners.get(*id)?.claim;
            (now.map(|won| won.claim) != Some(before)).then_some(before)
        })
    }

    pub(crate) fn is_new_winner(&self, id: RefId, won: Won) -> bool {
        self.catalog.winners.get(id).is_none_or(|before| before.claim != won.claim)
    }

    /// Whether the body of a ref's final entity has to be made anew.
    pub(crate) fn must_stitch(&self, id: RefId) -> bool {
        let Some(won) = self.winner(id) else { return false };
        if self.is_new_winner(id, won) || self.contested.contains(&id) {
            return true;
        }
        let Some(before) = self.claims.before(won.claim) else { return true };
        let now = self.claims.get(won.claim);
        let said = |claim: &Claim| (claim.form_digest, claim.identity, claim.released);
        said(now) != said(before) || now.problems() != before.problems()
    }

    fn take_form(&mut self, key: &ClaimKey, form: Form) {
        let id = self.claims.find_or_add(key, &mut self.names);
        if form.stamp.version.0 <= self.claims.get(id).version {
            return;
        }
        self.took(id, |claim| claim.take_form(&form));
        self.because_of(id, form.stamp.version.0, form.cause);
        match form.state {
            FormState::Good(good) => self.forms.insert(id, good),
            FormState::Refused(_) | FormState::Withdrawn => self.forms.remove(&id),
        };
    }

    fn take_errors(&mut self, key: &ClaimKey, errors: Errors) {
        let id = self.claims.find_or_add(key, &mut self.names);
        if errors.stamp.version.0 <= self.claims.get(id).errors_version() {
            return;
        }
        self.took(id, |claim| claim.take_errors(&errors));
        self.because_of(id, errors.stamp.version.0, errors.cause);
    }

    fn because_of(&mut self, id: ClaimId, version: i64, cause: Cause) {
        if self.causes.get(&id).is_none_or(|(known, _)| *known <= version) {
            self.causes.insert(id, (version, cause));
        }
    }

    fn took(&mut self, id: ClaimId, take: impl FnOnce(&mut Claim) -> Taken) {
        let taken = take(self.claims.edit(id));
        let known = self.taken.entry(id).or_insert(taken);
        *known = (*known).max(taken);
    }

    fn evaluate(&mut self) {
        let mut dirty: Vec<RefId> = self.taken.keys().map(|id| self.claims.get(*id).ref_id).collect();
        dirty.sort_unstable();
        dirty.dedup();
        let verdict = evaluate(&self.claims, &self.names, &self.catalog.winners, &dirty);
        for (claim, standing) in &verdict.standings {
            let claim = self.claims.edit(*claim);
            if (claim.standing == Standing::Loser) != (*standing == Standing::Loser) {
                self.contested.insert(claim.ref_id);
            }
            claim.standing = *standing;
        }
        self.verdict = verdict;
    }
}
