//! The plain list: the found entities, each once, by ref or by several orders.

use roaring::RoaringBitmap;

use super::{Doc, Entity, Index, Key, SortOrder, page::is_sparse};

impl Index {
    /// The found entities by ref.
    pub fn list_by_ref(&self, matches: &RoaringBitmap, skip: usize, limit: usize) -> Vec<Doc> {
        let count = skip.saturating_add(limit);
        if !is_sparse(matches.len(), self.len(), count) {
            let docs = self.by_ref.values().copied().filter(|doc| matches.contains(doc.0));
            return docs.skip(skip).take(limit).collect();
        }
        let mut docs: Vec<_> = matches.iter().map(Doc).collect();
        docs.sort_by_cached_key(|doc| self.entity(*doc).map(|entity| entity.entity_ref.clone()));
        docs.into_iter().skip(skip).take(limit).collect()
    }

    /// The found entities by several orders, each entity once. Those without a value come last
    /// whatever the direction, and ties are broken by uid.
    pub fn list_by_values(
        &self,
        matches: &RoaringBitmap,
        orders: &[SortOrder],
        skip: usize,
        limit: usize,
    ) -> Vec<Doc> {
        let rest = matches.clone();
        let mut listing = Listing { index: self, orders, skip, limit, rest, listed: Vec::new() };
        if let Some(key) = orders.first().and_then(|order| self.key(&order.key)) {
            listing.list_values(key, matches);
        }
        if listing.listed.len() < limit {
            let without = std::mem::take(&mut listing.rest);
            listing.list_group(&without);
        }
        listing.listed.truncate(limit);
        listing.listed
    }

    fn compare(&self, order: &SortOrder, a: &Entity, b: &Entity) -> std::cmp::Ordering {
        let (a, b) = (self.sort_value(order, a), self.sort_value(order, b));
        match (a, b) {
            (Some(a), Some(b)) if order.descending => b.cmp(a),
            (Some(a), Some(b)) => a.cmp(b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }

    /// The value that comes first in this order.
    fn sort_value<'a>(&'a self, order: &SortOrder, entity: &'a Entity) -> Option<&'a str> {
        let texts = self.texts_of(entity, self.key(&order.key)?);
        let values = texts.into_iter().map(|text| text.value);
        if order.descending { values.max() } else { values.min() }
    }
}

/// A list by several orders, while it is made.
struct Listing<'a> {
    index: &'a Index,
    orders: &'a [SortOrder],
    skip: usize,
    limit: usize,
    /// Those that have no place yet.
    rest: RoaringBitmap,
    listed: Vec<Doc>,
}

impl Listing<'_> {
    /// Lists those that have a value of the first order's key.
    fn list_values(&mut self, key: &Key, matches: &RoaringBitmap) {
        let descending = self.orders[0].descending;
        if !key.is_single_valued() {
            return self.walk(key, None, descending);
        }
        // Those before the page have one place each, so they need only be counted.
        match key.skipped(descending, self.skip as u64, self.index.counted(matches)) {
            Ok((term, left)) => {
                self.skip = usize::try_from(left).unwrap_or(usize::MAX);
                self.walk(key, Some(term.value()), descending);
            }
            Err(left) => self.skip = usize::try_from(left).unwrap_or(usize::MAX),
        }
        self.rest = matches - &*key.exists.bitmap();
        self.rest |= &*key.valueless.bitmap() & matches;
    }

    fn walk(&mut self, key: &Key, from: Option<&str>, descending: bool) {
        let mut terms = key.walk(from, descending).peekable();
        while self.listed.len() < self.limit && !self.rest.is_empty() {
            let Some((term, docs)) = terms.next() else { break };
            // An entity stands where its first value does, so it is taken out of the rest.
            let mut group = docs.taken_from(&mut self.rest);
            while let Some((_, docs)) = terms.next_if(|(next, _)| next.value() == term.value()) {
                group.extend(&docs.taken_from(&mut self.rest));
            }
            if group.len() <= self.skip as u64 {
                self.skip -= group.len() as usize;
                continue;
            }
            self.list_group(&group.bitmap());
        }
    }

    /// Appends the entities of one group behind those that are still to be skipped.
    fn list_group(&mut self, group: &RoaringBitmap) {
        let orders = self.orders.get(1..).unwrap_or_default();
        let count = self.skip.saturating_add(self.limit);
        let docs: Vec<Doc> = if orders.is_empty() {
            self.index.in_uid_order(group, None, false, count).into_iter().map(|(_, doc)| doc).collect()
        } else {
            let with_entity = |doc| Some((Doc(doc), self.index.entity(Doc(doc))?));
            let mut entities: Vec<_> = group.iter().filter_map(with_entity).collect();
            entities.sort_by(|(_, a), (_, b)| {
                let by_values = orders.iter().map(|order| self.index.compare(order, a, b));
                by_values.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then).then(a.uid.cmp(&b.uid))
            });
            entities.into_iter().map(|(doc, _)| doc).collect()
        };
        let left_out = docs.len().min(self.skip);
        self.skip -= left_out;
        self.listed.extend(docs.into_iter().skip(left_out));
    }
}
