//! One key of the search index: who has it, and with which values.

use std::{ops::Bound, sync::Arc};

use imbl::OrdMap;

use super::{Doc, DocSet, Term, words::Words};

/// The number of a key within one index; reused after the key is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u32);

/// A key with everything that is known about it.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its number.
    pub id: KeyId,
    /// Its lower-cased text, e.g. `metadata.tags`.
    pub name: Arc<str>,
    /// The documents that have a row of it, also one without a value.
    pub exists: DocSet,
    /// Those of them that have no value, because it is null or too long; nearly always none.
    pub valueless: DocSet,
    /// The documents of each term. No document has two terms of the same value.
    pub terms: OrdMap<Term, DocSet>,
    /// How many documents the terms have together.
    rows: u64,
    /// The words of its values, if it is one that is searched in.
    pub words: Option<Words>,
}

impl Key {
    /// A key that nobody has yet.
    pub fn new(id: KeyId, name: Arc<str>) -> Self {
        let words = Words::of_key(&name);
        let (exists, valueless) = (DocSet::default(), DocSet::default());
        Self { id, name, exists, valueless, terms: OrdMap::new(), rows: 0, words }
    }

    /// The term as this key holds it, so that all its users share one.
    pub fn shared(&self, term: Term) -> Term {
        self.terms.get_key_value(&term).map_or(term, |(known, _)| known.clone())
    }

    /// Adds a document's term.
    pub fn insert(&mut self, term: &Term, doc: Doc) {
        if let Some(docs) = self.terms.get_mut(term) {
            let before = docs.len();
            docs.insert(doc);
            self.rows += docs.len() - before;
            return;
        }
        self.rows += 1;
        let mut docs = DocSet::default();
        docs.insert(doc);
        self.terms.insert(term.clone(), docs);
    }

    /// Takes a document's term away.
    pub fn remove(&mut self, term: &Term, doc: Doc) {
        if let Some(docs) = self.terms.get_mut(term) {
            self.rows -= u64::from(docs.contains(doc));
            docs.remove(doc);
            if docs.is_empty() {
                self.terms.remove(term);
            }
        }
    }

    /// How many rows of it there are: one for each value of each document.
    pub fn rows(&self) -> u64 {
        self.rows + self.valueless.len()
    }

    /// Whether no document has two values.
    pub fn is_single_valued(&self) -> bool {
        self.rows() == self.exists.len()
    }

    /// The terms whose compared form is `value`; usually one.
    pub fn terms_of<'a>(&'a self, value: &str) -> impl Iterator<Item = (&'a Term, &'a DocSet)> {
        self.terms.range(Term::least(value)..).take_while(move |(term, _)| term.value() == value)
    }

    /// The terms whose compared form starts with `prefix`.
    pub fn terms_with_prefix<'a>(&'a self, prefix: &str) -> impl Iterator<Item = (&'a Term, &'a DocSet)> {
        self.terms.range(Term::least(prefix)..).take_while(move |(term, _)| term.value().starts_with(prefix))
    }

    /// Where a walk comes to that leaves out `skip` rows, given how many rows of each term there are: the
    /// value of the first row that is not left out, and how many before it have that value too. `Err` with
    /// the number still to be left out if there are not that many. Costs a count for each term before.
    pub fn skipped(
        &self,
        descending: bool,
        skip: u64,
        count: impl Fn(&DocSet) -> u64,
    ) -> Result<(&Term, u64), u64> {
        let mut left = skip;
        for (term, docs) in self.walk(None, descending) {
            let here = count(docs);
            if here > left {
                // Terms of one value are one place in the order: the walk begins with the first of them.
                let is_before = |other: &Term| if descending { other > term } else { other < term };
                let same = self.terms_of(term.value()).filter(|(other, _)| is_before(other));
                return Ok((term, left + same.map(|(_, docs)| count(docs)).sum::<u64>()));
            }
            left -= here;
        }
        Err(left)
    }

    /// The terms at and after `value` in ascending order, or at and before it in descending order.
    pub fn walk<'a>(
        &'a self,
        from: Option<&str>,
        descending: bool,
    ) -> Box<dyn Iterator<Item = (&'a Term, &'a DocSet)> + 'a> {
        match (from, descending) {
            (None, false) => Box::new(self.terms.iter()),
            (None, true) => Box::new(self.terms.iter().rev()),
            (Some(value), false) => Box::new(self.terms.range(Term::least(value)..)),
            (Some(value), true) => {
                // The least text above `value` is `value` and NUL.
                let above = Term::least(&format!("{value}\0"));
                Box::new(self.terms.range((Bound::Unbounded, Bound::Excluded(above))).rev())
            }
        }
    }
}
