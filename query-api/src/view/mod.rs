//! What one request sees: the catalog as of one commit, without what the principal may not read.
//!
//! Every read goes through a [`View`], so that an entity that is hidden is nowhere: not in lists, totals,
//! facets and cursors, and not in history. The JSON of an entity that is seen is never rewritten, so its
//! relations may name what is hidden, as they may name what does not exist.

mod cache;
mod changes;

use std::{borrow::Cow, sync::Arc};

use backstitch_read_model::Revision;
use backstitch_schemas::EntityRef;
use roaring::RoaringBitmap;
use uuid::Uuid;

pub(crate) use cache::VisibleSets;

use crate::{
    access::Criteria,
    feed::Past,
    index::{Doc, Entity, FacetValue, Index, Matches},
    query::Predicate,
};

/// The catalog as of one commit, as far as one principal sees it.
#[derive(Clone, Debug)]
pub(crate) struct View {
    index: Arc<Index>,
    /// `None`: everything.
    limits: Option<Limits>,
    is_undecided: bool,
}

/// What is seen, where it is not everything.
#[derive(Clone, Debug)]
struct Limits {
    /// `None`: nothing is seen.
    criteria: Option<Arc<Criteria>>,
    /// The entities of the index that are seen.
    visible: Arc<RoaringBitmap>,
}

impl View {
    /// Everything.
    pub(crate) fn of_all(index: Arc<Index>) -> Self {
        Self { index, limits: None, is_undecided: false }
    }

    /// Nothing.
    pub(crate) fn of_nothing(index: Arc<Index>) -> Self {
        let limits = Some(Limits { criteria: None, visible: Arc::default() });
        Self { index, limits, is_undecided: false }
    }

    /// Nothing, because nobody could say what.
    pub(crate) fn undecided(index: Arc<Index>) -> Self {
        Self { is_undecided: true, ..Self::of_nothing(index) }
    }

    /// What meets the criteria.
    pub(crate) fn of_matching(index: Arc<Index>, criteria: Arc<Criteria>, sets: &VisibleSets) -> Self {
        let visible = sets.visible(&index, &criteria);
        let limits = Some(Limits { criteria: Some(criteria), visible });
        Self { index, limits, is_undecided: false }
    }

    /// Whether something may be hidden. What is about no entity, such as sources, is for those who see all.
    pub(crate) fn is_limited(&self) -> bool {
        self.limits.is_some()
    }

    /// Whether nothing is seen because nobody could be asked, and not because somebody said so.
    pub(crate) fn is_undecided(&self) -> bool {
        self.is_undecided
    }

    /// The whole index, hidden entities included: for what takes a set of matches of this view, and
    /// nothing else.
    pub(crate) fn index(&self) -> &Arc<Index> {
        &self.index
    }

    /// The last revision that is in here.
    pub(crate) fn revision(&self) -> Revision {
        self.index.revision()
    }

    /// How many entities are seen.
    pub(crate) fn len(&self) -> usize {
        match &self.limits {
            None => self.index.len(),
            Some(limits) => usize::try_from(limits.visible.len()).unwrap_or(usize::MAX),
        }
    }

    /// Whether there is an entity with this ref, and it is seen.
    pub(crate) fn sees(&self, entity_ref: &EntityRef) -> bool {
        self.doc(entity_ref).is_some()
    }

    /// Whether claims on a ref are told: those on what is seen and, to who sees all, those that never made an
    /// entity, too.
    pub(crate) fn tells_claims_on(&self, entity_ref: &EntityRef) -> bool {
        !self.is_limited() || self.sees(entity_ref)
    }

    /// Whether an entity with this body and these owners would be seen; for bodies of the past.
    fn sees_body(&self, body: &serde_json::Value, owners: &[EntityRef]) -> bool {
        match &self.limits {
            None => true,
            Some(limits) => limits.criteria.as_ref().is_some_and(|criteria| criteria.is_met(body, owners)),
        }
    }

    /// Whether an entity of the past would be seen. One that is not known is not.
    pub(crate) fn sees_past(&self, past: &Past) -> bool {
        past.value().is_some_and(|body| self.sees_body(&body, &past.owners()))
    }

    /// The document of a ref.
    pub(crate) fn doc(&self, entity_ref: &EntityRef) -> Option<Doc> {
        self.index.doc(entity_ref).filter(|doc| self.shows(*doc))
    }

    /// The entity with this ref.
    pub(crate) fn find(&self, entity_ref: &EntityRef) -> Option<&Arc<Entity>> {
        self.index.entity(self.doc(entity_ref)?)
    }

    /// The entity with this uid.
    pub(crate) fn find_uid(&self, uid: Uuid) -> Option<&Arc<Entity>> {
        self.index.find_uid(uid).filter(|entity| self.sees(&entity.entity_ref))
    }

    /// The entities that satisfy `predicate`.
    pub(crate) fn matching(&self, predicate: &Predicate) -> Matches<'_> {
        let found = self.index.matching(predicate);
        match &self.limits {
            None => found,
            Some(limits) => Cow::Owned(&*found & &*limits.visible),
        }
    }

    /// Some of the entities that satisfy `predicate`.
    pub(crate) fn some_of(&self, predicate: &Predicate, limit: usize) -> Vec<&Arc<Entity>> {
        let found = self.matching(predicate);
        found.iter().take(limit).filter_map(|doc| self.index.entity(Doc(doc))).collect()
    }

    /// The values of a lower-cased key among the found entities, or all that are seen.
    pub(crate) fn facet(&self, matches: Option<&RoaringBitmap>, key: &str) -> Vec<FacetValue> {
        let visible = self.limits.as_ref().map(|limits| &*limits.visible);
        self.index.facet(matches.or(visible), key)
    }

    fn shows(&self, doc: Doc) -> bool {
        self.limits.as_ref().is_none_or(|limits| limits.visible.contains(doc.0))
    }
}
