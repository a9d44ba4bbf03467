//! Which entities satisfy a predicate.

use std::borrow::Cow;

use memchr::memmem::Finder;
use roaring::{MultiOps, RoaringBitmap};
use smallvec::SmallVec;

use super::{Doc, Entity, Index, Key, Relation, Row, term::Term, words::Candidates};
use crate::query::{Predicate, Test};

/// Beyond this share of a key's terms it is quicker to look at the terms than at the entities.
const LOOK_AT_ENTITIES: u64 = 4;

/// The entities that were found.
pub type Matches<'a> = Cow<'a, RoaringBitmap>;

/// A text to be found in the values of some keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullText {
    /// Lower-cased, not blank.
    pub term: String,
    /// Lower-cased.
    pub keys: Vec<String>,
}

/// A value of an entity, as it is compared and as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Text<'a> {
    pub value: &'a str,
    pub original: &'a str,
}

impl Index {
    /// All entities.
    pub fn all(&self) -> Matches<'_> {
        self.all.bitmap()
    }

    /// The entities that satisfy `predicate`.
    pub fn matching(&self, predicate: &Predicate) -> Matches<'_> {
        match predicate {
            Predicate::All(parts) => self.matching_all(parts),
            Predicate::Any(parts) => {
                let found: Vec<_> = parts.iter().map(|part| self.matching(part)).collect();
                match <[Matches<'_>; 1]>::try_from(found) {
                    Ok([only]) => only,
                    Err(found) => Cow::Owned(found.iter().map(AsRef::as_ref).union()),
                }
            }
            Predicate::Not(part) => Cow::Owned(&*self.all.bitmap() - &*self.matching(part)),
            Predicate::Field(key, test) => self.matching_field(key, test),
        }
    }

    /// The entities of `matches` that have a value of this lower-cased key.
    pub fn with_value<'a>(&'a self, matches: Matches<'a>, key: &str) -> Matches<'a> {
        let Some(key) = self.key(key) else { return Matches::default() };
        let mut found = key.exists.shared_with(&matches);
        if !key.valueless.is_empty() {
            found -= &*key.valueless.bitmap();
        }
        Cow::Owned(found)
    }

    /// The entities of `matches` in which the text is found.
    pub fn containing<'a>(&'a self, matches: &RoaringBitmap, text: &FullText) -> Matches<'a> {
        let finder = Finder::new(&text.term);
        let mut found = RoaringBitmap::new();
        for key in text.keys.iter().filter_map(|name| self.key(name)) {
            let candidates = match &key.words {
                Some(words) => words.candidates(&text.term),
                None => Candidates::Anywhere,
            };
            match candidates {
                Candidates::Exactly(docs) => found |= docs,
                Candidates::Among(docs) => self.look_at(&(docs & matches), key, &finder, &mut found),
                Candidates::Anywhere if matches.len() < key.terms.len() as u64 / LOOK_AT_ENTITIES => {
                    self.look_at(matches, key, &finder, &mut found);
                }
                Candidates::Anywhere => {
                    for (_, docs) in key.terms.iter().filter(|(term, _)| is_in(&finder, term.value())) {
                        docs.add_to(&mut found);
                    }
                }
            }
        }
        found &= matches;
        Cow::Owned(found)
    }

    /// Adds those of `docs` that have the text under this key.
    fn look_at(&self, docs: &RoaringBitmap, key: &Key, text: &Finder<'_>, found: &mut RoaringBitmap) {
        let has_text = |doc: &u32| {
            let entity = self.entity(Doc(*doc));
            entity
                .is_some_and(|entity| self.texts_of(entity, key).iter().any(|found| is_in(text, found.value)))
        };
        found.extend(docs.iter().filter(has_text));
    }

    fn matching_all(&self, parts: &[Predicate]) -> Matches<'_> {
        // What excludes is subtracted, never built as a set of nearly everything.
        let (excluded, required): (Vec<_>, Vec<_>) =
            parts.iter().partition(|part| matches!(part, Predicate::Not(_)));
        let mut sets: Vec<_> = required.into_iter().map(|part| self.matching(part)).collect();
        sets.sort_by_key(|set| set.len());
        let mut sets = sets.into_iter();
        let mut found = sets.next().unwrap_or_else(|| self.all());
        for set in sets {
            found = Cow::Owned(&*found & &*set);
        }
        for part in excluded {
            if let Predicate::Not(part) = part {
                found = Cow::Owned(&*found - &*self.matching(part));
            }
        }
        found
    }

    fn matching_field(&self, name: &str, test: &Test) -> Matches<'_> {
        let key = self.key(name);
        match test {
            Test::Exists(true) => key.map_or_else(Matches::default, |key| key.exists.bitmap()),
            Test::Exists(false) => match key {
                None => self.all(),
                Some(key) => Cow::Owned(&*self.all.bitmap() - &*key.exists.bitmap()),
            },
            Test::In(values) => key.map_or_else(Matches::default, |key| with_value(key, values)),
            Test::Prefix(prefix) => {
                let sets = key.map(|key| key.terms_with_prefix(prefix).map(|(_, docs)| docs.bitmap()));
                let sets: Vec<_> = sets.into_iter().flatten().collect();
                Cow::Owned(sets.iter().map(AsRef::as_ref).union())
            }
        }
    }

    /// The values that an entity has under a key.
    pub(super) fn texts_of<'a>(&'a self, entity: &'a Entity, key: &Key) -> SmallVec<[Text<'a>; 4]> {
        if let Some(kind) = key.name.strip_prefix("relations.") {
            return self.targets_of(entity, kind);
        }
        let text = |term: &'a Term| Text { value: term.value(), original: term.original() };
        Row::of_key(&entity.rows, key.id).iter().filter_map(|row| row.term.as_ref().map(text)).collect()
    }

    /// The targets of the relations whose lower-cased type is `kind`.
    fn targets_of<'a>(&'a self, entity: &'a Entity, kind: &str) -> SmallVec<[Text<'a>; 4]> {
        let spellings = self.kinds.get(kind).map(Vec::as_slice).unwrap_or_default();
        let mut texts = SmallVec::new();
        for relation in spellings.iter().flat_map(|kind| entity.relations.of_kind(kind)) {
            let text = target_text(relation);
            let is_new = spellings.len() == 1 || !texts.contains(&text);
            if is_new && Term::is_value(text.value) {
                texts.push(text);
            }
        }
        texts
    }
}

fn is_in(text: &Finder<'_>, value: &str) -> bool {
    text.find(value.as_bytes()).is_some()
}

/// Refs are canonical, so both forms are one.
fn target_text(relation: &Relation) -> Text<'_> {
    Text { value: relation.target.as_str(), original: relation.target.as_str() }
}

fn with_value<'a>(key: &'a Key, values: &[String]) -> Matches<'a> {
    let mut sets: Vec<Matches<'a>> = Vec::with_capacity(values.len());
    for value in values {
        sets.extend(key.terms_of(value).map(|(_, docs)| docs.bitmap()));
    }
    match <[Matches<'a>; 1]>::try_from(sets) {
        Ok([only]) => only,
        Err(sets) => Cow::Owned(sets.iter().map(AsRef::as_ref).union()),
    }
}
