//! What happened after a revision: each change with its entity as it was before and as it was after.
//!
//! The rows come from history. How the entities were is followed from the revision on: their bodies are
//! read from history once, and their relations are those of the index with everything undone that came
//! later. Nothing is kept between two calls, so a reader costs nothing while it does not read.

mod past;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use backstitch_read_model::{HistoryOperation, HistoryRow, ReadModel, ReadModelError, Revision};
use backstitch_schemas::EntityRef;

pub(crate) use past::{Past, RelationKeys};

use crate::{error::ApiError, query::Predicate, view::View};
use past::relations_before;

const NOBODY_DECIDES: &str = "The permission policy cannot be asked what may be read, so no change is told or passed \
                              over; go on from the same revision soon";

/// Who reads, and what of it.
pub(crate) struct Feed<'a> {
    read_model: &'a dyn ReadModel,
    view: &'a View,
    filter: Option<&'a Predicate>,
}

/// A change with what it changed.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) row: HistoryRow,
    /// Absent if there was no entity, or it may not be seen as it was.
    pub(crate) before: Option<Past>,
    /// Absent if there is no entity any more.
    pub(crate) after: Option<Past>,
}

/// What is told, in order.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// A change.
    Change(Box<Change>),
    /// All changes of the commit that ends with this revision were told, and of all before it.
    Commit(Revision),
}

impl Told {
    /// A change of something that was not seen before it.
    fn appearing(&mut self) -> Option<&mut Change> {
        match self {
            Self::Change(change) if change.before.is_none() => {
                (change.row.operation == HistoryOperation::Updated).then_some(change)
            }
            _ => None,
        }
    }
}

/// Some of what happened.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) told: Vec<Told>,
    /// Where to go on.
    pub(crate) next: Revision,
}

impl<'a> Feed<'a> {
    /// What happened as far as `view` sees it; later commits than its own are not told. A change is told if the
    /// entity matched `filter` before or matches it after.
    ///
    /// # Errors
    /// If nobody decides what is seen. A list is empty then and fills when it is asked for again, but who goes on
    /// from a revision would never come back for what was not told.
    pub(crate) fn of(
        read_model: &'a dyn ReadModel,
        view: &'a View,
        filter: Option<&'a Predicate>,
    ) -> Result<Self, ApiError> {
        match view.is_undecided() {
            true => Err(ApiError::unavailable(NOBODY_DECIDES)),
            false => Ok(Self { read_model, view, filter }),
        }
    }

    /// What happened after `since`. Looks at `rows` changes at most, whether they are told or not. `None`
    /// if history does not reach back to `since`.
    ///
    /// # Errors
    /// If the read model does not answer.
    pub(crate) async fn after(&self, since: Revision, rows: usize) -> Result<Option<Part>, ReadModelError> {
        let Some(mut rows) = self.read_model.history_after(since, rows).await? else { return Ok(None) };
        rows.retain(|row| row.revision <= self.view.revision());
        let Some(last) = rows.last() else { return Ok(Some(Part { told: Vec::new(), next: since })) };
        let (next, keys) = (last.revision, RelationKeys::needed(self.view.is_limited(), self.filter));
        let states = self.states_at(since, &rows, &keys).await?;
        let changes = followed(rows, states, &keys);
        let mut told = self.told(changes, next);
        self.introduce(&mut told).await?;
        Ok(Some(Part { told, next }))
    }

