//! Which Location lists which document. Pure: patterns are expanded elsewhere.

mod questions;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    path::Path,
    sync::Arc,
};

use backstitch_schemas::{EntityRef, Listing, LocationRef, Problem};
use url::Url;

use super::{
    Config,
    access::Access,
    fetch::Place,
    pattern::Pattern,
    schedule::Subject,
    target::{self, Target},
};
use crate::{Finding, FollowedLocation};

/// A Location and the document that it stands in.
pub(super) type LocationKey = (EntityRef, Arc<str>);

/// Which Location lists which document.
#[derive(Default)]
pub(super) struct Listings {
    locations: HashMap<LocationKey, Followed>,
    documents: HashMap<Arc<str>, Document>,
    patterns: HashMap<Arc<str>, Matching>,
    /// Edges that had claims at the start and have not been read since.
    known: HashSet<Listing>,
}

/// A listed document.
pub(super) struct Document {
    pub(super) place: Place,
    pub(super) edges: BTreeMap<LocationKey, Edge>,
}

/// How a Location lists a document.
pub(super) struct Edge {
    /// What rules look at.
    pub(super) origin: LocationRef,
    /// Whether its absence is an error.
    pub(super) required: bool,
    /// Whether the owner knows what the document held along this edge when it was last read.
    pub(super) settled: bool,
    /// Whether it was reported since the start.
    pub(super) reported: bool,
}

/// What has to be said and done after a change.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) findings: Vec<Finding>,
    /// To be read: new, or listed anew.
    pub(super) read: Vec<Subject>,
    /// Listed by nobody any more.
    pub(super) dropped: Vec<Subject>,
}

struct Followed {
    location: FollowedLocation,
    targets: Vec<Result<Target, Problem>>,
    /// Why some of its targets are never read.
    refusals: Vec<Problem>,
    edges: BTreeSet<Arc<str>>,
    /// What was last reported.
    reported: Option<(BTreeSet<Arc<str>>, Vec<Problem>)>,
}

/// What a Location lists.
struct Lists {
    /// The documents, with whether their absence is an error.
    places: BTreeMap<Arc<str>, (Place, bool)>,
    errors: Vec<Problem>,
    /// Whether that is all of it.
    complete: bool,
}

struct Matching {
    pattern: Search,
    listed_by: HashSet<LocationKey>,
    /// What matches; absent while nobody knows.
    matches: Option<Matches>,
}

/// What is searched for.
#[derive(Clone, Debug)]
pub(super) enum Search {
    /// Files on disk.
    Files(Pattern),
    /// Files of a repository on a git host.
    Urls(Url),
}

/// The documents that match a pattern, by location ref.
pub(super) type Matches = BTreeMap<Arc<str>, Place>;

impl Listings {
    /// Follows these Locations, and no others.
    pub(super) fn follow(
        &mut self,
        locations: Vec<FollowedLocation>,
        known: &[Listing],
        config: &Config,
        access: &Access,
    ) -> Changes {
        if self.known.is_empty() && self.documents.is_empty() {
            self.known = known.iter().cloned().collect();
        }
        let mut changes = Changes::default();
        let wanted: HashMap<LocationKey, FollowedLocation> =
            locations.into_iter().map(|location| (key_of(&location), location)).collect();
        let gone: Vec<_> = self.locations.keys().filter(|key| !wanted.contains_key(*key)).cloned().collect();
        for key in gone {
            self.unfollow(&key, &mut changes);
        }
        for (key, location) in wanted {
            if self.locations.get(&key).is_none_or(|followed| followed.location != location) {
                self.follow_one(key, location, config, access, &mut changes);
            }
        }
        changes
    }

    /// Takes note of what a pattern matches.
    pub(super) fn matched(&mut self, pattern: &str, matches: Matches) -> Changes {
        let mut changes = Changes::default();
        let Some(matching) = self.patterns.get_mut(pattern) else { return changes };
        if matching.matches.as_ref() == Some(&matches) {
            return changes;
        }
        matching.matches = Some(matches);
        for key in matching.listed_by.clone() {
            self.list(&key, &mut changes);
        }
        changes
    }

