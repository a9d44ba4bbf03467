//! What `catalog.sources` says, by provider and document.

use std::collections::{HashMap, HashSet};

use backstitch_read_model::SourceRow;
use backstitch_schemas::{
    ClaimKey, EntityRef, Listing, LocationRef, Problem, ProviderName,
    scm::Scm,
    source::{DEAD_LETTER, HELD, SourceKey, SourceState},
};

use url::Url;

use super::facts::{Matched, Place, SourceView, Unread};

/// Documents that a Location lists and that cannot be read that are told.
const MAX_UNREAD: usize = 20;

/// How reading goes, by provider and document.
pub(super) struct Sources {
    providers: HashMap<String, SourceState>,
    documents: HashMap<(String, String), SourceState>,
    /// What is told of records that could not be read, by entity ref.
    dead_letters: HashMap<String, Vec<Problem>>,
    /// Claims whose removal waits for a person, by provider, where it is kept which ones do.
    held: HashMap<String, HashSet<ClaimKey>>,
}

impl Sources {
    pub(super) fn of(rows: &[SourceRow]) -> Self {
        let (mut providers, mut documents) = (HashMap::new(), HashMap::new());
        let mut dead_letters: HashMap<String, Vec<Problem>> = HashMap::new();
        let mut held = HashMap::new();
        for row in rows {
            match SourceKey::decode(row.key.as_bytes()) {
                Ok(SourceKey::Provider(name)) => drop(providers.insert(name.to_string(), row.state.clone())),
                Ok(SourceKey::Location(name, document)) if row.state.outcome != "withdrawn" => {
                    drop(documents.insert((name.to_string(), document), row.state.clone()));
                }
                Ok(SourceKey::Ours(name)) if name.starts_with(DEAD_LETTER) => {
                    let problems = row.state.errors.iter().cloned();
                    dead_letters
                        .entry(row.state.note.clone().unwrap_or_default())
                        .or_default()
                        .extend(problems);
                }
                Ok(SourceKey::Ours(name)) => {
                    let provider = name.strip_prefix(HELD);
                    held.extend(provider.and_then(|name| Some((name.to_owned(), keys_in(&row.state)?))));
                }
                Ok(SourceKey::Location(..)) | Err(_) => {}
            }
        }
        Self { providers, documents, dead_letters, held }
    }

    /// What is told of records about an entity that could not be read.
    pub(super) fn dead_letters(&self, entity_ref: &EntityRef) -> Vec<Problem> {
        self.dead_letters.get(entity_ref.as_str()).cloned().unwrap_or_default()
    }

    /// How reading one document goes for one provider.
    pub(super) fn reading(&self, provider: &str, document: &str) -> Option<SourceView> {
        let state = self.documents.get(&(provider.to_owned(), document.to_owned()))?;
        Some(SourceView::of(provider, state))
    }

    /// How reading one document goes for each provider that reads it.
    pub(super) fn of_document(&self, document: &str) -> Vec<SourceView> {
        let read = self.readers_of(document);
        read.into_iter().map(|(provider, state)| SourceView::of(provider, state)).collect()
    }

    /// The listings that a document is read for.
    pub(super) fn listings_of(&self, document: &str) -> Vec<(ProviderName, Listing)> {
        let listings = self.readers_of(document).into_iter().flat_map(|(provider, state)| {
            state.listed_by.iter().map(move |by| {
                let listing = Listing {
                    location: by.location.clone(),
                    document: by.document.as_str().into(),
                    listed: document.into(),
                };
                (ProviderName::new(provider), listing)
            })
        });
        listings.collect()
    }

