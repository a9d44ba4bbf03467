//! What the index weighs, part by part.

use std::sync::Arc;

use backstitch_schemas::EntityRef;
use serde::Serialize;
use uuid::Uuid;

use super::{Doc, DocSet, Entity, Index, Relation, Relations, Row, Term};

/// The counts of an allocation that is shared.
const SHARED: usize = 2 * size_of::<usize>();

/// Bytes by part. Counted from what is held, with an estimate of what maps and allocations add; a
/// process takes somewhat more for what its allocator keeps, and for versions that requests still hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// The JSON of the entities, as it is held.
    pub bodies: u64,
    /// The same as text.
    pub bodies_as_text: u64,
    /// What else is held of each entity: its place, uid, etag.
    pub entities: u64,
    /// The search rows of the entities.
    pub rows: u64,
    /// The values of the keys, in order.
    pub terms: u64,
    /// Who has which key and value.
    pub sets: u64,
    /// The orders by ref and by uid.
    pub orders: u64,
    /// What substrings are found with.
    pub words: u64,
    /// The relations.
    pub relations: u64,
}

impl Memory {
    /// All parts.
    pub fn total(&self) -> u64 {
        self.bodies + self.beyond_bodies()
    }

    /// All parts but the entities' own JSON.
    pub fn beyond_bodies(&self) -> u64 {
        self.entities + self.rows + self.terms + self.sets + self.orders + self.words + self.relations
    }
}

impl Index {
    /// Weighs everything. Takes tens of milliseconds for 50,000 entities: not for an async thread.
    pub fn memory(&self) -> Memory {
        let mut memory = Memory { sets: self.all.heap_bytes(), ..Memory::default() };
        memory.bodies = self.sample.as_ref().map_or(0, |sample| sample.bytes());
        let entries = mapped::<(EntityRef, Doc)>() + mapped::<(Uuid, Doc)>();
        memory.orders = bytes(self.len() * entries);
        for entity in self.iter() {
            memory.add_entity(entity);
        }
        for key in self.keys.iter() {
            memory.sets += key.exists.heap_bytes() + key.valueless.heap_bytes();
            for (term, docs) in &key.terms {
                memory.sets += docs.heap_bytes();
                memory.terms += term.bytes() + bytes(mapped::<(Term, DocSet)>());
            }
            memory.words += key.words.as_ref().map_or(0, super::words::Words::bytes);
        }
        memory
    }
}

impl Memory {
    fn add_entity(&mut self, entity: &Entity) {
        self.bodies += entity.body.held_bytes();
        self.bodies_as_text += entity.body.text_bytes();
        let texts = SHARED + entity.etag.heap_bytes() + entity.entity_ref.as_str().len();
        self.entities += bytes(SHARED + size_of::<Entity>() + size_of::<Option<Arc<Entity>>>() + texts);
        self.rows += bytes(SHARED + size_of_val(&*entity.rows));
        self.relations += bytes(match &entity.relations {
            Relations::Few(relations) => SHARED + size_of_val(&**relations),
            Relations::Many(relations) => relations.len() * mapped::<Relation>(),
        });
    }
}

/// What an entry of a sorted map takes, whose nodes are about two thirds full.
const fn mapped<T>() -> usize {
    size_of::<T>() * 3 / 2
}

fn bytes(count: usize) -> u64 {
    count as u64
}

const _: () = assert!(size_of::<Row>() <= 16, "each entity has some forty of them");