    fn follow_one(
        &mut self,
        key: LocationKey,
        location: FollowedLocation,
        config: &Config,
        access: &Access,
        changes: &mut Changes,
    ) {
        let place = Some(location.location.to_string());
        let placed = |problem| Problem { location: place.clone(), ..problem };
        let targets = target::targets(&location, config).into_iter();
        let targets: Vec<_> = targets.map(|target| target.map_err(placed)).collect();
        let refusals = targets.iter().filter_map(|target| match target {
            Ok(Target::Url(_, url)) => access.check(url).err().map(placed),
            _ => None,
        });
        let followed = Followed {
            refusals: refusals.collect(),
            targets,
            edges: BTreeSet::new(),
            reported: None,
            location,
        };
        let patterns = followed.patterns().collect::<BTreeSet<_>>();
        let before = self.locations.remove(&key);
        for pattern in before.iter().flat_map(Followed::patterns).filter(|old| !patterns.contains(old)) {
            self.leave_pattern(&pattern, &key, changes);
        }
        for target in followed.targets.iter().flatten() {
            if let Some((location, search)) = search_of(target) {
                self.join_pattern(location, search, &key, changes);
            }
        }
        let edges = before.map(|before| before.edges).unwrap_or_default();
        self.locations.insert(key.clone(), Followed { edges, ..followed });
        self.list(&key, changes);
    }

    fn unfollow(&mut self, key: &LocationKey, changes: &mut Changes) {
        let Some(followed) = self.locations.remove(key) else { return };
        for pattern in followed.patterns().collect::<BTreeSet<_>>() {
            self.leave_pattern(&pattern, key, changes);
        }
        for document in followed.edges {
            self.cut(&document, key, changes);
        }
    }

    /// Brings the edges of a Location up to date, and says what it lists if that is known and new.
    fn list(&mut self, key: &LocationKey, changes: &mut Changes) {
        let Some(followed) = self.locations.get(key) else { return };
        let Lists { places, errors, complete } = self.lists(followed);
        let listed: BTreeSet<Arc<str>> = places.keys().cloned().collect();
        let origin = followed.location.origin.clone();
        let gone: BTreeSet<_> = followed.edges.difference(&listed).filter(|_| complete).cloned().collect();
        if complete && followed.reported.as_ref() != Some(&(listed.clone(), errors.clone())) {
            changes.findings.push(Finding::Listed {
                location: key.0.clone(),
                document: Arc::clone(&key.1),
                listed: listed.iter().cloned().collect(),
                errors: errors.clone(),
            });
        }
        for document in &gone {
            self.cut(document, key, changes);
        }
        for (document, (place, required)) in places {
            self.connect(document, place, key, &origin, required, changes);
        }
        if let Some(followed) = self.locations.get_mut(key) {
            followed.edges.retain(|document| !gone.contains(document));
            followed.edges.extend(listed.iter().cloned());
            if complete {
                followed.reported = Some((listed, errors));
            }
        }
    }

    fn lists(&self, followed: &Followed) -> Lists {
        let required = followed.location.required;
        let (mut places, mut errors, mut complete) = (BTreeMap::new(), followed.refusals.clone(), true);
        for target in &followed.targets {
            match target {
                Err(problem) => errors.push(problem.clone()),
                Ok(Target::Url(text, url)) => {
                    places.insert(url_location(text), (Place::Url(url.clone()), required));
                }
                Ok(Target::File(path)) => {
                    places.insert(file_location(path), (Place::File(path.clone()), required));
                }
                Ok(search @ (Target::Files(_) | Target::Urls(..))) => {
                    let location = search_of(search).map(|(location, _)| location);
                    let matching = location.and_then(|location| self.patterns.get(&location));
                    let Some(matches) = matching.and_then(|matching| matching.matches.as_ref()) else {
                        complete = false;
                        continue;
                    };
                    if matches.is_empty() && required {
                        let location = Some(followed.location.location.to_string());
                        errors.push(Problem { location, ..nothing_matches(search) });
                    }
                    // What a pattern finds may go without anything being wrong.
                    for (location, place) in matches {
                        places.entry(Arc::clone(location)).or_insert((place.clone(), false));
                    }
                }
            }
        }
        Lists { places, errors, complete }
    }

