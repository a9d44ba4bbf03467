//! Applying what is said: plan, hold, append.

use std::collections::{HashMap, HashSet};

use backstitch_schemas::{
    Change, ClaimKey, EntityRef,
    change::{Cause, CauseKind},
    source::SourceState,
};

use super::{Owner, step::Stop};
use crate::{
    Finding, Mutation, MutationOutcome, Removal, Strategy,
    claims::{
        Claims,
        plan::{self, Plan, Terms},
    },
    record,
    tail::locked,
};

/// What goes and what waits.
#[derive(Default)]
struct Removals {
    going: Vec<ClaimKey>,
    held: Vec<ClaimKey>,
}

impl Owner {
    /// Applies a mutation; returns when its changes are in the log.
    pub(super) async fn apply(
        &mut self,
        mutation: Mutation,
        kind: CauseKind,
        detail: Option<String>,
    ) -> Result<MutationOutcome, Stop> {
        let cause = Cause { kind, detail, at: self.now() };
        self.times.told(cause.at);
        // It speaks: whatever went wrong before is over.
        self.state.outcome = "ok".to_owned();
        self.state.errors.clear();
        let looked_at_all = matches!(mutation, Mutation::Full { removal: Removal::Found, .. });
        let plan = {
            let claims = locked(&self.claims);
            plan::of_mutation(&claims, mutation, &self.terms(&cause))
        };
        if looked_at_all && self.following.is_empty() {
            // Nothing else can tell what was held before a restart.
            let outcome = self.carry_out(plan, Vec::new(), &cause).await?;
            self.hold.looked_at_everything();
            self.write_state(false).await?;
            return Ok(outcome);
        }
        self.carry_out(plan, Vec::new(), &cause).await
    }

    /// Applies what reading found, and notes how it went.
    pub(super) async fn take_in(
        &mut self,
        findings: Vec<Finding>,
        states: Vec<(String, SourceState)>,
    ) -> Result<(), Stop> {
        self.times.read(&findings, self.now());
        if Self::is_silent(&findings) {
            let states = self.as_remembered(states);
            self.append(Vec::new(), states, None).await?;
        } else {
            let cause = Cause { kind: CauseKind::Read, detail: detail_of(&findings), at: self.now() };
            let plan = {
                let claims = locked(&self.claims);
                plan::of_findings(&claims, findings, &self.terms(&cause))
            };
            self.carry_out(plan, states, &cause).await?;
        }
        if self.heard && self.hold.stands() && !self.follower.is_busy() {
            self.hold.looked_at_everything();
            self.write_state(false).await?;
        }
        Ok(())
    }

    /// Withdraws everything.
    pub(super) async fn withdraw_all(&mut self, kind: CauseKind, why: &str) -> Result<(), Stop> {
        let cause = Cause { kind, detail: Some(why.to_owned()), at: self.now() };
        let keys: Vec<_> = locked(&self.claims).keys().collect();
        self.hold.discard();
        let changes = self.withdrawals(&keys, &cause);
        self.state.outcome = "withdrawn".to_owned();
        self.state.entities = Some(0);
        self.append(changes, Vec::new(), None).await?;
        self.follow().await;
        Ok(())
    }

    /// Withdraws these claims, orphans that are kept included, and removes what only they lead to.
    pub(super) async fn withdraw(&mut self, keys: Vec<ClaimKey>, cause: &Cause) -> Result<(), Stop> {
        let reached: Vec<_> = {
            let asked: HashSet<_> = keys.iter().cloned().collect();
            let all = closure(&locked(&self.claims), keys.clone(), std::iter::empty());
            all.into_iter().filter(|key| !asked.contains(key)).collect()
        };
        self.hold.retain(|key| !keys.contains(key));
        let changes = self.withdrawals(&keys, cause);
        self.remove(reached, changes, Vec::new(), cause).await?;
        if keys.iter().any(|key| key.entity_ref.is_location()) {
            self.follow().await;
        }
        Ok(())
    }

