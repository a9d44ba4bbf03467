//! Facets: which values a key has, and how often.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use super::{Doc, Index};

/// A value as it was written, and how many entities have it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FacetValue {
    /// As written.
    pub value: String,
    /// Entities.
    pub count: u64,
}

impl Index {
    /// The values of a lower-cased key among the found entities, in byte order.
    pub fn facet(&self, matches: Option<&RoaringBitmap>, key: &str) -> Vec<FacetValue> {
        let Some(key) = self.key(key) else { return Vec::new() };
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        match matches {
            Some(matches) if matches.len() < key.terms.len() as u64 => {
                for entity in matches.iter().filter_map(|doc| self.entity(Doc(doc))) {
                    for text in self.texts_of(entity, key) {
                        *counts.entry(text.original).or_default() += 1;
                    }
                }
            }
            _ => {
                for (term, docs) in &key.terms {
                    let count = matches.map_or_else(|| docs.len(), |matches| docs.overlap(matches));
                    if count > 0 {
                        *counts.entry(term.original()).or_default() += count;
                    }
                }
            }
        }
        let value = |(value, count): (&str, u64)| FacetValue { value: value.to_owned(), count };
        counts.into_iter().map(value).collect()
    }
}
