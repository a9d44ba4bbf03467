//! A final entity as the index holds it.

use std::sync::Arc;

use backstitch_read_model::Revision;
use backstitch_schemas::EntityRef;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Body, Etag, KeyId, Relations, Term, splice};

/// One search row of an entity, in the index's own numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The key.
    pub key: KeyId,
    /// The value, if it has one that can be matched.
    pub term: Option<Term>,
}

impl Row {
    /// The rows of one key; `rows` are sorted.
    pub(super) fn of_key(rows: &[Row], key: KeyId) -> &[Row] {
        let start = rows.partition_point(|row| row.key < key);
        let length = rows[start..].partition_point(|row| row.key == key);
        &rows[start..start + length]
    }

    /// The values in some rows.
    pub(super) fn values(rows: &[Row]) -> impl Iterator<Item = &str> {
        rows.iter().filter_map(|row| row.term.as_ref().map(Term::value))
    }
}

/// A final entity.
#[derive(Clone, Debug)]
pub struct Entity {
    /// Its ref.
    pub entity_ref: EntityRef,
    /// Its uid.
    pub uid: Uuid,
    /// Its etag.
    pub etag: Etag,
    /// The revision that last changed it.
    pub revision: Revision,
    /// Everything but relations and etag.
    pub body: Body,
    /// Its search rows without those of its relations, sorted.
    pub rows: Arc<[Row]>,
    /// Its relations.
    pub relations: Relations,
}

impl Entity {
    /// Appends the JSON text of the whole entity. The body is copied, not parsed.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let text = self.body.text();
        let whole = splice::Whole { etag: &self.etag.to_string(), relations: &self.relations };
        whole.write(&text, self.body.metadata_at(), out);
    }

    /// The whole entity as a value.
    pub fn to_value(&self) -> Value {
        let mut value = self.body.value();
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("etag".to_owned(), Value::from(self.etag.to_string()));
        }
        if let Some(entity) = value.as_object_mut() {
            entity.insert("relations".to_owned(), self.relations_value());
        }
        value
    }

    fn relations_value(&self) -> Value {
        let relation = |relation: &super::Relation| json!({"type": &*relation.kind, "targetRef": relation.target.as_str()});
        self.relations.iter().map(relation).collect()
    }
}