    /// Removes what a predecessor did not get to, or what another `orphanStrategy` kept.
    pub(super) async fn remove_leftovers(&mut self) -> Result<(), Stop> {
        let cause = Cause { kind: CauseKind::Configuration, detail: None, at: self.now() };
        let keys = {
            let claims = locked(&self.claims);
            let mut keys = claims.unreachable(&HashSet::new(), std::iter::empty());
            if self.shared.policy.orphans == Strategy::Delete {
                keys.extend(claims.keys().filter(|key| !claims.is_live(key)));
            }
            keys
        };
        self.remove(keys, Vec::new(), Vec::new(), &cause).await.map(drop)
    }

    /// Lets what was held go.
    pub(super) async fn confirm_removals(&mut self, why: Cause) -> Result<usize, Stop> {
        let missing = self.hold.confirm();
        let keys = closure(&locked(&self.claims), missing, std::iter::empty());
        let count = keys.len();
        self.remove(keys, Vec::new(), Vec::new(), &why).await?;
        self.follow().await;
        Ok(count)
    }

    async fn carry_out(
        &mut self,
        mut plan: Plan,
        states: Vec<(String, SourceState)>,
        cause: &Cause,
    ) -> Result<MutationOutcome, Stop> {
        let removals = self.decide_removals(&plan);
        let states = self.as_remembered(states);
        let changes = std::mem::take(&mut plan.changes);
        let mut changed = refs(changes.iter().map(|(key, _)| key));
        let concerns_locations = |keys: &[EntityRef]| keys.iter().any(EntityRef::is_location);
        let removed = refs(removals.going.iter());
        let follow = concerns_locations(&changed) || concerns_locations(&removed);
        let refused = self.remove(removals.going, changes, states, cause).await?;
        {
            let mut claims = locked(&self.claims);
            for (place, documents) in std::mem::take(&mut plan.seen) {
                claims.note_listed(place, documents);
            }
        }
        if follow {
            self.follow().await;
        }
        changed.retain(|entity_ref| !refused.iter().any(|(key, _)| key.entity_ref == *entity_ref));
        plan.rejected.extend(refused.into_iter().map(|(key, reason)| (key.entity_ref, reason)));
        for warning in &plan.warnings {
            tracing::warn!(provider = %self.provider, "{warning}");
        }
        Ok(MutationOutcome {
            changed,
            unchanged: plan.unchanged,
            removed,
            held: refs(removals.held.iter()),
            ignored: plan.ignored,
            warnings: plan.warnings,
            rejected: plan.rejected,
            removal_skipped: plan.removal_skipped,
            position: locked(&self.claims).position(),
        })
    }

    /// Which of the plan's removals go now, with all that is only reached through them.
    fn decide_removals(&mut self, plan: &Plan) -> Removals {
        let now = self.now();
        let claims = locked(&self.claims);
        let made = || plan.changes.iter().map(|(key, _)| key);
        self.hold.retain(|key| !plan.present.contains(key) && claims.is_live(key));
        if plan.asked {
            let going = closure(&claims, plan.missing.clone(), made());
            let gone: HashSet<_> = going.iter().collect();
            self.hold.retain(|key| !gone.contains(key));
            return Removals { going, held: Vec::new() };
        }
        let (waiting, new): (Vec<_>, Vec<_>) =
            plan.missing.iter().cloned().partition(|key| self.hold.has(key));
        let going = closure(&claims, new.clone(), made());
        let withdrawn = going.iter().filter(|key| !self.is_kept(key)).count();
        if new.is_empty() || self.hold.admits(withdrawn, claims.len(), now) {
            let held = closure(&claims, waiting, made());
            return Removals { going, held };
        }
        self.hold.add(new.iter().cloned(), now);
        let all = closure(&claims, self.hold.missing().cloned().collect(), made());
        self.hold.set_count(all.len());
        tracing::warn!(
            provider = %self.provider, held = all.len(),
            "many removals at once are held; confirm or discard them with `backstitch providers`"
        );
        let held = closure(&claims, waiting.into_iter().chain(new).collect(), made());
        Removals { going: Vec::new(), held }
    }

