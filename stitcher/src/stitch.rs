//! The second half of a batch: relations, final entities, revisions and history.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use backstitch_read_model::{
    ClaimForm, ClaimId, Commit, EntityRelatedRow, EntityRow, HistoryOperation, HistoryRow, PositionRow,
    RefId, RelationEnd, Revision, SourceRow, TypeId,
};
use backstitch_schemas::{
    Digest, Timestamp,
    change::{Cause, CauseKind},
    processed::Relation,
};
use uuid::Uuid;

use crate::{
    catalog::Memory,
    claim_rows::claim_rows,
    contest,
    final_entity::{self, Additions},
    graph::{Edge, GraphDelta, Shown, minus, plus, relation_digest},
    names::NamesOverlay,
    plan::Plan,
    stored_form,
    winner::Won,
};

/// What a commit carries besides the outcome of its records.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// The revision that the commit builds on.
    pub base: Revision,
    /// When it is made.
    pub at: Timestamp,
    /// Set with the first commit of an incarnation.
    pub log_id: Option<Uuid>,
    /// Where reading of `catalog.processed` goes on.
    pub positions: Vec<PositionRow>,
    /// Where reading of `catalog.sources` goes on.
    pub sources_next: Option<i64>,
    /// States of sources to copy.
    pub sources: Vec<SourceRow>,
}

/// A batch, ready to be committed and then applied.
#[derive(Debug)]
pub struct Delta {
    /// What is written.
    pub commit: Commit,
    /// What the memory takes over once it is written.
    pub memory: Memory,
    /// Refs that were stitched, whether that changed them or not.
    pub looked_at: usize,
}

/// The read model lacks a form that it must have, or holds one that is none.
#[derive(Debug, thiserror::Error)]
#[error("the read model has no usable form for claim {id}", id = .0.0)]
pub struct MissingForm(pub ClaimId);

impl Plan<'_> {
    /// Makes the final entities, given the forms that [`Plan::needs`] asked for.
    ///
    /// # Errors
    /// If one of these forms is missing.
    pub fn finish(self, stored: Vec<ClaimForm>, frame: Frame) -> Result<Delta, MissingForm> {
        let mut stitching = Stitching {
            plan: self,
            stored: stored.into_iter().map(|form| (form.id, form.form)).collect(),
            graph: GraphDelta::default(),
            memory: Memory::default(),
            looked_at: 0,
            commit: Commit {
                base: frame.base,
                revision: frame.base,
                at: frame.at,
                log_id: frame.log_id,
                positions: frame.positions,
                sources_next: frame.sources_next,
                sources: frame.sources,
                ..Commit::default()
            },
        };
        stitching.relations()?;
        stitching.entities()?;
        stitching.done()
    }
}

struct Stitching<'a> {
    plan: Plan<'a>,
    stored: HashMap<ClaimId, String>,
    graph: GraphDelta,
    memory: Memory,
    looked_at: usize,
    commit: Commit,
}

/// What an entity is after the batch, as far as its history tells.
struct After {
    operation: HistoryOperation,
    uid: Uuid,
    etag: String,
    body: Option<String>,
}