    /// What the Location of this claim lists and cannot be read now, by name.
    pub(super) fn unread_of(&self, key: &ClaimKey) -> Unread {
        if !key.entity_ref.is_location() {
            return Unread::default();
        }
        let lists = |state: &SourceState| {
            let mut locations = state.listed_by.iter();
            locations.any(|by| by.location == key.entity_ref && by.document == key.document())
        };
        let read = self.documents.iter().filter(|((provider, _), _)| provider == key.provider.as_str());
        let mut unread: Vec<_> = read
            .filter(|(_, state)| lists(state))
            .map(|((provider, document), state)| (document, SourceView::of(provider, state)))
            .filter(|(_, reading)| reading.trouble().is_some())
            .collect();
        unread.sort_by_key(|(document, _)| *document);
        let total = unread.len();
        let places = unread.into_iter().take(MAX_UNREAD);
        let places = places.map(|(document, reading)| Place { document: document.clone(), reading });
        Unread { places: places.collect(), total }
    }

    /// Every document that is read.
    pub(super) fn documents(&self) -> impl Iterator<Item = &str> + Clone {
        self.documents.keys().map(|(_, document)| document.as_str())
    }

    /// The document under the spelling that it is read under: hosts have several views of a file, each with a
    /// URL of its own.
    pub(super) fn as_read(&self, location: &LocationRef) -> String {
        let written = location.to_string();
        let is_read = |document: &String| !self.readers_of(document).is_empty();
        let url = written.strip_prefix("url:").and_then(|url| Url::parse(url).ok());
        let Some(url) = url.filter(|_| !is_read(&written)) else { return written };
        let views = [Scm::GitHub, Scm::GitLab].into_iter().flat_map(|host| host.spellings(&url, false));
        views.map(|view| format!("url:{view}")).find(is_read).unwrap_or(written)
    }

    /// What a pattern found, if the document is one.
    pub(super) fn matched(&self, pattern: &str) -> Option<Matched> {
        let wild = wildcard(pattern)?;
        let (is_file, beginning) = (pattern.starts_with("file:"), &pattern[..wild]);
        let base = beginning.rfind('/').map_or(beginning, |slash| &beginning[..=slash]);
        let mut matched = Matched::default();
        for (provider, state) in self.readers_of(pattern) {
            let found = self.documents.iter().filter(|((reader, document), found)| {
                let is_listed = found.listed_by.iter().any(|by| state.listed_by.contains(by));
                let is_below = !is_file || document.starts_with(base);
                reader == provider && is_listed && is_below && document != pattern
            });
            for ((_, document), state) in found {
                matched.total += 1;
                let reading = SourceView::of(provider, state);
                matched.troubled += usize::from(reading.trouble().is_some());
                if matched.first.as_ref().is_none_or(|first| document < first) {
                    matched.first = Some(document.clone());
                }
            }
        }
        Some(matched)
    }

    /// Since when a claim's removal waits for a person. Where it is not kept which ones do, because they are
    /// too many, it is what stands in documents that are not read any more.
    pub(super) fn held_since(&self, key: &ClaimKey) -> Option<String> {
        let held = self.providers.get(key.provider.as_str())?.held.as_ref()?;
        let waits = match self.held.get(key.provider.as_str()) {
            Some(kept) => kept.contains(key),
            None => key.listing.is_some() && self.reading(key.provider.as_str(), key.document()).is_none(),
        };
        let is_named = || held.sample.iter().any(|name| name == key.entity_ref.as_str());
        (waits || is_named()).then(|| held.since.to_string())
    }

    fn readers_of(&self, document: &str) -> Vec<(&str, &SourceState)> {
        let read = self.documents.iter().filter(|((_, read), _)| read == document);
        let mut readers: Vec<_> = read.map(|((provider, _), state)| (provider.as_str(), state)).collect();
        readers.sort_unstable_by_key(|(provider, _)| *provider);
        readers
    }
}

/// The claims that a state keeps, if it does.
fn keys_in(state: &SourceState) -> Option<HashSet<ClaimKey>> {
    let keys: Vec<String> = serde_json::from_str(state.note.as_deref()?).ok()?;
    Some(keys.iter().filter_map(|key| ClaimKey::decode(key.as_bytes()).ok()).collect())
}

/// Where the first wildcard of a location ref stands, if it is a pattern. In a URL, a question mark begins
/// the query.
fn wildcard(location: &str) -> Option<usize> {
    if location.starts_with("file:") { location.find(['*', '?', '[', '{']) } else { location.find('*') }
}

