//! A follower, and what its findings add up to.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use backstitch_ingest::{
    Finding, FollowedLocation, Follower, Refreshed, Submission, Ticket,
    locations::{Config, LocationFollower, UrlReader},
};
use backstitch_schemas::{EntityRef, Listing, LocationRef, Problem, SystemClock, source::SourceState};

/// A follower, and what its findings add up to.
pub(crate) struct Reader {
    pub(crate) follower: LocationFollower,
    pub(crate) listed: BTreeMap<String, BTreeSet<String>>,
    pub(crate) listed_errors: BTreeMap<String, Vec<Problem>>,
    pub(crate) documents: BTreeMap<String, Document>,
    pub(crate) states: HashMap<String, SourceState>,
    /// Every finding, in short.
    pub(crate) findings: Vec<String>,
}

/// What is known about a document.
#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(crate) last: &'static str,
    pub(crate) submissions: Vec<Submission>,
    pub(crate) incomplete: bool,
    pub(crate) errors: Vec<Problem>,
}

impl Reader {
    pub(crate) fn new(config: Config) -> Self {
        Self::resuming(config, HashMap::new())
    }

    pub(crate) fn resuming(config: Config, states: HashMap<String, SourceState>) -> Self {
        let urls = Arc::new(UrlReader::new(&config, Arc::new(SystemClock)).unwrap());
        let follower =
            LocationFollower::new(config, urls, Arc::new(SystemClock), Box::new(|| 0.5), states.clone());
        Self {
            follower,
            listed: BTreeMap::new(),
            listed_errors: BTreeMap::new(),
            documents: BTreeMap::new(),
            states,
            findings: Vec::new(),
        }
    }

    /// Takes findings until `condition` holds; fails with all that was seen if it does not in time.
    pub(crate) async fn until(&mut self, what: &str, mut condition: impl FnMut(&Self) -> bool) -> Duration {
        let started = Instant::now();
        while !condition(self) {
            let left = Duration::from_secs(60).saturating_sub(started.elapsed());
            let Ok((findings, states)) = tokio::time::timeout(left, self.follower.next()).await else {
                panic!("{what} did not happen; seen: {:#?}\n{:#?}", self.findings, self.states);
            };
            findings.into_iter().for_each(|finding| self.take(finding));
            self.states.extend(states);
        }
        started.elapsed()
    }

    /// Takes findings until a refresh comes to its end.
    pub(crate) async fn refreshed(&mut self, ticket: Ticket) -> Refreshed {
        let deadline = Duration::from_secs(10);
        loop {
            if let Some(came) = self.follower.refreshed(ticket) {
                return came;
            }
            let Ok((findings, states)) = tokio::time::timeout(deadline, self.follower.next()).await else {
                panic!("the refresh does not end; seen: {:#?}", self.findings);
            };
            findings.into_iter().for_each(|finding| self.take(finding));
            self.states.extend(states);
        }
    }

    /// Takes findings for a while.
    pub(crate) async fn until_for(&mut self, wait: Duration) {
        let end = Instant::now() + wait;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            let Ok((findings, states)) = tokio::time::timeout(left, self.follower.next()).await else {
                return;
            };
            findings.into_iter().for_each(|finding| self.take(finding));
            self.states.extend(states);
        }
    }

    /// Takes findings until nothing is due or under way.
    pub(crate) async fn settle(&mut self) {
        let deadline = Duration::from_secs(60);
        while self.follower.is_busy() {
            let Ok((findings, states)) = tokio::time::timeout(deadline, self.follower.next()).await else {
                panic!("the follower does not come to rest; seen: {:#?}", self.findings);
            };
            findings.into_iter().for_each(|finding| self.take(finding));
            self.states.extend(states);
        }
    }

    /// The names of the entities in a document.
    pub(crate) fn names(&self, document: &str) -> Vec<&str> {
        let document = self.documents.get(document);
        let submissions = document.into_iter().flat_map(|document| &document.submissions);
        submissions.map(|submission| submission.entity_ref.name()).collect()
    }

    /// The entity with this name.
    pub(crate) fn submission(&self, name: &str) -> Option<&Submission> {
        let mut all = self.documents.values().flat_map(|document| &document.submissions);
        all.find(|submission| submission.entity_ref.name() == name)
    }

    fn take(&mut self, finding: Finding) {
        self.findings.push(short(&finding));
        match finding {
            Finding::Listed { location, listed, errors, .. } => {
                let listed = listed.iter().map(|document| document.to_string()).collect();
                self.listed.insert(location.name().to_owned(), listed);
                self.listed_errors.insert(location.name().to_owned(), errors);
            }
            Finding::Read { listing, submissions, incomplete, errors } => {
                let document = Document { last: "read", submissions, incomplete, errors };
                self.documents.insert(listing.listed.to_string(), document);
            }
            Finding::Unchanged(listing) => self.document(&listing).last = "unchanged",
            Finding::Absent { listing, error, gone } => {
                let document = self.document(&listing);
                (document.last, document.errors) = ("absent", error.into_iter().collect());
                if gone {
                    document.submissions.clear();
                }
            }
            Finding::Failed { listing, problem } => {
                let document = self.document(&listing);
                (document.last, document.errors) = ("failed", vec![problem]);
            }
        }
    }

    fn document(&mut self, listing: &Listing) -> &mut Document {
        self.documents.entry(listing.listed.to_string()).or_default()
    }
}

/// A Location that a provider submitted, with absolute targets.
pub(crate) fn location(name: &str, kind: &str, targets: &[&str]) -> FollowedLocation {
    let own = LocationRef::new(kind, targets.first().copied().unwrap_or("/"));
    FollowedLocation {
        entity_ref: EntityRef::new("location", None, name),
        document: "".into(),
        origin: own.clone(),
        location: own,
        target_kind: kind.to_owned(),
        targets: targets.iter().map(|&target| target.to_owned()).collect(),
        required: true,
    }
}

/// A Location that stands in a document, with relative targets.
pub(crate) fn nested(name: &str, document: &str, targets: &[&str]) -> FollowedLocation {
    let own = LocationRef::parse(document).unwrap();
    FollowedLocation {
        document: document.into(),
        target_kind: own.kind.clone(),
        location: own,
        ..location(name, "file", targets)
    }
}

/// The edge from a provider's Location to a document.
pub(crate) fn listing(name: &str, listed: &str) -> Listing {
    Listing { location: EntityRef::new("location", None, name), document: "".into(), listed: listed.into() }
}

/// The text of a sound entity.
pub(crate) fn system(name: &str) -> String {
    let head = "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata:\n  name: ";
    format!("---\n{head}{name}\nspec:\n  owner: me\n")
}

fn short(finding: &Finding) -> String {
    match finding {
        Finding::Listed { location, listed, errors, .. } => {
            format!("{location} lists {listed:?}, {} errors", errors.len())
        }
        Finding::Read { listing, submissions, incomplete, errors } => {
            let names: Vec<_> = submissions.iter().map(|submission| submission.entity_ref.as_str()).collect();
            let listed = &listing.listed;
            format!("{listed} holds {names:?}, incomplete: {incomplete}, {} errors", errors.len())
        }
        Finding::Unchanged(listing) => format!("{} is unchanged", listing.listed),
        Finding::Absent { listing, gone, .. } => format!("{} is absent, gone: {gone}", listing.listed),
        Finding::Failed { listing, problem } => format!("{} failed: {}", listing.listed, problem.message),
    }
}
