//! The follower of Locations: one loop over what is due, what was read, and what happens on disk.
//!
//! The loop decides nothing by itself: [`Listings`] knows what is listed, [`Schedule`] what is due,
//! [`Reading`] how each place goes. Reads run beside it, and their results come back one by one.

use std::{
    collections::{BTreeSet, HashMap},
    mem,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use backstitch_schemas::{Clock, EntityRef, Listing, Timestamp, model::Model, source::SourceState};
use tokio::{
    task::{self, JoinSet},
    time::Instant,
};

use super::{
    Config, UrlReader,
    disk::Directories,
    expand::{Expansion, expand},
    fetch::{Fetcher, Place},
    listings::{Changes, Listings},
    pattern::Pattern,
    read::{Job, Outcome},
    reading::{Reading, Running},
    schedule::{Schedule, Subject},
    watch::{Happening, Watches, nearest_existing},
};
use crate::{Finding, FollowedLocation, Follower, Wake};

/// Findings that are taken together, so that the owner can append them in one step.
const BATCH: usize = 256;
/// How long after the last sign of writing a file is read if it is not closed. Where the system tells
/// when it is closed, this is for writers that keep it open.
const OPEN_FILE: Duration = Duration::from_millis(if cfg!(target_os = "linux") { 500 } else { 100 });

/// Draws a number between 0 and 1. Injected, so that tests own chance.
pub type Chance = Box<dyn FnMut() -> f64 + Send>;

/// Follows the Locations of one provider: reads what they list, and reports what it finds.
///
/// Files are watched and besides looked at regularly, URLs are polled. A place that cannot be read
/// is reported as failed, never as absent.
pub struct LocationFollower {
    pub(super) config: Config,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) chance: Chance,
    pub(super) fetcher: Arc<Fetcher>,
    pub(super) listings: Listings,
    pub(super) readings: HashMap<Subject, Reading>,
    pub(super) watches: Watches,
    pub(super) outbox: Outbox,
    /// What an earlier process noted, until it is taken up.
    resumed: HashMap<String, SourceState>,
    files: Schedule,
    urls: Schedule,
    reads: JoinSet<Done>,
    subjects: HashMap<task::Id, (Subject, u64)>,
    files_running: usize,
    tickets: u64,
    /// Whether a read was due or under way when last looked at.
    busy: bool,
}

/// What is to be reported next.
#[derive(Default)]
pub(super) struct Outbox {
    pub(super) findings: Vec<Finding>,
    pub(super) states: Vec<(String, SourceState)>,
}

/// What a read brought.
enum Done {
    Document(Outcome),
    Pattern(Expansion),
}

impl LocationFollower {
    /// A follower that takes up where `states` (by location ref, from `catalog.sources`) left off.
    pub fn new(
        config: Config,
        urls: Arc<UrlReader>,
        clock: Arc<dyn Clock>,
        chance: Chance,
        states: HashMap<String, SourceState>,
    ) -> Self {
        let directories = Arc::new(Directories::default());
        let fetcher = Arc::new(Fetcher { urls, directories, max_bytes: config.max_bytes });
        Self {
            config,
            clock,
            chance,
            fetcher,
            listings: Listings::default(),
            readings: HashMap::new(),
            watches: Watches::new(),
            outbox: Outbox::default(),
            resumed: states,
            files: Schedule::default(),
            urls: Schedule::default(),
            reads: JoinSet::new(),
            subjects: HashMap::new(),
            files_running: 0,
            tickets: 0,
            busy: false,
        }
    }

    /// Plans what changed and queues what has to be said about it.
    pub(super) fn apply(&mut self, changes: Changes) {
        self.outbox.findings.extend(changes.findings);
        for subject in changes.dropped {
            self.drop_subject(&subject);
        }
        for subject in changes.read {
            self.start_following(&subject);
        }
    }

    /// Reads `subject` after `wait`, or earlier if that was planned.
    pub(super) fn plan(&mut self, subject: Subject, wait: Duration, wake: Wake) {
        let at = Instant::now() + wait;
        self.schedule(&subject).hasten(subject, at, wake);
    }

