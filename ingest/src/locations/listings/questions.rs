//! What can be asked of what is listed.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use backstitch_schemas::source::ListedBy;

use super::{
    super::{fetch::Place, pattern::Pattern, schedule::Subject, target::Target},
    Document, Edge, Followed, Listings, LocationKey, Search, file_location, url_location,
};

/// How many of the Locations that list a document are noted with it.
const NOTED: usize = 8;

impl Listings {
    /// A listed document.
    pub(in crate::locations) fn document(&self, location: &str) -> Option<&Document> {
        self.documents.get(location)
    }

    /// The edges of a listed document.
    pub(in crate::locations) fn edges_mut(
        &mut self,
        location: &str,
    ) -> Option<&mut BTreeMap<LocationKey, Edge>> {
        self.documents.get_mut(location).map(|document| &mut document.edges)
    }

    /// What a pattern searches for.
    pub(in crate::locations) fn search(&self, location: &str) -> Option<&Search> {
        self.patterns.get(location).map(|matching| &matching.pattern)
    }

    /// Where a pattern on a git host searches.
    pub(in crate::locations) fn place_of_search(&self, location: &str) -> Option<Place> {
        match self.search(location)? {
            Search::Urls(url) => Some(Place::Url(url.clone())),
            Search::Files(_) => None,
        }
    }

    /// A pattern of files on disk.
    pub(in crate::locations) fn pattern(&self, location: &str) -> Option<&Pattern> {
        match self.search(location)? {
            Search::Files(pattern) => Some(pattern),
            Search::Urls(_) => None,
        }
    }

    /// Whether a pattern matched this file when it was last expanded.
    pub(in crate::locations) fn is_matched(&self, location: &str, path: &Path) -> bool {
        let matches = self.patterns.get(location).and_then(|matching| matching.matches.as_ref());
        matches.is_some_and(|matches| matches.contains_key(&file_location(path)))
    }

    /// Whether all that list this document found it by a pattern on a git host, whose listing tells
    /// when the document changes.
    pub(in crate::locations) fn is_listed_with_content(&self, document: &str) -> bool {
        let Some(Document { edges, .. }) = self.documents.get(document) else { return false };
        edges.keys().all(|key| self.searches_of(key, document).next().is_some())
    }

    /// The patterns on git hosts that found a document.
    pub(in crate::locations) fn searches_that_found(&self, document: &str) -> impl Iterator<Item = Arc<str>> {
        let edges = self.documents.get(document).into_iter().flat_map(|document| document.edges.keys());
        edges.flat_map(move |key| self.searches_of(key, document))
    }

    /// The patterns on git hosts by which a Location found a document.
    fn searches_of(&self, key: &LocationKey, document: &str) -> impl Iterator<Item = Arc<str>> {
        let targets = self.locations.get(key).into_iter().flat_map(|followed| followed.targets.iter());
        let searches = targets.flatten().filter_map(|target| match target {
            Target::Urls(text, _) => Some(url_location(text)),
            _ => None,
        });
        searches.filter(move |search| {
            let found = self.patterns.get(search).and_then(|search| search.matches.as_ref());
            found.is_some_and(|found| found.contains_key(document))
        })
    }

    /// The files that a pattern matched, or, if it was not expanded yet, those that had claims.
    pub(in crate::locations) fn held_by(&self, location: &str) -> BTreeSet<PathBuf> {
        let Some(matching) = self.patterns.get(location) else { return BTreeSet::new() };
        let Search::Files(pattern) = &matching.pattern else { return BTreeSet::new() };
        if let Some(matches) = &matching.matches {
            let paths = matches.values().filter_map(|place| match place {
                Place::File(path) => Some(path.clone()),
                Place::Url(_) => None,
            });
            return paths.collect();
        }
        let listed = self.known.iter().filter_map(|listing| {
            let key = (listing.location.clone(), Arc::clone(&listing.document));
            let path = PathBuf::from(listing.listed.strip_prefix("file:")?);
            (matching.listed_by.contains(&key) && pattern.matches(&path)).then_some(path)
        });
        listed.collect()
    }

    /// What a Location lists, patterns included.
    pub(in crate::locations) fn listed_by(&self, key: &LocationKey) -> Vec<Subject> {
        let followed = self.locations.get(key).into_iter();
        let edges = followed.flat_map(|followed| followed.edges.iter().cloned().map(Subject::Document));
        edges.chain(self.patterns_of(key)).collect()
    }

    /// The patterns that a Location lists.
    pub(in crate::locations) fn patterns_of(&self, key: &LocationKey) -> Vec<Subject> {
        let followed = self.locations.get(key).into_iter();
        followed.flat_map(Followed::patterns).map(Subject::Pattern).collect()
    }

    /// The first few of the Locations that list a document or a pattern, always the same ones.
    pub(in crate::locations) fn first_that_list(&self, subject: &Subject) -> Vec<ListedBy> {
        let mut listed_by: Vec<_> = self
            .that_list(subject)
            .into_iter()
            .map(|(location, document)| ListedBy { location, document: document.to_string() })
            .collect();
        listed_by.sort_unstable();
        listed_by.truncate(NOTED);
        listed_by
    }

    /// The Locations that list a document or a pattern.
    pub(in crate::locations) fn that_list(&self, subject: &Subject) -> Vec<LocationKey> {
        match subject {
            Subject::Document(location) => {
                let document = self.documents.get(location).into_iter();
                document.flat_map(|document| document.edges.keys().cloned()).collect()
            }
            Subject::Pattern(location) => {
                let matching = self.patterns.get(location).into_iter();
                matching.flat_map(|matching| matching.listed_by.iter().cloned()).collect()
            }
        }
    }
}
