//! Which Location lists which document. Pure: patterns are expanded elsewhere.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use backstitch_schemas::{EntityRef, Listing, LocationRef, Problem};

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
    pattern: Pattern,
    listed_by: HashSet<LocationKey>,
    /// The files that match; absent while nobody knows.
    files: Option<BTreeSet<PathBuf>>,
}

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

    /// Takes note of the files that a pattern matches.
    pub(super) fn matched(&mut self, pattern: &str, files: BTreeSet<PathBuf>) -> Changes {
        let mut changes = Changes::default();
        let Some(matching) = self.patterns.get_mut(pattern) else { return changes };
        if matching.files.as_ref() == Some(&files) {
            return changes;
        }
        matching.files = Some(files);
        for key in matching.listed_by.clone() {
            self.list(&key, &mut changes);
        }
        changes
    }

    /// A listed document.
    pub(super) fn document(&self, location: &str) -> Option<&Document> {
        self.documents.get(location)
    }

    /// The edges of a listed document.
    pub(super) fn edges_mut(&mut self, location: &str) -> Option<&mut BTreeMap<LocationKey, Edge>> {
        self.documents.get_mut(location).map(|document| &mut document.edges)
    }

    /// A pattern.
    pub(super) fn pattern(&self, location: &str) -> Option<&Pattern> {
        self.patterns.get(location).map(|matching| &matching.pattern)
    }

    /// Whether a pattern matched this file when it was last expanded.
    pub(super) fn is_matched(&self, location: &str, path: &Path) -> bool {
        let files = self.patterns.get(location).and_then(|matching| matching.files.as_ref());
        files.is_some_and(|files| files.contains(path))
    }

    /// The files that a pattern matched, or, if it was not expanded yet, those that had claims.
    pub(super) fn held_by(&self, location: &str) -> BTreeSet<PathBuf> {
        let Some(matching) = self.patterns.get(location) else { return BTreeSet::new() };
        matching.files.clone().unwrap_or_else(|| {
            let listed = self.known.iter().filter_map(|listing| {
                let key = (listing.location.clone(), Arc::clone(&listing.document));
                let path = PathBuf::from(listing.listed.strip_prefix("file:")?);
                (matching.listed_by.contains(&key) && matching.pattern.matches(&path)).then_some(path)
            });
            listed.collect()
        })
    }

    /// What a Location lists, patterns included.
    pub(super) fn listed_by(&self, key: &LocationKey) -> Vec<Subject> {
        let followed = self.locations.get(key).into_iter();
        let edges = followed.flat_map(|followed| followed.edges.iter().cloned().map(Subject::Document));
        edges.chain(self.patterns_of(key)).collect()
    }

    /// The patterns that a Location lists.
    pub(super) fn patterns_of(&self, key: &LocationKey) -> Vec<Subject> {
        let followed = self.locations.get(key).into_iter();
        followed.flat_map(Followed::patterns).map(Subject::Pattern).collect()
    }

    /// The Locations that list a document or a pattern.
    pub(super) fn that_list(&self, subject: &Subject) -> Vec<LocationKey> {
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
            if let Target::Files(pattern) = target {
                self.join_pattern(pattern, &key, changes);
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
                    places.insert(format!("url:{text}").into(), (Place::Url(url.clone()), required));
                }
                Ok(Target::File(path)) => {
                    places.insert(file_location(path), (Place::File(path.clone()), required));
                }
                Ok(Target::Files(pattern)) => {
                    let files = self.patterns.get(&pattern_location(pattern)).and_then(|m| m.files.as_ref());
                    let Some(files) = files else {
                        complete = false;
                        continue;
                    };
                    if files.is_empty() && required {
                        let location = Some(followed.location.location.to_string());
                        errors.push(Problem { location, ..nothing_matches(pattern) });
                    }
                    // What a pattern finds may go without anything being wrong.
                    let found = files.iter().map(|path| (file_location(path), Place::File(path.clone())));
                    for (location, place) in found {
                        places.entry(location).or_insert((place, false));
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

    fn join_pattern(&mut self, pattern: &Pattern, key: &LocationKey, changes: &mut Changes) {
        let location = pattern_location(pattern);
        let matching = self.patterns.entry(Arc::clone(&location)).or_insert_with(|| {
            changes.read.push(Subject::Pattern(location));
            Matching { pattern: pattern.clone(), listed_by: HashSet::new(), files: None }
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
        self.targets.iter().filter_map(|target| match target {
            Ok(Target::Files(pattern)) => Some(pattern_location(pattern)),
            _ => None,
        })
    }
}

fn key_of(location: &FollowedLocation) -> LocationKey {
    (location.entity_ref.clone(), Arc::clone(&location.document))
}

fn file_location(path: &Path) -> Arc<str> {
    format!("file:{}", path.display()).into()
}

fn pattern_location(pattern: &Pattern) -> Arc<str> {
    format!("file:{}", pattern.text()).into()
}

fn nothing_matches(pattern: &Pattern) -> Problem {
    let text = pattern.text();
    Problem::new("NotFoundError", format!("file {text} does not exist"))
        .with_advice(format!("no file matches `{text}`; correct the pattern, or write `presence: optional`"))
}
