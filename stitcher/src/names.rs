//! Numbers for entity refs and relation types.
//!
//! Rows and the graph hold numbers, so a relation costs a few bytes. Numbers are dense and are
//! handed out beside the known ones, so that a commit that fails leaves no trace.

use std::{collections::HashMap, sync::Arc};

use backstitch_read_model::{RefId, RefRow, TypeId, TypeRow};
use backstitch_schemas::EntityRef;

/// All refs and relation types that were ever committed.
#[derive(Debug, Default)]
pub(crate) struct Names {
    refs: Vec<EntityRef>,
    ref_ids: HashMap<EntityRef, RefId>,
    types: Vec<Arc<str>>,
    type_ids: HashMap<Arc<str>, TypeId>,
}

/// The known names and those that a batch brings.
#[derive(Debug)]
pub(crate) struct NamesOverlay<'a> {
    base: &'a Names,
    new: NewNames,
}

/// What a batch brings.
#[derive(Debug, Default)]
pub(crate) struct NewNames {
    refs: Vec<EntityRef>,
    ref_ids: HashMap<EntityRef, RefId>,
    types: Vec<Arc<str>>,
    type_ids: HashMap<Arc<str>, TypeId>,
}

impl Names {
    /// The number of a ref, if it has one.
    pub(crate) fn find(&self, entity_ref: &EntityRef) -> Option<RefId> {
        self.ref_ids.get(entity_ref).copied()
    }

    /// Takes over rows of the database, in any order.
    pub(crate) fn load_refs(&mut self, rows: Vec<RefRow>) {
        for row in rows {
            let index = ref_index(row.id);
            if index >= self.refs.len() {
                // Filled by a later row: numbers are dense.
                self.refs.resize_with(index + 1, || row.entity_ref.clone());
            }
            self.refs[index] = row.entity_ref.clone();
            self.ref_ids.insert(row.entity_ref, row.id);
        }
    }

    /// Takes over rows of the database, in any order.
    pub(crate) fn load_types(&mut self, rows: Vec<TypeRow>) {
        for row in rows {
            let index = type_index(row.id);
            let name: Arc<str> = row.name.into();
            if index >= self.types.len() {
                self.types.resize_with(index + 1, || Arc::clone(&name));
            }
            self.types[index] = Arc::clone(&name);
            self.type_ids.insert(name, row.id);
        }
    }

    /// Takes over what a committed batch brought.
    pub(crate) fn extend(&mut self, new: NewNames) {
        self.refs.extend(new.refs);
        self.ref_ids.extend(new.ref_ids);
        self.types.extend(new.types);
        self.type_ids.extend(new.type_ids);
    }

    /// The ref with a number that was handed out here.
    pub(crate) fn entity_ref(&self, id: RefId) -> &EntityRef {
        &self.refs[ref_index(id)]
    }

    /// The type with a number that was handed out here.
    pub(crate) fn type_name(&self, id: TypeId) -> &str {
        &self.types[type_index(id)]
    }
}

impl<'a> NamesOverlay<'a> {
    pub(crate) fn new(base: &'a Names) -> Self {
        Self { base, new: NewNames::default() }
    }

    /// The number of a ref; a new one if it has none yet.
    pub(crate) fn ref_id(&mut self, entity_ref: &EntityRef) -> RefId {
        if let Some(id) = self.base.ref_ids.get(entity_ref).or_else(|| self.new.ref_ids.get(entity_ref)) {
            return *id;
        }
        let next = self.base.refs.len() + self.new.refs.len();
        let id = RefId(i32::try_from(next).expect("fewer than 2^31 refs fit in memory"));
        self.new.refs.push(entity_ref.clone());
        self.new.ref_ids.insert(entity_ref.clone(), id);
        id
    }

    /// The number of a relation type; a new one if it has none yet.
    pub(crate) fn type_id(&mut self, name: &str) -> TypeId {
        if let Some(id) = self.base.type_ids.get(name).or_else(|| self.new.type_ids.get(name)) {
            return *id;
        }
        let next = self.base.types.len() + self.new.types.len();
        let id = TypeId(i16::try_from(next).expect("relation types are named in code, so they are few"));
        let name: Arc<str> = name.into();
        self.new.types.push(Arc::clone(&name));
        self.new.type_ids.insert(name, id);
        id
    }

    pub(crate) fn entity_ref(&self, id: RefId) -> &EntityRef {
        let index = ref_index(id);
        self.base.refs.get(index).unwrap_or_else(|| &self.new.refs[index - self.base.refs.len()])
    }

    pub(crate) fn type_name(&self, id: TypeId) -> &str {
        let index = type_index(id);
        self.base.types.get(index).unwrap_or_else(|| &self.new.types[index - self.base.types.len()])
    }

    /// The rows of what is new, and what [`Names::extend`] takes once they are committed.
    pub(crate) fn finish(self) -> (Vec<RefRow>, Vec<TypeRow>, NewNames) {
        let refs = self.new.refs.iter().map(|r| RefRow { id: self.new.ref_ids[r], entity_ref: r.clone() });
        let types = self.new.types.iter().map(|t| TypeRow { id: self.new.type_ids[t], name: t.to_string() });
        (refs.collect(), types.collect(), self.new)
    }
}

/// The place of a ref in a list by number.
pub(crate) fn ref_index(id: RefId) -> usize {
    usize::try_from(id.0).expect("numbers of refs are not negative")
}

fn type_index(id: TypeId) -> usize {
    usize::try_from(id.0).expect("numbers of types are not negative")
}
