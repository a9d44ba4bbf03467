//! Which changes of the past are seen.
//!
//! A change is seen if the entity was as it is allowed to be seen after it; the removal of one, if it was
//! so before. Thus the entity as it is now does not open its past, and a change that hides an entity is
//! itself hidden.

use std::collections::{BTreeSet, HashMap, HashSet};

use backstitch_read_model::{HistoryOperation, HistoryRow, ReadModel, ReadModelError, RelationEnd, Revision};
use backstitch_schemas::EntityRef;
use serde_json::Value;

use super::View;
use crate::access::OWNED_BY;

/// How far back the past of one ref is looked at. What lies beyond is not seen by those who do not see all.
const HORIZON: usize = 10_000;

impl View {
    /// The changes among `rows` that are seen. Costs nothing for those who see all, and a look at the
    /// history of each ref whose latest change is not among `rows` otherwise.
    ///
    /// # Errors
    /// If the read model does not answer.
    pub(crate) async fn visible_changes(
        &self,
        read_model: &dyn ReadModel,
        mut rows: Vec<HistoryRow>,
    ) -> Result<Vec<HistoryRow>, ReadModelError> {
        if !self.is_limited() {
            return Ok(rows);
        }
        let mut past: HashMap<EntityRef, HashSet<Revision>> = HashMap::new();
        for row in &rows {
            if !self.is_latest(row) && !past.contains_key(&row.entity_ref) {
                let history = read_model.history_of(&row.entity_ref, HORIZON).await?;
                past.insert(row.entity_ref.clone(), self.seen_of(&history));
            }
        }
        rows.retain(|row| match self.is_latest(row) {
            true => self.sees(&row.entity_ref),
            false => past.get(&row.entity_ref).is_some_and(|seen| seen.contains(&row.revision)),
        });
        Ok(rows)
    }

    /// Whether the change made the entity as this view has it.
    fn is_latest(&self, row: &HistoryRow) -> bool {
        self.index().find(&row.entity_ref).is_some_and(|entity| entity.revision == row.revision)
    }

    /// Which changes of one ref are seen, given its history, newest first.
    ///
    /// History tells bodies as they became and relations as they came and went, so an entity is followed from
    /// its creation on. What lies between the beginning of history and a creation is not known well enough.
    fn seen_of(&self, history: &[HistoryRow]) -> HashSet<Revision> {
        let mut seen = HashSet::new();
        let mut life: Option<Life> = None;
        for row in history.iter().rev() {
            if row.operation == HistoryOperation::Created {
                life = Some(Life::default());
            }
            let Some(current) = &mut life else { continue };
            if row.operation != HistoryOperation::Deleted {
                current.follow(row);
            }
            if self.sees_body(&current.body, &current.owners()) {
                seen.insert(row.revision);
            }
            if row.operation == HistoryOperation::Deleted {
                life = None;
            }
        }
        seen
    }
}

/// An entity of the past.
#[derive(Debug, Default)]
struct Life {
    body: Value,
    relations: BTreeSet<RelationEnd>,
}

impl Life {
    fn follow(&mut self, row: &HistoryRow) {
        if let Some(text) = &row.body {
            self.body = serde_json::from_str(text).unwrap_or_default();
        }
        for end in &row.relations_removed {
            self.relations.remove(end);
        }
        self.relations.extend(row.relations_added.iter().cloned());
    }

    fn owners(&self) -> Vec<EntityRef> {
        let owners = self.relations.iter().filter(|end| end.kind == OWNED_BY);
        owners.map(|end| end.target.clone()).collect()
    }
}
