//! Pages: some of the found entities, in an order, from a position on.
//!
//! There are two ways to a page. Walking the sorted terms costs what lies between the found entities;
//! collecting and sorting costs what was found. Whichever is cheaper is taken.

use roaring::RoaringBitmap;
use uuid::Uuid;

use super::{Doc, DocSet, Index, Key, Term, lower};

/// What to sort by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortOrder {
    /// The lower-cased key.
    pub key: String,
    /// Greatest first.
    pub descending: bool,
}

/// A place in an order: entities are sorted by value, then by uid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The value; absent where the uid is all that is sorted by.
    pub value: Option<String>,
    /// The uid.
    pub uid: Uuid,
}

/// On which side of a position a page lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// After it.
    Forward,
    /// Before it; the nearest comes first.
    Backward,
}

/// One item of a page: an entity, and the value that it stands there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit<'a> {
    /// The entity.
    pub doc: Doc,
    /// Its uid.
    pub uid: Uuid,
    /// The value that it is sorted by. An entity with several values is there once for each.
    pub value: Option<&'a str>,
}

/// Which part of the order is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// Exclusive; the beginning if absent.
    pub from: Option<&'a Position>,
    /// To which side.
    pub direction: Direction,
    /// Items to leave out first.
    pub skip: usize,
    /// Items to return at most.
    pub limit: usize,
}

impl SortOrder {
    /// Smallest first.
    pub fn ascending(field: &str) -> Self {
        Self { key: lower(field), descending: false }
    }

    /// Greatest first.
    pub fn descending(field: &str) -> Self {
        Self { key: lower(field), descending: true }
    }
}

impl Hit<'_> {
    /// Where it stands.
    pub fn position(&self) -> Position {
        Position { value: self.value.map(str::to_owned), uid: self.uid }
    }
}

impl Index {
    /// A page in the order of uids.
    pub fn page_by_uid(&self, matches: &RoaringBitmap, window: Window<'_>) -> Vec<Hit<'static>> {
        let backward = window.direction == Direction::Backward;
        let count = window.skip.saturating_add(window.limit);
        let found = self.in_uid_order(matches, window.from.map(|from| from.uid), backward, count);
        found.into_iter().skip(window.skip).map(|(uid, doc)| Hit { doc, uid, value: None }).collect()
    }

    /// A page in the order of a key's values. Entities without a value are not in it. With
    /// `containing`, only rows whose value contains that text are.
    pub fn page_by_value<'a>(
        &'a self,
        matches: &RoaringBitmap,
        order: &SortOrder,
        containing: Option<&str>,
        window: Window<'_>,
    ) -> Vec<Hit<'a>> {
        let Some(key) = self.key(&order.key) else { return Vec::new() };
        let page = ValuePage {
            index: self,
            key,
            matches,
            containing,
            descending: order.descending != (window.direction == Direction::Backward),
            window,
        };
        if page.is_sparse() { page.collected() } else { page.walked() }
    }

    /// Counts how many documents of a set are in `matches`.
    pub(super) fn counted(&self, matches: &RoaringBitmap) -> impl Fn(&DocSet) -> u64 {
        let is_everything = matches.len() == self.len() as u64;
        move |docs| if is_everything { docs.len() } else { docs.overlap(matches) }
    }

    /// The first of some documents in the order of uids, behind `after`.
    pub(super) fn in_uid_order(
        &self,
        docs: &RoaringBitmap,
        after: Option<Uuid>,
        descending: bool,
        count: usize,
    ) -> Vec<(Uuid, Doc)> {
        let is_behind = |uid: Uuid| match after {
            None => true,
            Some(after) if descending => uid < after,
            Some(after) => uid > after,
        };
        if !is_sparse(docs.len(), self.len(), count) {
            let wanted = |(uid, doc): (&Uuid, &Doc)| docs.contains(doc.0).then_some((*uid, *doc));
            return match (after, descending) {
                (None, false) => self.by_uid.iter().filter_map(wanted).take(count).collect(),
                (None, true) => self.by_uid.iter().rev().filter_map(wanted).take(count).collect(),
                (Some(after), false) => {
                    let behind = self.by_uid.range(after..).filter(|(uid, _)| is_behind(**uid));
                    behind.filter_map(wanted).take(count).collect()
                }
                (Some(after), true) => {
                    self.by_uid.range(..after).rev().filter_map(wanted).take(count).collect()
                }
            };
        }
        let with_uid = |doc| Some((self.entity(Doc(doc))?.uid, Doc(doc)));
        let mut found: Vec<_> = docs.iter().filter_map(with_uid).filter(|(uid, _)| is_behind(*uid)).collect();
        found.sort_unstable();
        if descending {
            found.reverse();
        }
        found.truncate(count);
        found
    }
}

