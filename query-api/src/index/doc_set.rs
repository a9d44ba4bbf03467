//! Sets of documents, the currency of the index.

use std::{borrow::Cow, sync::Arc};

use roaring::RoaringBitmap;

/// The number of an entity within one index; reused after the entity is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Doc(pub u32);

/// A set of documents. Most sets have one or two members, so these live inline; a large one is a
/// bitmap that is shared between versions of the index until it changes.
#[derive(Clone, Debug)]
pub enum DocSet {
    /// Those that fit inline.
    Few {
        /// How many there are.
        count: u8,
        /// Sorted, as far as there are some.
        docs: [u32; DocSet::INLINE],
    },
    /// More than fit inline.
    Many(Arc<RoaringBitmap>),
}

const _: () = assert!(size_of::<DocSet>() == 16, "there is one for each value of each key");

impl Default for DocSet {
    fn default() -> Self {
        Self::Few { count: 0, docs: [0; Self::INLINE] }
    }
}

impl DocSet {
    const INLINE: usize = 3;

    /// A set that fits inline.
    fn few(members: impl Iterator<Item = u32>) -> Self {
        let (mut count, mut docs) = (0, [0; Self::INLINE]);
        for (place, doc) in docs.iter_mut().zip(members) {
            *place = doc;
            count += 1;
        }
        Self::Few { count, docs }
    }

    /// How many documents there are.
    pub fn len(&self) -> u64 {
        match self {
            Self::Few { count, .. } => u64::from(*count),
            Self::Many(docs) => docs.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a document.
    pub fn insert(&mut self, doc: Doc) {
        match self {
            Self::Few { count, docs } => {
                let members = usize::from(*count);
                let Err(place) = docs[..members].binary_search(&doc.0) else { return };
                if members < Self::INLINE {
                    docs.copy_within(place..members, place + 1);
                    docs[place] = doc.0;
                    *count += 1;
                } else {
                    let mut bitmap: RoaringBitmap = docs.iter().copied().collect();
                    bitmap.insert(doc.0);
                    *self = Self::Many(Arc::new(bitmap));
                }
            }
            Self::Many(docs) => {
                Arc::make_mut(docs).insert(doc.0);
            }
        }
    }

    /// Takes a document out.
    pub fn remove(&mut self, doc: Doc) {
        match self {
            Self::Few { count, docs } => {
                let members = usize::from(*count);
                let Ok(place) = docs[..members].binary_search(&doc.0) else { return };
                docs.copy_within(place + 1..members, place);
                *count -= 1;
            }
            Self::Many(docs) => {
                Arc::make_mut(docs).remove(doc.0);
                // Well below the limit, so that a set at its edge does not change form each time.
                if docs.len() <= Self::INLINE as u64 / 2 {
                    *self = Self::few(docs.iter());
                }
            }
        }
    }

    /// Adds a document or takes it out. What is so already costs nothing.
    pub fn set(&mut self, doc: Doc, is_member: bool) {
        if self.contains(doc) == is_member {
            return;
        }
        if is_member { self.insert(doc) } else { self.remove(doc) }
    }

    /// Whether a document is in it.
    pub fn contains(&self, doc: Doc) -> bool {
        match self {
            Self::Few { count, docs } => members(docs, *count).binary_search(&doc.0).is_ok(),
            Self::Many(docs) => docs.contains(doc.0),
        }
    }

    /// The set as a bitmap; only a small one is copied.
    pub fn bitmap(&self) -> Cow<'_, RoaringBitmap> {
        match self {
            Self::Few { count, docs } => Cow::Owned(members(docs, *count).iter().copied().collect()),
            Self::Many(docs) => Cow::Borrowed(docs),
        }
    }

    /// How many documents are in `other` too.
    pub fn overlap(&self, other: &RoaringBitmap) -> u64 {
        match self {
            Self::Few { count, docs } => {
                members(docs, *count).iter().filter(|doc| other.contains(**doc)).count() as u64
            }
            Self::Many(docs) => docs.intersection_len(other),
        }
    }

    /// The documents that are in `other` too.
    pub fn shared_with(&self, other: &RoaringBitmap) -> RoaringBitmap {
        match self {
            Self::Few { count, docs } => {
                members(docs, *count).iter().copied().filter(|doc| other.contains(*doc)).collect()
            }
            Self::Many(docs) => &**docs & other,
        }
    }

    /// The documents that are in `rest` too; they are taken out of it. Costs no allocation for a few.
    pub fn taken_from(&self, rest: &mut RoaringBitmap) -> Self {
        match self {
            Self::Few { count, docs } => {
                Self::few(members(docs, *count).iter().copied().filter(|doc| rest.remove(*doc)))
            }
            Self::Many(docs) => {
                let shared = &**docs & &*rest;
                *rest -= &shared;
                Self::Many(Arc::new(shared))
            }
        }
    }

    /// Adds the documents of another set.
    pub fn extend(&mut self, other: &Self) {
        match other {
            Self::Few { count, docs } => members(docs, *count).iter().for_each(|doc| self.insert(Doc(*doc))),
            Self::Many(docs) => {
                let mut union = self.bitmap().into_owned();
                union |= &**docs;
                *self = Self::Many(Arc::new(union));
            }
        }
    }

    /// About how many bytes it takes beyond its inline form.
    pub fn heap_bytes(&self) -> u64 {
        match self {
            Self::Few { .. } => 0,
            Self::Many(docs) => {
                let found = docs.statistics();
                let containers = u64::from(found.n_containers) * size_of::<[usize; 5]>() as u64;
                found.n_bytes_array_containers
                    + found.n_bytes_bitset_containers
                    + found.n_bytes_run_containers
                    + containers
                    + size_of::<RoaringBitmap>() as u64
            }
        }
    }

    /// Adds all documents to `union`.
    pub fn add_to(&self, union: &mut RoaringBitmap) {
        match self {
            Self::Few { count, docs } => union.extend(members(docs, *count).iter().copied()),
            Self::Many(docs) => *union |= &**docs,
        }
    }
}

/// The places that are taken.
fn members(docs: &[u32; DocSet::INLINE], count: u8) -> &[u32] {
    &docs[..usize::from(count)]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_like_a_set_whatever_its_form(steps in prop::collection::vec((any::<bool>(), 0u32..12), 0..80)) {
            let mut set = DocSet::default();
            let mut expected = BTreeSet::new();
            for (insert, doc) in steps {
                if insert {
                    set.insert(Doc(doc));
                    expected.insert(doc);
                } else {
                    set.remove(Doc(doc));
                    expected.remove(&doc);
                }
                prop_assert_eq!(set.len(), expected.len() as u64);
                prop_assert!(set.bitmap().iter().eq(expected.iter().copied()));
            }
        }
    }
}