    /// When `subject` is read next.
    pub(super) fn next_read(&self, subject: &Subject) -> Option<Timestamp> {
        let schedule = if self.is_url(subject) { &self.urls } else { &self.files };
        let wait = schedule.planned(subject)?.saturating_duration_since(Instant::now());
        Some(Timestamp(self.clock.now().0 + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 2)))
    }

    fn is_url(&self, subject: &Subject) -> bool {
        matches!(subject, Subject::Document(location) if !location.starts_with("file:"))
    }

    fn schedule(&mut self, subject: &Subject) -> &mut Schedule {
        if self.is_url(subject) { &mut self.urls } else { &mut self.files }
    }

    fn start_following(&mut self, subject: &Subject) {
        if !self.readings.contains_key(subject) {
            let (Subject::Document(location) | Subject::Pattern(location)) = subject;
            let reading = self.resumed.remove(&**location).map(Reading::resume).unwrap_or_default();
            self.readings.insert(subject.clone(), reading);
            let directories = match subject {
                Subject::Document(_) => self.watched_directories(subject),
                Subject::Pattern(location) => self
                    .listings
                    .pattern(location)
                    .map_or(BTreeSet::new(), |pattern| pattern.bases().map(nearest_existing).collect()),
            };
            self.watches.assign(subject, directories);
        }
        if let (Some(reading), Subject::Document(location)) = (self.readings.get_mut(subject), subject) {
            let edges = self.listings.document(location).map(|document| document.edges.values());
            reading.held |= edges.into_iter().flatten().any(|edge| edge.settled);
        }
        self.wake(subject.clone(), Duration::ZERO, Wake::Polling);
    }

    fn drop_subject(&mut self, subject: &Subject) {
        self.schedule(subject).cancel(subject);
        self.watches.release(subject);
        let Some(reading) = self.readings.remove(subject) else { return };
        if let Some(running) = &reading.running {
            running.handle.abort();
        }
        if reading.has_outcome() {
            let (Subject::Document(location) | Subject::Pattern(location)) = subject;
            let state = SourceState { outcome: "withdrawn".to_owned(), ..SourceState::default() };
            self.outbox.states.push((location.to_string(), state));
        }
    }

    /// The directories to watch for a document: those of its files, as far as they exist.
    pub(super) fn watched_directories(&mut self, subject: &Subject) -> BTreeSet<PathBuf> {
        let Subject::Document(location) = subject else { return BTreeSet::new() };
        let Some(document) = self.listings.document(location) else { return BTreeSet::new() };
        let Some(reading) = self.readings.get_mut(subject) else { return BTreeSet::new() };
        let parts = reading.seen.iter().flat_map(|seen| &seen.parts).map(|part| &part.place);
        let places = parts.chain([&document.place]);
        let mut files: BTreeSet<PathBuf> = BTreeSet::new();
        reading.linked = false;
        for path in places.filter_map(|place| match place {
            Place::File(path) => Some(path),
            Place::Url(_) => None,
        }) {
            if path.is_symlink() {
                reading.linked = true;
                files.extend(path.canonicalize().ok());
            }
            files.insert(path.clone());
        }
        let directories = files.iter().filter_map(|path| path.parent()).map(nearest_existing).collect();
        reading.files = files;
        directories
    }

    /// Reads `subject` soon. A read under way does not count: it may have begun too early.
    fn wake(&mut self, subject: Subject, wait: Duration, wake: Wake) {
        let is_url = self.is_url(&subject);
        let Some(reading) = self.readings.get_mut(&subject) else { return };
        match &mut reading.running {
            // A poll may wait for its turn for long; a person should not wait for it.
            Some(running) if is_url && wake > running.wake => {
                running.handle.abort();
                reading.running = None;
            }
            Some(running) => {
                running.again = running.again.max(Some(wake));
                return;
            }
            None => {}
        }
        self.plan(subject, wait, wake);
    }

    fn start_due(&mut self) {
        let now = Instant::now();
        let free = self.config.files.max(1).saturating_sub(self.files_running);
        for (subject, wake) in self.files.take_due(now, free) {
            self.files_running += 1;
            self.start(subject, wake);
        }
        for (subject, wake) in self.urls.take_due(now, usize::MAX) {
            self.start(subject, wake);
        }
    }

    fn start(&mut self, subject: Subject, wake: Wake) {
        self.tickets += 1;
        let ticket = self.tickets;
        let handle = match &subject {
            Subject::Document(location) => self.start_document(location, wake),
            Subject::Pattern(location) => self.start_pattern(location),
        };
        let Some(handle) = handle else {
            self.files_running -= usize::from(!self.is_url(&subject));
            return;
        };
        self.subjects.insert(handle.id(), (subject.clone(), ticket));
        if let Some(reading) = self.readings.get_mut(&subject) {
            reading.running = Some(Running { handle, ticket, wake, again: None });
        }
    }

    fn start_document(&mut self, location: &Arc<str>, wake: Wake) -> Option<task::AbortHandle> {
        let document = self.listings.document(location)?;
        let reading = self.readings.get(&Subject::Document(Arc::clone(location)))?;
        // Somebody who does not know what it held needs all of it.
        let settled = document.edges.values().all(|edge| edge.settled);
        let reported = document.edges.values().all(|edge| edge.reported);
        let by_etag = matches!(document.place, Place::Url(_)) && settled;
        let job = Job {
            location: Arc::clone(location),
            place: document.place.clone(),
            roots: document.edges.values().filter_map(|edge| root_of(&edge.origin.to_string())).collect(),
            before: reading.seen.clone().filter(|_| reported || by_etag),
            held: reading.held,
            wake,
        };
        let (fetcher, model) = (Arc::clone(&self.fetcher), Model::builtin());
        Some(self.reads.spawn(async move { Done::Document(job.run(&fetcher, model).await) }))
    }

    fn start_pattern(&mut self, location: &Arc<str>) -> Option<task::AbortHandle> {
        let pattern = self.listings.pattern(location)?.clone();
        let held = self.listings.held_by(location);
        let directories = Arc::clone(&self.fetcher.directories);
        let work = move || Done::Pattern(expand(&pattern, &held, &directories));
        Some(self.reads.spawn_blocking(work))
    }

    fn finish(&mut self, joined: Result<(task::Id, Done), task::JoinError>) {
        let id = joined.as_ref().map_or_else(task::JoinError::id, |(id, _)| *id);
        let Some((subject, ticket)) = self.subjects.remove(&id) else { return };
        self.files_running -= usize::from(!self.is_url(&subject));
        let running = self
            .readings
            .get_mut(&subject)
            .and_then(|reading| reading.running.take_if(|running| running.ticket == ticket));
        // It was dropped or replaced meanwhile.
        let Some(running) = running else { return };
        match (joined, &subject) {
            (Ok((_, Done::Document(outcome))), Subject::Document(location)) => {
                self.read(&Arc::clone(location), outcome, running.wake);
            }
            (Ok((_, Done::Pattern(expansion))), Subject::Pattern(location)) => {
                self.expanded(&Arc::clone(location), expansion);
            }
            (outcome, _) => {
                tracing::error!(?subject, failed = outcome.is_err(), "a read did not end; it is done again");
                self.plan(subject.clone(), GRACE_AFTER_PANIC, Wake::Polling);
            }
        }
        if let Some(wake) = running.again {
            self.wake(subject, self.config.settle, wake);
        }
    }

    fn happened(&mut self, happening: Happening) {
        match happening {
            Happening::Lost => {
                let all: Vec<_> =
                    self.readings.keys().filter(|subject| !self.is_url(subject)).cloned().collect();
                for subject in all {
                    self.wake(subject, self.config.settle, Wake::Watched);
                }
            }
            Happening::Settled(path) => self.touched(&path, self.config.settle),
            Happening::Changing(path) => self.touched(&path, OPEN_FILE),
            Happening::Gone(path) => {
                for subject in self.watches.forget(&path) {
                    self.wake(subject, self.config.settle, Wake::Watched);
                }
                self.touched(&path, self.config.settle);
            }
        }
    }

    /// Wakes those to whom `path` matters.
    fn touched(&mut self, path: &Path, wait: Duration) {
        for subject in self.watches.interested(path) {
            let wait = match &subject {
                Subject::Pattern(location) if self.matters(location, path) => self.config.settle,
                Subject::Document(_) => match self.readings.get(&subject) {
                    Some(reading) if reading.linked => wait,
                    Some(reading) if reading.files.iter().any(|file| file.starts_with(path)) => wait,
                    _ => continue,
                },
                Subject::Pattern(_) => continue,
            };
            if wait == OPEN_FILE {
                // Each sign of writing puts reading off.
                self.schedule(&subject).cancel(&subject);
            }
            self.wake(subject, wait, Wake::Watched);
        }
    }

    /// Whether what happened to `path` may change what a pattern matches.
    fn matters(&self, location: &str, path: &Path) -> bool {
        let Some(pattern) = self.listings.pattern(location) else { return false };
        let leads_on = || path.is_dir() || pattern.bases().any(|base| base.starts_with(path));
        let listed = || self.listings.is_matched(location, path);
        if path.exists() {
            (pattern.matches(path) && !listed()) || leads_on()
        } else {
            listed() || leads_on()
        }
    }
}

