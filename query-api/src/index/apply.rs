//! Changes of the index: a snapshot loaded, a commit applied.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use backstitch_read_model::{
    EntityRecord, HistoryOperation, HistoryRow, RefId, Revision, SnapshotPart, TypeId,
};
use backstitch_schemas::EntityRef;
use uuid::Uuid;

use super::{
    Body, Doc, Entity, Index, Key, KeyId, Relation, Relations, Row, Sample, Term, relation_key, search_rows,
    term::{is_too_long, lower},
};

/// A catalog that grew by this factor is sampled again.
const GROWN: usize = 2;

/// Builds an index from the parts of a snapshot.
#[derive(Debug, Default)]
pub struct Loader {
    refs: HashMap<RefId, EntityRef>,
    kinds: HashMap<TypeId, Arc<str>>,
    entities: Vec<EntityRecord>,
    relations: HashMap<RefId, Vec<Relation>>,
}

impl Loader {
    /// Takes a part. Refs and types come before what mentions them.
    pub fn take(&mut self, part: SnapshotPart) {
        match part {
            SnapshotPart::Refs(rows) => {
                self.refs.extend(rows.into_iter().map(|row| (row.id, row.entity_ref)))
            }
            SnapshotPart::Types(rows) => {
                self.kinds.extend(rows.into_iter().map(|row| (row.id, Arc::from(row.name))));
            }
            SnapshotPart::Entities(rows) => self.entities.extend(rows),
            SnapshotPart::Relations(rows) => {
                for row in rows {
                    let (Some(kind), Some(target)) = (self.kinds.get(&row.kind), self.refs.get(&row.target))
                    else {
                        continue;
                    };
                    let relation = Relation { kind: Arc::clone(kind), target: target.clone() };
                    self.relations.entry(row.source).or_default().push(relation);
                }
            }
        }
    }

    /// The index as of `revision`. Takes a second for 50,000 entities: not for an async thread.
    pub fn finish(mut self, revision: Revision) -> Index {
        let mut index = Index { revision, ..Index::default() };
        if self.entities.len() >= Sample::WORTH {
            let bodies = Sample::spread(self.entities.iter(), self.entities.len());
            index.compress_beside(
                Sample::of(bodies.map(|record| Cow::Borrowed(&*record.body))),
                self.entities.len(),
            );
        }
        for record in std::mem::take(&mut self.entities) {
            let Some(entity_ref) = self.refs.get(&record.ref_id) else { continue };
            let relations = self.relations.remove(&record.ref_id).unwrap_or_default();
            let shown = Shown { uid: record.uid, etag: &record.etag, revision: record.revision };
            index.put(entity_ref, &shown, Some(&record.body), relations.into_iter().collect());
        }
        index
    }
}

/// The fields of an entity that change with every revision of it.
struct Shown<'a> {
    uid: Uuid,
    etag: &'a str,
    revision: Revision,
}

/// What a document has of a key.
struct Has {
    key: bool,
    value: bool,
}

impl Index {
    /// Applies whole commits, in the order of their revisions.
    pub fn apply(&mut self, rows: &[HistoryRow]) {
        for row in rows {
            if self.len() >= Sample::WORTH.max(self.sampled * GROWN) {
                let bodies = Sample::spread(self.iter(), self.len());
                self.compress_beside(Sample::of(bodies.map(|entity| entity.body.text())), self.len());
            }
            self.apply_row(row);
            self.revision = self.revision.max(row.commit);
        }
    }

    /// New bodies are compressed beside this sample of `count` entities; those that are held already stay
    /// as they are.
    fn compress_beside(&mut self, sample: Arc<Sample>, count: usize) {
        (self.sample, self.sampled) = (Some(sample), count);
    }

    fn apply_row(&mut self, row: &HistoryRow) {
        if row.operation == HistoryOperation::Deleted {
            self.remove(&row.entity_ref);
            return;
        }
        let relation = |end| self.interned(Relation::from(end));
        let removed: Vec<_> = row.relations_removed.iter().map(relation).collect();
        let added: Vec<_> = row.relations_added.iter().map(relation).collect();
        let before = match row.operation {
            HistoryOperation::Created => Relations::default(),
            _ => self.find(&row.entity_ref).map(|entity| entity.relations.clone()).unwrap_or_default(),
        };
        let shown = Shown { uid: row.uid, etag: &row.etag, revision: row.revision };
        self.put(&row.entity_ref, &shown, row.body.as_deref(), before.changed(&removed, &added));
    }

