//! The index: every final entity of one commit, in all the orders and sets that reads need.
//!
//! An [`Index`] is persistent: a clone shares everything with its original, and a change copies only
//! what it touches. The writer clones, applies a commit and publishes the clone; a request holds the
//! version that it began with and never waits for anybody.

mod apply;
mod body;
mod doc_set;
mod entity;
mod etag;
mod facets;
mod graph;
mod key;
mod list;
mod matching;
mod memory;
mod page;
mod relations;
mod search_rows;
mod slots;
mod splice;
mod term;
#[cfg(test)]
mod tests;
mod words;

pub use apply::Loader;
pub use body::{Body, Sample};
pub use doc_set::{Doc, DocSet};
pub use entity::{Entity, Row};
pub use etag::Etag;
pub use facets::FacetValue;
pub use graph::RelationGraph;
pub use key::{Key, KeyId};
pub use matching::{FullText, Matches};
pub use memory::Memory;
pub use page::{Direction, Hit, Position, SortOrder, Window};
pub use relations::{Relation, Relations};
pub use search_rows::{SearchRow, relation_key, search_rows};
pub use term::{Term, lower, scalar_text};

use std::{collections::BTreeMap, sync::Arc};

use backstitch_read_model::Revision;
use backstitch_schemas::EntityRef;
use imbl::{HashMap, OrdMap};
use uuid::Uuid;

use slots::Slots;

/// All final entities as of one commit.
#[derive(Clone, Debug, Default)]
pub struct Index {
    revision: Revision,
    entities: Slots<Arc<Entity>>,
    all: DocSet,
    by_ref: OrdMap<EntityRef, Doc>,
    by_uid: OrdMap<Uuid, Doc>,
    keys: Slots<Key>,
    key_ids: HashMap<Arc<str>, KeyId>,
    /// Relation types by their lower-cased text: two types may differ in case only.
    kinds: Arc<BTreeMap<String, Vec<Arc<str>>>>,
    /// What new bodies are compressed beside.
    sample: Option<Arc<Sample>>,
    /// How many entities there were when it was taken.
    sampled: usize,
}

impl Index {
    /// The last revision that is in here.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// How many entities there are.
    pub fn len(&self) -> usize {
        self.by_ref.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_ref.is_empty()
    }

    /// The entity with this ref.
    pub fn find(&self, entity_ref: &EntityRef) -> Option<&Arc<Entity>> {
        self.entity(*self.by_ref.get(entity_ref)?)
    }

    /// The entity with this uid.
    pub fn find_uid(&self, uid: Uuid) -> Option<&Arc<Entity>> {
        self.entity(*self.by_uid.get(&uid)?)
    }

    /// The document of a ref.
    pub fn doc(&self, entity_ref: &EntityRef) -> Option<Doc> {
        self.by_ref.get(entity_ref).copied()
    }

    /// The entity of a document.
    pub fn entity(&self, doc: Doc) -> Option<&Arc<Entity>> {
        self.entities.get(doc.0)
    }

    /// All entities, by ref.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Entity>> {
        self.by_ref.values().filter_map(|doc| self.entity(*doc))
    }

    /// What is known about a lower-cased key; `None` if no entity has it.
    pub fn key(&self, name: &str) -> Option<&Key> {
        self.keys.get(self.key_ids.get(name)?.0)
    }

    /// The relation types that entities show, as written.
    pub fn relation_types(&self) -> impl Iterator<Item = &str> {
        self.kinds.values().flatten().map(|kind| &**kind)
    }

    /// How many relations entities show, each direction for itself.
    pub fn relation_count(&self) -> u64 {
        self.kinds.keys().filter_map(|kind| self.key(&relation_key(kind))).map(Key::rows).sum()
    }

    fn key_id(&self, name: &str) -> Option<KeyId> {
        self.key_ids.get(name).copied()
    }
}