    /// Tells what comes into sight as what is made, with all its relations: what it was is not for this reader.
    async fn introduce(&self, told: &mut [Told]) -> Result<(), ReadModelError> {
        let mut appearing: Vec<&mut Change> = told.iter_mut().filter_map(Told::appearing).collect();
        let Some(first) = appearing.first().filter(|_| self.view.is_limited()) else { return Ok(()) };
        let refs: BTreeSet<_> = appearing.iter().map(|change| change.row.entity_ref.clone()).collect();
        let refs: Vec<_> = refs.into_iter().collect();
        let mut later = self.read_model.relations_after(&refs, first.row.revision).await?;
        later.retain(|change| change.revision <= self.view.revision());
        for change in &mut appearing {
            let there = later.partition_point(|other| other.revision <= change.row.revision);
            let of = std::slice::from_ref(&change.row.entity_ref);
            let mut relations = relations_before(of, self.view.index(), &later[there..], &RelationKeys::All);
            let whole = Past {
                body: change.after.as_ref().and_then(|after| after.body.clone()),
                relations: relations.remove(&change.row.entity_ref).unwrap_or_default(),
            };
            whole.introduce(&mut change.row);
        }
        Ok(())
    }

    /// How the entities of some changes were before the first of them.
    async fn states_at(
        &self,
        since: Revision,
        rows: &[HistoryRow],
        keys: &RelationKeys,
    ) -> Result<HashMap<EntityRef, Past>, ReadModelError> {
        let mut first: BTreeMap<&EntityRef, HistoryOperation> = BTreeMap::new();
        for row in rows {
            first.entry(&row.entity_ref).or_insert(row.operation);
        }
        let there = first.into_iter().filter(|(_, operation)| *operation != HistoryOperation::Created);
        let refs: Vec<EntityRef> = there.map(|(entity_ref, _)| entity_ref.clone()).collect();
        let mut states: HashMap<_, _> =
            refs.iter().map(|entity_ref| (entity_ref.clone(), Past::default())).collect();
        for (entity_ref, body) in self.read_model.bodies_at(&refs, since).await? {
            states.entry(entity_ref).or_default().body = Some(body.into());
        }
        if !keys.is_empty() {
            let mut later = self.read_model.relations_after(&refs, since).await?;
            later.retain(|change| change.revision <= self.view.revision());
            for (entity_ref, relations) in relations_before(&refs, self.view.index(), &later, keys) {
                states.entry(entity_ref).or_default().relations = relations;
            }
        }
        Ok(states)
    }

    /// The changes that are seen and match, and the commits that end among them or with them.
    fn told(&self, changes: Vec<Change>, last: Revision) -> Vec<Told> {
        let mut told = Vec::with_capacity(changes.len());
        let mut is_open = false;
        for change in changes {
            let (revision, commit) = (change.row.revision, change.row.commit);
            if let Some(change) = self.seen(change).filter(|change| self.matches(change)) {
                told.push(Told::Change(Box::new(change)));
                is_open = true;
            }
            if revision == commit && (is_open || revision == last) {
                told.push(Told::Commit(commit));
                is_open = false;
            }
        }
        told
    }

    /// The change as it is seen. What an entity became decides, and of one that is gone, what it was.
    fn seen(&self, change: Change) -> Option<Change> {
        if !self.view.is_limited() {
            return Some(change);
        }
        let sees = |past: &Past| self.view.sees_past(past);
        let is_seen = change.after.as_ref().or(change.before.as_ref()).is_some_and(sees);
        is_seen.then(|| Change { before: change.before.filter(sees), ..change })
    }

    fn matches(&self, change: &Change) -> bool {
        let Some(filter) = self.filter else { return true };
        let states = [&change.before, &change.after];
        states.into_iter().flatten().any(|past| past.satisfies(filter))
    }
}

/// Follows the entities through some changes.
fn followed(rows: Vec<HistoryRow>, mut states: HashMap<EntityRef, Past>, keys: &RelationKeys) -> Vec<Change> {
    let mut changes = Vec::with_capacity(rows.len());
    for row in rows {
        let before = states.remove(&row.entity_ref);
        let after = match row.operation {
            HistoryOperation::Deleted => None,
            HistoryOperation::Created => Some(Past::default().changed(&row, keys)),
            HistoryOperation::Updated => Some(before.clone().unwrap_or_default().changed(&row, keys)),
        };
        if let Some(after) = &after {
            states.insert(row.entity_ref.clone(), after.clone());
        }
        changes.push(Change { row, before, after });
    }
    changes
}