    /// Makes or replaces an entity; without a body the one it has stays.
    fn put(&mut self, entity_ref: &EntityRef, shown: &Shown<'_>, body: Option<&str>, relations: Relations) {
        let known = self.doc(entity_ref).and_then(|doc| Some((doc, Arc::clone(self.entity(doc)?))));
        let (body, rows) = match (body, &known) {
            (Some(text), _) => (Body::new(text, self.sample.as_ref()), self.rows_of(text)),
            (None, Some((_, before))) => (before.body.clone(), Arc::clone(&before.rows)),
            // A history that says nothing about an entity that we do not have; there is nothing to show.
            (None, None) => return,
        };
        let entity = Arc::new(Entity {
            entity_ref: entity_ref.clone(),
            uid: shown.uid,
            etag: shown.etag.into(),
            revision: shown.revision,
            body,
            rows,
            relations,
        });
        match known {
            Some((doc, before)) => self.replace(doc, &before, entity),
            None => self.insert(entity),
        }
    }

    fn insert(&mut self, entity: Arc<Entity>) {
        let doc = Doc(self.entities.add(Arc::clone(&entity)));
        self.all.insert(doc);
        self.by_ref.insert(entity.entity_ref.clone(), doc);
        self.by_uid.insert(entity.uid, doc);
        self.change_rows(doc, &[], &entity.rows);
        self.change_relations(doc, &Relations::default(), &entity.relations);
    }

    fn replace(&mut self, doc: Doc, before: &Entity, entity: Arc<Entity>) {
        if before.uid != entity.uid {
            self.forget_uid(before.uid, doc);
            self.by_uid.insert(entity.uid, doc);
        }
        if !Arc::ptr_eq(&before.rows, &entity.rows) {
            self.change_rows(doc, &before.rows, &entity.rows);
        }
        self.change_relations(doc, &before.relations, &entity.relations);
        if let Some(place) = self.entities.get_mut(doc.0) {
            *place = entity;
        }
    }

    fn remove(&mut self, entity_ref: &EntityRef) {
        let Some(doc) = self.by_ref.remove(entity_ref) else { return };
        let Some(entity) = self.entity(doc).cloned() else { return };
        self.change_rows(doc, &entity.rows, &[]);
        self.change_relations(doc, &entity.relations, &Relations::default());
        self.forget_uid(entity.uid, doc);
        self.all.remove(doc);
        self.entities.remove(doc.0);
    }

    /// A uid may have gone to another entity in the same commit.
    fn forget_uid(&mut self, uid: Uuid, doc: Doc) {
        if self.by_uid.get(&uid) == Some(&doc) {
            self.by_uid.remove(&uid);
        }
    }

    // --- search rows ---

    /// The rows of a body, sorted, with the keys and terms that the index has already.
    fn rows_of(&mut self, body: &str) -> Arc<[Row]> {
        let mut rows: Vec<Row> = Vec::with_capacity(48);
        for row in search_rows(&serde_json::from_str(body).unwrap_or_default()) {
            let key = self.intern_key(&row.key);
            let term = row.term.map(|term| self.shared_term(key, term));
            rows.push(Row { key, term });
        }
        rows.sort_unstable();
        rows.into()
    }

    fn intern_key(&mut self, name: &str) -> KeyId {
        if let Some(id) = self.key_ids.get(name) {
            return *id;
        }
        let name: Arc<str> = name.into();
        let id = KeyId(self.keys.add_with(|number| Key::new(KeyId(number), Arc::clone(&name))));
        self.key_ids.insert(name, id);
        id
    }

    fn shared_term(&self, key: KeyId, term: Term) -> Term {
        match self.keys.get(key.0) {
            Some(key) => key.shared(term),
            None => term,
        }
    }

    /// Brings sets and values from one list of rows to another; both are sorted.
    fn change_rows(&mut self, doc: Doc, before: &[Row], after: &[Row]) {
        let mut touched = Vec::new();
        for row in before.iter().filter(|row| after.binary_search(row).is_err()) {
            self.remove_term(doc, row.key, row.term.as_ref());
            touched.push(row.key);
        }
        for row in after.iter().filter(|row| before.binary_search(row).is_err()) {
            self.insert_term(doc, row.key, row.term.as_ref());
            touched.push(row.key);
        }
        touched.sort_unstable();
        touched.dedup();
        for key in touched {
            let shown = Row::of_key(after, key);
            if let Some(words) = self.keys.get_mut(key.0).and_then(|key| key.words.as_mut()) {
                words.change(doc, Row::values(Row::of_key(before, key)), Row::values(shown));
            }
            // Rows without a value are sorted before those with one.
            let last = shown.last();
            let has = Has { key: last.is_some(), value: last.is_some_and(|row| row.term.is_some()) };
            self.settle(doc, key, has);
        }
    }