    /// While removals wait, nothing is remembered as read: the next start has to find them missing
    /// again, and must not be told "unchanged".
    fn as_remembered(&self, mut states: Vec<(String, SourceState)>) -> Vec<(String, SourceState)> {
        if self.hold.stands() {
            for (_, state) in &mut states {
                (state.etag, state.digest) = (None, None);
            }
        }
        states
    }

    /// Appends `changes`, then withdraws or releases `keys`.
    async fn remove(
        &mut self,
        keys: Vec<ClaimKey>,
        mut changes: Vec<(ClaimKey, Change)>,
        states: Vec<(String, SourceState)>,
        cause: &Cause,
    ) -> Result<Vec<(ClaimKey, String)>, Stop> {
        let (kept, gone): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| self.is_kept(key));
        changes.extend(self.releases(&kept, cause).await?);
        changes.extend(self.withdrawals(&gone, cause));
        if changes.is_empty() && states.is_empty() && self.written.is_some() {
            return self.write_state(false).await.map(|()| Vec::new());
        }
        self.append(changes, states, None).await
    }

    /// Whether the claim is released rather than withdrawn when nothing leads to it any more. A
    /// provider's own claims are always withdrawn.
    fn is_kept(&self, key: &ClaimKey) -> bool {
        key.listing.is_some() && self.shared.policy.orphans == Strategy::Keep
    }

    fn withdrawals(&self, keys: &[ClaimKey], cause: &Cause) -> Vec<(ClaimKey, Change)> {
        let claims = locked(&self.claims);
        let withdrawal = |key: &ClaimKey| {
            Some((key.clone(), record::withdrawal(claims.get(key)?, plan::cause_for(key, cause))))
        };
        keys.iter().filter_map(withdrawal).collect()
    }

    async fn releases(&mut self, keys: &[ClaimKey], cause: &Cause) -> Result<Vec<(ClaimKey, Change)>, Stop> {
        let wanted: HashMap<_, _> = {
            let claims = locked(&self.claims);
            keys.iter().filter_map(|key| Some((key.clone(), claims.get(key)?.at))).collect()
        };
        let bodies = self.contents(&wanted).await?;
        let release = |change| Change { released: true, cause: cause.clone(), ..change };
        Ok(bodies.into_iter().map(|(key, _, change)| (key, release(change))).collect())
    }

    fn terms<'a>(&'a self, cause: &Cause) -> Terms<'a> {
        Terms {
            cause: cause.clone(),
            max_entity_bytes: self.shared.config.max_entity_bytes,
            mint: &*self.shared.mint,
        }
    }
}

/// `missing`, and what only they lead to.
fn closure<'a>(
    claims: &Claims,
    missing: Vec<ClaimKey>,
    made: impl Iterator<Item = &'a ClaimKey>,
) -> Vec<ClaimKey> {
    if !missing.iter().any(|key| key.entity_ref.is_location()) {
        return missing;
    }
    let gone: HashSet<_> = missing.iter().cloned().collect();
    let lost = claims.unreachable(&gone, made);
    missing.into_iter().chain(lost).collect()
}

fn refs<'a>(keys: impl Iterator<Item = &'a ClaimKey>) -> Vec<EntityRef> {
    keys.map(|key| key.entity_ref.clone()).collect()
}

/// The file or URL, if the findings are about one.
fn detail_of(findings: &[Finding]) -> Option<String> {
    let mut documents = findings.iter().filter_map(|finding| match finding {
        Finding::Read { listing, .. } | Finding::Absent { listing, .. } => Some(&listing.listed),
        Finding::Listed { .. } | Finding::Unchanged(_) | Finding::Failed { .. } => None,
    });
    let first = documents.next()?;
    documents.all(|document| document == first).then(|| first.to_string())
}