    fn connect(
        &mut self,
        document: Arc<str>,
        place: Place,
        key: &LocationKey,
        origin: &LocationRef,
        required: bool,
        changes: &mut Changes,
    ) {
        let listing =
            Listing { location: key.0.clone(), document: Arc::clone(&key.1), listed: Arc::clone(&document) };
        let node = self
            .documents
            .entry(Arc::clone(&document))
            .or_insert_with(|| Document { place, edges: BTreeMap::new() });
        let settled = match node.edges.get(key) {
            Some(edge) if edge.origin == *origin && edge.required == required => return,
            Some(_) => false,
            None => self.known.contains(&listing),
        };
        let edge = Edge { origin: origin.clone(), required, settled, reported: false };
        node.edges.insert(key.clone(), edge);
        changes.read.push(Subject::Document(document));
    }

    fn cut(&mut self, document: &Arc<str>, key: &LocationKey, changes: &mut Changes) {
        let listing =
            Listing { location: key.0.clone(), document: Arc::clone(&key.1), listed: Arc::clone(document) };
        self.known.remove(&listing);
        let Some(node) = self.documents.get_mut(document) else { return };
        node.edges.remove(key);
        if node.edges.is_empty() {
            self.documents.remove(document);
            changes.dropped.push(Subject::Document(Arc::clone(document)));
        }
    }

    fn join_pattern(
        &mut self,
        location: Arc<str>,
        pattern: Search,
        key: &LocationKey,
        changes: &mut Changes,
    ) {
        let matching = self.patterns.entry(Arc::clone(&location)).or_insert_with(|| {
            changes.read.push(Subject::Pattern(location));
            Matching { pattern, listed_by: HashSet::new(), matches: None }
        });
        matching.listed_by.insert(key.clone());
    }

    fn leave_pattern(&mut self, pattern: &Arc<str>, key: &LocationKey, changes: &mut Changes) {
        let Some(matching) = self.patterns.get_mut(pattern) else { return };
        matching.listed_by.remove(key);
        if matching.listed_by.is_empty() {
            self.patterns.remove(pattern);
            changes.dropped.push(Subject::Pattern(Arc::clone(pattern)));
        }
    }
}

impl Followed {
    fn patterns(&self) -> impl Iterator<Item = Arc<str>> + '_ {
        self.targets.iter().flatten().filter_map(search_of).map(|(location, _)| location)
    }
}

fn key_of(location: &FollowedLocation) -> LocationKey {
    (location.entity_ref.clone(), Arc::clone(&location.document))
}

/// What a target searches for, with its location ref, if it is a pattern.
fn search_of(target: &Target) -> Option<(Arc<str>, Search)> {
    match target {
        Target::Files(pattern) => {
            Some((format!("file:{}", pattern.text()).into(), Search::Files(pattern.clone())))
        }
        Target::Urls(text, url) => Some((url_location(text), Search::Urls(url.clone()))),
        Target::File(_) | Target::Url(..) => None,
    }
}

/// The location ref of a file.
pub(super) fn file_location(path: &Path) -> Arc<str> {
    format!("file:{}", path.display()).into()
}

/// The location ref of a URL.
pub(super) fn url_location(text: &str) -> Arc<str> {
    format!("url:{text}").into()
}

fn nothing_matches(search: &Target) -> Problem {
    let (message, text) = match search {
        Target::Files(pattern) => (format!("file {} does not exist", pattern.text()), pattern.text()),
        Target::Urls(text, _) => (no_files_found(text), text.as_str()),
        Target::File(_) | Target::Url(..) => return Problem::new("NotFoundError", "no file"),
    };
    Problem::new("NotFoundError", message)
        .with_advice(format!("no file matches `{text}`; correct the pattern, or write `presence: optional`"))
}

/// What Backstage says of a URL behind which there is nothing.
pub(super) fn no_files_found(url: &str) -> String {
    format!("Unable to read url, no matching files found for {url}")
}