impl Stitching<'_> {
    /// Replaces the relations of every claim that won, lost the win, or won and has a new form.
    fn relations(&mut self) -> Result<(), MissingForm> {
        let known = &self.plan.catalog.graph;
        for claim in self.plan.demoted() {
            self.graph.replace(known, claim, Vec::new());
        }
        let mut winners: Vec<ClaimId> = Vec::new();
        for (id, won) in &self.plan.verdict.winners {
            let Some(won) = won else { continue };
            if self.plan.is_new_winner(*id, *won) || self.plan.forms.contains_key(&won.claim) {
                winners.push(won.claim);
            }
        }
        winners.sort_unstable();
        for claim in winners {
            let edges = match self.plan.forms.get(&claim) {
                Some(form) => edges(&form.relations, &mut self.plan.names),
                None => edges(&self.stored_relations(claim)?, &mut self.plan.names),
            };
            self.graph.replace(known, claim, edges);
        }
        Ok(())
    }

    /// Stitches every affected ref once, in the order of refs.
    fn entities(&mut self) -> Result<(), MissingForm> {
        let shown = self.graph.shown(&self.plan.catalog.graph);
        let nothing = Shown::default();
        let affected = self.affected(&shown);
        self.looked_at = affected.len();
        for id in affected {
            let shown = shown.get(&id).unwrap_or(&nothing);
            let relations_digest = self.relations_digest(id, shown);
            if shown.is_any() {
                self.memory.relation_digests.push((id, relations_digest));
            }
            match (self.plan.catalog.winners.get(id), self.plan.winner(id)) {
                (None, None) => {}
                (Some(before), None) => self.deleted(id, before, shown),
                (_, Some(won)) => self.stitched(id, won, shown, relations_digest)?,
            }
        }
        for row in &mut self.commit.history {
            row.commit = self.commit.revision;
        }
        Ok(())
    }

    fn affected(&self, shown: &BTreeMap<RefId, Shown>) -> Vec<RefId> {
        let names = &self.plan.names;
        let in_question = self.plan.refs_in_question().filter(|id| !shown.contains_key(id));
        let mut affected: Vec<RefId> = in_question.chain(shown.keys().copied()).collect();
        affected.sort_unstable_by(|a, b| names.entity_ref(*a).cmp(names.entity_ref(*b)));
        affected
    }

    fn relations_digest(&self, id: RefId, shown: &Shown) -> Digest {
        let digest = |(kind, target): &(TypeId, RefId)| {
            let names = &self.plan.names;
            relation_digest(names.type_name(*kind), names.entity_ref(*target).as_str())
        };
        let sum = self.plan.catalog.graph.digest(id);
        let sum = shown.added.iter().map(digest).fold(sum, plus);
        shown.removed.iter().map(digest).fold(sum, minus)
    }

    fn stitched(
        &mut self,
        id: RefId,
        won: Won,
        shown: &Shown,
        relations_digest: Digest,
    ) -> Result<(), MissingForm> {
        let known_digest = self.plan.catalog.body_digest(id);
        let is_new_winner = self.plan.is_new_winner(id, won);
        let body = if self.plan.must_stitch(id) { Some(self.body(won.claim)?) } else { None };
        let body = body
            .map(|body| (Digest::of(body.as_bytes()), body))
            .filter(|(digest, _)| Some(*digest) != known_digest || is_new_winner);
        if body.is_none() && !shown.is_any() {
            return Ok(());
        }
        let body_digest = body.as_ref().map(|(digest, _)| *digest).or(known_digest);
        let body_digest = body_digest.expect("an entity that exists has a body, or is given one here");
        let after = After {
            operation: match self.plan.catalog.winners.get(id) {
                None => HistoryOperation::Created,
                Some(_) => HistoryOperation::Updated,
            },
            uid: self.plan.claims.get(won.claim).identity.0,
            etag: final_entity::etag(body_digest, relations_digest),
            body: body.as_ref().map(|(_, body)| body.clone()),
        };
        let (uid, etag) = (after.uid, after.etag.clone());
        let revision = self.revise(id, after, shown);
        match body {
            Some((_, body)) => {
                self.memory.bodies.push((id, Some(body_digest)));
                let claim = won.claim;
                let row =
                    EntityRow { ref_id: id, uid, claim, body, body_digest, relations_digest, etag, revision };
                self.commit.entities.push(row);
            }
            None => {
                let row = EntityRelatedRow { ref_id: id, relations_digest, etag, revision };
                self.commit.entities_related.push(row);
            }
        }
        Ok(())
    }

    fn deleted(&mut self, id: RefId, before: Won, shown: &Shown) {
        let last = self.plan.claims.before(before.claim).expect("a claim that won was known");
        let after = After {
            operation: HistoryOperation::Deleted,
            uid: last.identity.0,
            etag: String::new(),
            body: None,
        };
        self.revise(id, after, shown);
        self.memory.bodies.push((id, None));
        self.commit.entities_removed.push(id);
    }

    /// Takes the next revision for a change of `id`.
    fn revise(&mut self, id: RefId, after: After, shown: &Shown) -> Revision {
        let revision = self.commit.revision.next();
        self.commit.revision = revision;
        let (added, removed) = match after.operation {
            HistoryOperation::Created => (self.shown_after(id, shown), Vec::new()),
            HistoryOperation::Updated => (shown.added.clone(), shown.removed.clone()),
            HistoryOperation::Deleted => (Vec::new(), self.plan.catalog.graph.shown_by(id)),
        };
        self.commit.history.push(HistoryRow {
            revision,
            commit: revision,
            at: self.commit.at,
            entity_ref: self.plan.names.entity_ref(id).clone(),
            operation: after.operation,
            uid: after.uid,
            etag: after.etag,
            body: after.body,
            relations_added: self.ends(&added),
            relations_removed: self.ends(&removed),
            cause: self.cause(id, shown),
        });
        revision
    }

    fn shown_after(&self, id: RefId, shown: &Shown) -> Vec<(TypeId, RefId)> {
        let mut after: BTreeSet<_> = self.plan.catalog.graph.shown_by(id).into_iter().collect();
        after.extend(&shown.added);
        for relation in &shown.removed {
            after.remove(relation);
        }
        after.into_iter().collect()
    }

    fn ends(&self, relations: &[(TypeId, RefId)]) -> Vec<RelationEnd> {
        let names = &self.plan.names;
        let end = |(kind, target): &(TypeId, RefId)| RelationEnd {
            kind: names.type_name(*kind).to_owned(),
            target: names.entity_ref(*target).clone(),
        };
        let mut ends: Vec<_> = relations.iter().map(end).collect();
        ends.sort_unstable();
        ends
    }

    fn cause(&self, id: RefId, shown: &Shown) -> Cause {
        let known = self.plan.cause(id, shown.originator).cloned();
        known.unwrap_or(Cause { kind: CauseKind::Reprocess, detail: None, at: self.commit.at })
    }

    fn body(&self, claim: ClaimId) -> Result<String, MissingForm> {
        let winner = self.plan.claims.get(claim);
        let form = match self.plan.forms.get(&claim) {
            Some(form) => form.entity.as_str(),
            None => stored_form::parse(self.stored(claim)?).ok_or(MissingForm(claim))?.0,
        };
        let contest = contest::warning(&winner.key, self.plan.losers(winner.ref_id));
        let additions = Additions {
            uid: winner.identity,
            problems: winner.problems(),
            contest: contest.as_ref(),
            orphan: winner.released,
        };
        final_entity::body(form, additions).ok_or(MissingForm(claim))
    }

    fn stored_relations(&self, claim: ClaimId) -> Result<Vec<Relation>, MissingForm> {
        let (_, relations) = stored_form::parse(self.stored(claim)?).ok_or(MissingForm(claim))?;
        relations.ok_or(MissingForm(claim))
    }

    fn stored(&self, claim: ClaimId) -> Result<&str, MissingForm> {
        self.stored.get(&claim).map(String::as_str).ok_or(MissingForm(claim))
    }

    /// Puts the rows of claims, relations and names into the commit.
    fn done(mut self) -> Result<Delta, MissingForm> {
        let rows = claim_rows(&mut self.plan, &self.stored)?;
        (self.commit.claims, self.commit.claim_errors, self.commit.standings) =
            (rows.claims, rows.errors, rows.standings);
        self.commit.relations_removed.clone_from(&self.graph.removed);
        self.commit.relations_added.clone_from(&self.graph.added);
        let (refs, types, names) = self.plan.names.finish();
        (self.commit.refs, self.commit.types) = (refs, types);
        self.memory.names = names;
        self.memory.claims = self.plan.claims.into_changed();
        self.memory.winners = self.plan.verdict.winners;
        self.memory.graph = self.graph;
        Ok(Delta { commit: self.commit, memory: self.memory, looked_at: self.looked_at })
    }
}

fn edges(relations: &[Relation], names: &mut NamesOverlay<'_>) -> Vec<Edge> {
    let edge = |relation: &Relation| Edge {
        source: names.ref_id(&relation.source),
        kind: names.type_id(&relation.kind),
        target: names.ref_id(&relation.target),
    };
    relations.iter().map(edge).collect()
}
