//! Which changes of the past are seen.
//!
//! A change is seen if the entity was as it is allowed to be seen after it; the removal of one, if it was
//! so before. Thus the entity as it is now does not open its past, and a change that hides an entity is
//! itself hidden. One that brings an entity into sight is told as if it had made it, because what came and
//! went with it would tell what was hidden.

use std::collections::{BTreeSet, HashMap};

use backstitch_read_model::{HistoryOperation, HistoryRow, ReadModel, ReadModelError, RelationEnd, Revision};
use backstitch_schemas::EntityRef;

use super::View;
use crate::{
    access::OWNED_BY,
    feed::{Past, RelationKeys},
    index::Entity,
};

/// How far back the past of one ref is looked at. What lies beyond is not seen by those who do not see all.
const HORIZON: usize = 10_000;

/// How a change is told that is seen.
#[derive(Debug)]
enum Sight {
    /// As it is: the entity was seen before it, or was not there.
    Whole,
    /// As what made the entity, which was hidden before it.
    First(Past),
}

impl Sight {
    fn of(self, mut row: HistoryRow) -> HistoryRow {
        if let Self::First(past) = self {
            past.introduce(&mut row);
        }
        row
    }
}

impl View {
    /// The first `limit` changes among `rows` that are seen. Costs nothing for those who see all, and
    /// otherwise a look at the history of each ref whose latest change is not among `rows`, and at the former
    /// body where it is.
    ///
    /// # Errors
    /// If the read model does not answer.
    pub(crate) async fn visible_changes(
        &self,
        read_model: &dyn ReadModel,
        mut rows: Vec<HistoryRow>,
        limit: usize,
    ) -> Result<Vec<HistoryRow>, ReadModelError> {
        if !self.is_limited() {
            rows.truncate(limit);
            return Ok(rows);
        }
        let mut pasts: HashMap<EntityRef, HashMap<Revision, Sight>> = HashMap::new();
        let mut seen = Vec::new();
        for row in rows {
            if seen.len() == limit {
                break;
            }
            let sight = if let Some(entity) = self.latest(&row) {
                self.sight_of_latest(read_model, &row, entity).await?
            } else {
                if !pasts.contains_key(&row.entity_ref) {
                    let history = read_model.history_of(&row.entity_ref, HORIZON).await?;
                    pasts.insert(row.entity_ref.clone(), self.sights_of(&history));
                }
                pasts.get_mut(&row.entity_ref).and_then(|sights| sights.remove(&row.revision))
            };
            seen.extend(sight.map(|sight| sight.of(row)));
        }
        Ok(seen)
    }

    /// The entity that this view has as the change made it, hidden or not.
    fn latest(&self, row: &HistoryRow) -> Option<&Entity> {
        let entity = self.index().find(&row.entity_ref)?;
        (entity.revision == row.revision).then_some(&**entity)
    }

    /// How the change is told that made an entity as it is. Going back from there also answers where history does
    /// not reach back to the creation.
    async fn sight_of_latest(
        &self,
        read_model: &dyn ReadModel,
        row: &HistoryRow,
        entity: &Entity,
    ) -> Result<Option<Sight>, ReadModelError> {
        if !self.sees(&row.entity_ref) {
            return Ok(None);
        }
        if row.operation == HistoryOperation::Created {
            return Ok(Some(Sight::Whole));
        }
        let body = if row.body.is_some() {
            let before = Revision(row.revision.0 - 1);
            let bodies = read_model.bodies_at(std::slice::from_ref(&row.entity_ref), before).await?;
            bodies.into_iter().next().map(|(_, body)| body.into())
        } else {
            Some(entity.body.text().as_ref().into())
        };
        let owners = entity.relations.iter().filter(|relation| *relation.kind == *OWNED_BY);
        let mut relations: BTreeSet<_> = owners.map(RelationEnd::from).collect();
        for end in &row.relations_added {
            relations.remove(end);
        }
        relations.extend(row.relations_removed.iter().cloned());
        if self.sees_past(&Past { body, relations }) {
            return Ok(Some(Sight::Whole));
        }
        let relations = entity.relations.iter().map(RelationEnd::from).collect();
        Ok(Some(Sight::First(Past { body: Some(entity.body.text().as_ref().into()), relations })))
    }

    /// How the changes of one ref are told that are seen, given its history, newest first.
    ///
    /// History tells bodies as they became and relations as they came and went, so an entity is followed from
    /// its creation on. What lies between the beginning of history and a creation is not known well enough.
    fn sights_of(&self, history: &[HistoryRow]) -> HashMap<Revision, Sight> {
        let mut sights = HashMap::new();
        let mut life: Option<Past> = None;
        let mut was_seen = false;
        for row in history.iter().rev() {
            let before = match row.operation {
                HistoryOperation::Created => Some(Past::default()),
                HistoryOperation::Updated | HistoryOperation::Deleted => life.take(),
            };
            let Some(before) = before else { continue };
            if row.operation == HistoryOperation::Deleted {
                if was_seen {
                    sights.insert(row.revision, Sight::Whole);
                }
                was_seen = false;
                continue;
            }
            let current = before.changed(row, &RelationKeys::All);
            let is_seen = self.sees_past(&current);
            if is_seen {
                let is_first = row.operation == HistoryOperation::Updated && !was_seen;
                let sight = if is_first { Sight::First(current.clone()) } else { Sight::Whole };
                sights.insert(row.revision, sight);
            }
            was_seen = is_seen;
            life = Some(current);
        }
        sights
    }
}
