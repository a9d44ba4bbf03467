//! Entities of the past: what they said, and the relations that they showed.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use backstitch_read_model::{HistoryOperation, HistoryRow, RelationEnd, RelationsChange};
use backstitch_schemas::EntityRef;
use serde_json::Value;

use crate::{
    access::OWNED_BY,
    index::{Index, SearchRow, Term, relation_key, search_rows},
    query::Predicate,
};

/// An entity at some revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Past {
    /// Canonical JSON without relations and etag. Absent if history does not tell.
    pub(crate) body: Option<Arc<str>>,
    /// Those of its relations that somebody looks at.
    pub(crate) relations: BTreeSet<RelationEnd>,
}

impl Past {
    /// The body as a value.
    pub(crate) fn value(&self) -> Option<Value> {
        serde_json::from_str(self.body.as_deref()?).ok()
    }

    /// Who owns it.
    pub(crate) fn owners(&self) -> Vec<EntityRef> {
        let owners = self.relations.iter().filter(|end| end.kind == OWNED_BY);
        owners.map(|end| end.target.clone()).collect()
    }

    /// Whether it matched. One that is not known did not.
    pub(super) fn satisfies(&self, predicate: &Predicate) -> bool {
        let Some(body) = self.value() else { return false };
        let related = self
            .relations
            .iter()
            .map(|end| SearchRow { key: relation_key(&end.kind), term: Term::written(end.target.as_str()) });
        let rows: Vec<_> = search_rows(&body).into_iter().chain(related).collect();
        predicate.is_met_by(&rows)
    }

    /// Makes the change that led here one that made the entity as it is.
    pub(crate) fn introduce(self, row: &mut HistoryRow) {
        row.operation = HistoryOperation::Created;
        row.body = self.body.map(|body| body.to_string());
        row.relations_added = self.relations.into_iter().collect();
        row.relations_removed.clear();
    }

    /// The entity after a change.
    pub(crate) fn changed(mut self, row: &HistoryRow, keys: &RelationKeys) -> Self {
        if let Some(body) = &row.body {
            self.body = Some(body.as_str().into());
        }
        for end in &row.relations_removed {
            self.relations.remove(end);
        }
        self.relations.extend(row.relations_added.iter().filter(|end| keys.contains(end)).cloned());
        self
    }
}

/// The keys of the relations that are looked at: a group has thousands of others.
#[derive(Clone, Debug)]
pub(crate) enum RelationKeys {
    All,
    Only(BTreeSet<String>),
}

impl RelationKeys {
    /// What has to be known to judge changes.
    pub(super) fn needed(by_owner: bool, filter: Option<&Predicate>) -> Self {
        let mut keys = BTreeSet::new();
        if by_owner {
            keys.insert(relation_key(OWNED_BY));
        }
        if let Some(filter) = filter {
            filter.each_key(&mut |key| {
                if key.starts_with("relations.") {
                    keys.insert(key.to_owned());
                }
            });
        }
        Self::Only(keys)
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Only(keys) if keys.is_empty())
    }

    fn contains(&self, end: &RelationEnd) -> bool {
        match self {
            Self::All => true,
            Self::Only(keys) => !keys.is_empty() && keys.contains(&relation_key(&end.kind)),
        }
    }
}

/// The relations that some refs showed before `later`, which is oldest first and ends with the index.
pub(super) fn relations_before(
    refs: &[EntityRef],
    index: &Index,
    later: &[RelationsChange],
    keys: &RelationKeys,
) -> HashMap<EntityRef, BTreeSet<RelationEnd>> {
    let now = |entity_ref: &EntityRef| {
        let entity = index.find(entity_ref);
        let shown = entity.into_iter().flat_map(|entity| entity.relations.iter());
        let ends = shown.map(RelationEnd::from);
        (entity_ref.clone(), ends.filter(|end| keys.contains(end)).collect())
    };
    let mut relations: HashMap<EntityRef, BTreeSet<RelationEnd>> = refs.iter().map(now).collect();
    for change in later.iter().rev() {
        let Some(shown) = relations.get_mut(&change.entity_ref) else { continue };
        if change.operation == HistoryOperation::Created {
            shown.clear();
            continue;
        }
        for end in &change.added {
            shown.remove(end);
        }
        shown.extend(change.removed.iter().filter(|end| keys.contains(end)).cloned());
    }
    relations
}

#[cfg(test)]
mod tests {
    use backstitch_read_model::Revision;
    use serde_json::json;

    use super::*;

    fn end(kind: &str, target: &str) -> RelationEnd {
        RelationEnd { kind: kind.to_owned(), target: EntityRef::from_canonical(target) }
    }

    #[test]
    fn what_came_later_is_undone() {
        let entity_ref = EntityRef::new("component", None, "a");
        let change = |revision, operation, added: &[RelationEnd], removed: &[RelationEnd]| RelationsChange {
            revision: Revision(revision),
            entity_ref: entity_ref.clone(),
            operation,
            added: added.to_vec(),
            removed: removed.to_vec(),
        };
        let (a, b, other) =
            (end("ownedBy", "group:default/a"), end("ownedBy", "group:default/b"), end("x", "y"));
        let later = [
            change(1, HistoryOperation::Updated, std::slice::from_ref(&b), &[a.clone(), other]),
            change(2, HistoryOperation::Deleted, &[], &[b]),
        ];
        let filter = Predicate::parse(&json!({"relations.ownedBy": {"$exists": true}})).unwrap();
        let keys = RelationKeys::needed(false, Some(&filter));
        let before = relations_before(std::slice::from_ref(&entity_ref), &Index::default(), &later, &keys);
        assert_eq!(before, HashMap::from([(entity_ref, BTreeSet::from([a]))]));
    }

    #[test]
    fn a_past_is_asked_as_the_index_is() {
        let past = Past {
            body: Some(r#"{"kind":"API","metadata":{"name":"n"},"spec":{"tags":["A"]}}"#.into()),
            relations: BTreeSet::from([end("ownedBy", "group:default/a")]),
        };
        let check = |query: Value, expected: bool| {
            assert_eq!(past.satisfies(&Predicate::parse(&query).unwrap()), expected, "{query}");
        };
        check(json!({"kind": "api", "metadata.namespace": "default"}), true);
        check(json!({"relations.ownedBy": "group:default/A"}), true);
        check(json!({"$not": {"spec.tags": {"$hasPrefix": "a"}}}), false);
        check(json!({"$any": [{"spec.tags.a": {"$exists": false}}, {"kind": {"$in": []}}]}), false);
        let unknown = Past { body: None, ..past.clone() };
        assert!(!unknown.satisfies(&Predicate::All(Vec::new())));
    }
}
