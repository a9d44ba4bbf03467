//! Reads that run beside the loop.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use backstitch_schemas::Problem;
use tokio::{task, time::Instant};

use super::{
    LocationFollower,
    expand::{Expansion, expand},
    fetch::{Again, Failure, Place},
    listings::Search,
    pattern::Pattern,
    read::{Job, Outcome},
    reading::Running,
    report::Verdict,
    schedule::Subject,
};
use crate::{Wake, hosts::Listed};

/// How long after a fault of our own a place is read again.
const AFTER_A_FAULT: Duration = Duration::from_secs(60);

/// What a read brought.
pub(super) enum Done {
    Document(Outcome),
    Pattern(Expansion),
    Listed(Result<Listed, Failure>),
}

impl LocationFollower {
    /// Starts what is due.
    pub(super) fn start_due(&mut self) {
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
        let wake = self.urgency_of(&subject, wake);
        self.reads_begun += 1;
        let number = self.reads_begun;
        let handle = match &subject {
            Subject::Document(location) => self.start_document(location, wake),
            Subject::Pattern(location) => self.start_pattern(location, wake),
        };
        let Some(handle) = handle else {
            self.files_running -= usize::from(!self.is_url(&subject));
            return;
        };
        self.subjects.insert(handle.id(), (subject.clone(), number));
        if let Some(reading) = self.readings.get_mut(&subject) {
            reading.running = Some(Running { handle, number, wake, again: None });
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
            before: reading.seen.clone().filter(|_| (reported || by_etag) && !reading.forced),
            held: reading.held,
            wake,
        };
        let (fetcher, model) = (Arc::clone(&self.fetcher), Arc::clone(&self.config.model));
        Some(self.reads.spawn(async move { Done::Document(job.run(&fetcher, model).await) }))
    }

    fn start_pattern(&mut self, location: &Arc<str>, wake: Wake) -> Option<task::AbortHandle> {
        let pattern = match self.listings.search(location)?.clone() {
            Search::Files(pattern) => pattern,
            Search::Urls(url) => {
                let urls = Arc::clone(&self.fetcher.urls);
                return Some(self.reads.spawn(async move { Done::Listed(urls.list(&url, wake).await) }));
            }
        };
        let held = self.listings.held_by(location);
        let directories = Arc::clone(&self.fetcher.directories);
        let work = move || Done::Pattern(expand(&pattern, &held, &directories));
        Some(self.reads.spawn_blocking(work))
    }

    /// Counts what a read costs the host.
    fn count(&self, subject: &Subject, outcome: &Outcome) {
        let reading = self.readings.get(subject).filter(|_| was_asked(outcome));
        if let Some(through) = reading.and_then(|reading| reading.through.as_ref()) {
            through.gate().has_read();
        }
    }

    /// Takes the result of a read.
    pub(super) fn finish(&mut self, joined: Result<(task::Id, Done), task::JoinError>) {
        let id = joined.as_ref().map_or_else(task::JoinError::id, |(id, _)| *id);
        let Some((subject, number)) = self.subjects.remove(&id) else { return };
        self.files_running -= usize::from(!self.is_url(&subject));
        let running = self
            .readings
            .get_mut(&subject)
            .and_then(|reading| reading.running.take_if(|running| running.number == number));
        // It was dropped or replaced meanwhile.
        let Some(running) = running else { return };
        let verdict = match (joined, &subject) {
            (Ok((_, Done::Document(outcome))), Subject::Document(location)) => {
                self.count(&subject, &outcome);
                self.read(&Arc::clone(location), outcome, running.wake)
            }
            (Ok((_, Done::Pattern(expansion))), Subject::Pattern(location)) => {
                self.expanded(&Arc::clone(location), expansion)
            }
            (Ok((_, Done::Listed(listed))), Subject::Pattern(location)) => {
                self.searched(&Arc::clone(location), listed, running.wake)
            }
            (outcome, _) => {
                tracing::error!(?subject, failed = outcome.is_err(), "a read did not end; it is done again");
                self.plan(subject.clone(), AFTER_A_FAULT, Wake::Polling);
                Verdict::Unknown(Problem::new("Error", "a read did not end; it is done again"))
            }
        };
        match &verdict {
            Verdict::Known => self.refreshes.ended(&subject, number, None),
            Verdict::Unknown(problem) => self.refreshes.ended(&subject, number, Some(problem)),
            Verdict::Doubtful => {}
        }
        if let Some(wake) = running.again {
            self.wake(subject, self.config.settle, wake);
        }
    }
}

/// Whether a request was made for this outcome.
fn was_asked(outcome: &Outcome) -> bool {
    !matches!(outcome, Outcome::Failed(failure) if matches!(failure.again, Again::After { asked: false, .. }))
}

/// The directory below which an origin lists files: what their placeholders may reach into.
fn root_of(origin: &str) -> Option<PathBuf> {
    let path = origin.strip_prefix("file:")?;
    if Pattern::is_pattern(path) {
        return Pattern::new(path).ok()?.bases().next().map(Path::to_owned);
    }
    Path::new(path).parent().map(Path::to_owned)
}