/// Whether sorting `found` documents is cheaper than walking until `count` of them were met among
/// `places`. A step of the walk is some four times cheaper than fetching an entity.
pub(super) fn is_sparse(found: u64, places: usize, count: usize) -> bool {
    let steps = (count as u64).saturating_mul(places as u64 / found.max(1)).min(places as u64);
    found.saturating_mul(4) <= steps
}

/// A page in the order of a key's values, while it is looked for.
struct ValuePage<'a, 'w> {
    index: &'a Index,
    key: &'a Key,
    matches: &'w RoaringBitmap,
    containing: Option<&'w str>,
    /// The direction of the walk.
    descending: bool,
    window: Window<'w>,
}

impl<'a> ValuePage<'a, '_> {
    fn is_sparse(&self) -> bool {
        let count = self.window.skip.saturating_add(self.window.limit);
        is_sparse(self.matches.len(), self.key.terms.len(), count)
    }

    fn collected(&self) -> Vec<Hit<'a>> {
        let mut hits = Vec::new();
        for doc in self.matches.iter().map(Doc) {
            let Some(entity) = self.index.entity(doc) else { continue };
            for text in self.index.texts_of(entity, self.key) {
                let hit = Hit { doc, uid: entity.uid, value: Some(text.value) };
                if self.has_text(text.value) && self.is_behind(&hit) {
                    hits.push(hit);
                }
            }
        }
        hits.sort_unstable_by(|a, b| (a.value, a.uid).cmp(&(b.value, b.uid)));
        if self.descending {
            hits.reverse();
        }
        hits.into_iter().skip(self.window.skip).take(self.window.limit).collect()
    }

    fn walked(&self) -> Vec<Hit<'a>> {
        let mut from = self.window.from.and_then(|from| from.value.as_deref());
        let (mut hits, mut skip) = (Vec::new(), self.window.skip);
        if skip > 0 && from.is_none() && self.containing.is_none() {
            let count = self.index.counted(self.matches);
            let Ok((term, left)) = self.key.skipped(self.descending, skip as u64, count) else { return hits };
            (from, skip) = (Some(term.value()), usize::try_from(left).unwrap_or(usize::MAX));
        }
        let mut terms = self.key.walk(from, self.descending).peekable();
        while hits.len() < self.window.limit {
            let Some((term, docs)) = terms.next() else { break };
            let mut found = docs.shared_with(self.matches);
            if found.is_empty() {
                continue;
            }
            // Terms that differ only in their original form share one place in the order.
            while let Some((_, docs)) = terms.next_if(|(next, _)| next.value() == term.value()) {
                found |= docs.shared_with(self.matches);
            }
            if self.has_text(term.value()) {
                self.take(term, &found, &mut skip, &mut hits);
            }
        }
        hits
    }

    /// Takes the documents of one value.
    fn take(&self, term: &'a Term, found: &RoaringBitmap, skip: &mut usize, hits: &mut Vec<Hit<'a>>) {
        let begun = self.window.from.filter(|from| from.value.as_deref() == Some(term.value()));
        let is_skipped = begun.is_none() && found.len() <= *skip as u64;
        if is_skipped {
            *skip -= found.len() as usize;
            return;
        }
        let wanted = skip.saturating_add(self.window.limit - hits.len());
        let docs = self.index.in_uid_order(found, begun.map(|from| from.uid), self.descending, wanted);
        let left_out = docs.len().min(*skip);
        *skip -= left_out;
        let hit = |(uid, doc)| Hit { doc, uid, value: Some(term.value()) };
        hits.extend(docs.into_iter().skip(left_out).map(hit));
    }

    fn has_text(&self, value: &str) -> bool {
        self.containing.is_none_or(|text| value.contains(text))
    }

    fn is_behind(&self, hit: &Hit<'_>) -> bool {
        let Some(from) = self.window.from else { return true };
        let order = (hit.value, hit.uid).cmp(&(from.value.as_deref(), from.uid));
        if self.descending { order.is_lt() } else { order.is_gt() }
    }
}