#[cfg(test)]
mod tests {
    use backstitch_schemas::{
        Timestamp,
        source::{Held, ListedBy},
    };

    use super::*;

    fn row(key: &SourceKey, state: SourceState) -> SourceRow {
        SourceRow { key: String::from_utf8(key.encode()).unwrap(), state }
    }

    fn document(name: &str, outcome: &str) -> SourceRow {
        let listed_by =
            vec![ListedBy { location: EntityRef::new("location", None, "l"), document: String::new() }];
        let key = SourceKey::Location(ProviderName::new("p"), name.to_owned());
        row(&key, SourceState { outcome: outcome.to_owned(), listed_by, ..SourceState::default() })
    }

    fn claim(name: &str, listed: &str) -> ClaimKey {
        let location = EntityRef::new("location", None, "l");
        let listing = Listing { location, document: "".into(), listed: listed.into() };
        ClaimKey::listed(EntityRef::new("component", None, name), ProviderName::new("p"), listing)
    }

    fn holding() -> SourceRow {
        let held = Held { count: 2, since: Timestamp(0), sample: Vec::new() };
        let state = SourceState { held: Some(held), ..SourceState::default() };
        row(&SourceKey::Provider(ProviderName::new("p")), state)
    }

    #[test]
    fn a_file_is_found_under_the_url_that_it_is_read_under() {
        let sources =
            Sources::of(&[document("url:https://h/o/r/tree/main/a.yaml", "ok"), document("file:/a", "ok")]);
        let as_read = |text: &str| sources.as_read(&LocationRef::parse(text).unwrap());
        assert_eq!(as_read("url:https://h/o/r/blob/main/a.yaml"), "url:https://h/o/r/tree/main/a.yaml");
        for text in ["url:https://h/o/r/blob/main/b.yaml", "url:https://h/o/r/tree/main/a.yaml", "file:/a"] {
            assert_eq!(as_read(text), text);
        }
    }

    #[test]
    fn a_pattern_finds_what_is_listed_as_it_is() {
        let all = ["/g/**/a.yaml", "/g/b/a.yaml", "/g/c/a.yaml", "/h/a.yaml"];
        let mut rows: Vec<_> = all.iter().map(|path| document(&format!("file:{path}"), "ok")).collect();
        rows[2].state.outcome = "failed".to_owned();
        rows[2].state.errors = vec![Problem::new("Error", "no rights")];
        let matched = Sources::of(&rows).matched("file:/g/**/a.yaml");
        let first = Some("file:/g/b/a.yaml".to_owned());
        assert_eq!(matched, Some(Matched { total: 2, troubled: 1, first }));
        assert_eq!(Sources::of(&rows).matched("file:/g/b/a.yaml"), None);
        assert_eq!(Sources::of(&rows).matched("url:https://h/a?b=c"), None);
    }

    #[test]
    fn held_is_what_the_log_keeps_as_missing() {
        let (missing, there) = (claim("a", "file:/a"), claim("b", "file:/b"));
        let note = serde_json::to_string(&[String::from_utf8(missing.encode()).unwrap()]).unwrap();
        let kept = SourceState { note: Some(note), ..SourceState::default() };
        let sources = Sources::of(&[holding(), row(&SourceKey::Ours(format!("{HELD}p")), kept)]);
        assert!(sources.held_since(&missing).is_some());
        assert_eq!(sources.held_since(&there), None);
    }

    #[test]
    fn where_too_many_are_missing_to_be_kept_it_is_what_is_not_read_any_more() {
        let sources = Sources::of(&[holding(), document("file:/b", "ok"), document("file:/a", "withdrawn")]);
        assert!(sources.held_since(&claim("a", "file:/a")).is_some());
        assert_eq!(sources.held_since(&claim("b", "file:/b")), None);
        let sources = Sources::of(&[document("file:/b", "ok")]);
        assert_eq!(sources.held_since(&claim("a", "file:/a")), None, "nothing is held");
    }
}