/// How long after a fault of our own a place is read again.
const GRACE_AFTER_PANIC: Duration = Duration::from_secs(60);

/// The directory below which an origin lists files: what their placeholders may reach into.
fn root_of(origin: &str) -> Option<PathBuf> {
    let path = origin.strip_prefix("file:")?;
    if Pattern::is_pattern(path) {
        return Pattern::new(path).ok()?.bases().next().map(Path::to_owned);
    }
    Path::new(path).parent().map(Path::to_owned)
}

#[async_trait]
impl Follower for LocationFollower {
    async fn follow(&mut self, locations: Vec<FollowedLocation>, known: &[Listing]) {
        let access = self.fetcher.urls.access();
        let changes = self.listings.follow(locations, known, &self.config, access);
        self.apply(changes);
    }

    async fn next(&mut self) -> (Vec<Finding>, Vec<(String, SourceState)>) {
        // Whatever is cancelled here is still in `self`: reads run beside the loop, and their results
        // stay in the set until they are taken.
        loop {
            if !self.outbox.findings.is_empty() || !self.outbox.states.is_empty() {
                let outbox = mem::take(&mut self.outbox);
                return (outbox.findings, outbox.states);
            }
            self.start_due();
            let busy = self.is_busy();
            if mem::replace(&mut self.busy, busy) != busy {
                return Default::default();
            }
            let now = Instant::now();
            let next =
                [&self.files, &self.urls].into_iter().filter_map(|schedule| schedule.next_after(now)).min();
            let timer = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(joined) = self.reads.join_next_with_id() => {
                    self.finish(joined);
                    while self.outbox.findings.len() < BATCH
                        && let Some(joined) = self.reads.try_join_next_with_id()
                    {
                        self.finish(joined);
                    }
                }
                happenings = self.watches.next() => {
                    for happening in happenings {
                        self.happened(happening);
                    }
                }
                () = timer => {}
            }
        }
    }

    async fn refresh(&mut self, location: Option<&EntityRef>, wake: Wake) {
        for subject in self.listings.reached(location) {
            self.wake(subject, Duration::ZERO, wake);
        }
    }

    fn is_busy(&self) -> bool {
        let now = Instant::now();
        !self.reads.is_empty()
            || !self.outbox.findings.is_empty()
            || !self.outbox.states.is_empty()
            || self.watches.has_news()
            || self.files.is_busy(now)
            || self.urls.is_busy(now)
    }
}