    fn insert_term(&mut self, doc: Doc, key: KeyId, term: Option<&Term>) {
        if let (Some(key), Some(term)) = (self.keys.get_mut(key.0), term) {
            key.insert(term, doc);
        }
    }

    fn remove_term(&mut self, doc: Doc, key: KeyId, term: Option<&Term>) {
        if let (Some(key), Some(term)) = (self.keys.get_mut(key.0), term) {
            key.remove(term, doc);
        }
    }

    /// Notes whether a document has a key, and a value of it. A key that nobody has goes.
    fn settle(&mut self, doc: Doc, id: KeyId, has: Has) {
        let Some(key) = self.keys.get_mut(id.0) else { return };
        key.exists.set(doc, has.key);
        key.valueless.set(doc, has.key && !has.value);
        if key.exists.is_empty() {
            let name = Arc::clone(&key.name);
            self.key_ids.remove(&name);
            self.keys.remove(id.0);
        }
    }

    // --- relations ---

    /// The relation with the texts that the index has already.
    fn interned(&self, relation: Relation) -> Relation {
        let spellings = self.kinds.get(&lower(&relation.kind));
        let kind = spellings.and_then(|kinds| kinds.iter().find(|kind| **kind == relation.kind)).cloned();
        let target = self.find(&relation.target).map(|entity| entity.entity_ref.clone());
        Relation { kind: kind.unwrap_or(relation.kind), target: target.unwrap_or(relation.target) }
    }

    fn change_relations(&mut self, doc: Doc, before: &Relations, after: &Relations) {
        let mut touched = Vec::new();
        for removed in only_in(before, after) {
            let Some(key) = self.key_id(&relation_key(&removed.kind)) else { continue };
            let spellings = self.spellings(&removed.kind);
            let same = |kind: &Arc<str>| Relation { kind: Arc::clone(kind), target: removed.target.clone() };
            // The same type in another case may show the same target.
            if !spellings.iter().any(|kind| after.contains(&same(kind))) {
                self.remove_term(doc, key, Term::written(removed.target.as_str()).as_ref());
            }
            touched.push((key, lower(&removed.kind)));
        }
        for added in only_in(after, before) {
            let name = relation_key(&added.kind);
            if is_too_long(&name) {
                continue;
            }
            self.learn_kind(&added.kind);
            let key = self.intern_key(&name);
            let term = Term::written(added.target.as_str()).map(|term| self.shared_term(key, term));
            self.insert_term(doc, key, term.as_ref());
            touched.push((key, lower(&added.kind)));
        }
        touched.sort_unstable();
        touched.dedup();
        for (key, kind) in touched {
            let spellings = self.spellings(&kind);
            let mut shown = spellings.iter().flat_map(|kind| after.of_kind(kind)).peekable();
            let has_key = shown.peek().is_some();
            let has_value = shown.any(|relation| Term::is_value(relation.target.as_str()));
            self.settle(doc, key, Has { key: has_key, value: has_value });
        }
    }

    /// The known types that are equal to this one but for their case.
    fn spellings(&self, kind: &str) -> Vec<Arc<str>> {
        self.kinds.get(&lower(kind)).cloned().unwrap_or_default()
    }

    fn learn_kind(&mut self, kind: &Arc<str>) {
        let lowered = lower(kind);
        let is_known = self.kinds.get(&lowered).is_some_and(|kinds| kinds.contains(kind));
        if !is_known {
            Arc::make_mut(&mut self.kinds).entry(lowered).or_default().push(Arc::clone(kind));
        }
    }
}

/// The relations of `these` that `those` lack. Costs what differs where both share their structure.
fn only_in<'a>(these: &'a Relations, those: &'a Relations) -> Vec<&'a Relation> {
    match (these, those) {
        (Relations::Few(a), Relations::Few(b)) if Arc::ptr_eq(a, b) => Vec::new(),
        (Relations::Many(a), Relations::Many(b)) => {
            let only = |item| match item {
                imbl::ordset::DiffItem::Add(relation) => Some(relation),
                imbl::ordset::DiffItem::Remove(_) => None,
            };
            b.diff(a).filter_map(only).collect()
        }
        _ => these.iter().filter(|relation| !those.contains(relation)).collect(),
    }
}
