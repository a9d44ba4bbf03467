//! What is followed, and when it is read.

use std::time::Duration;

use backstitch_schemas::{Timestamp, scm::host_of};
use tokio::time::Instant;

use super::{
    Interval, LocationFollower,
    fetch::Place,
    follower::withdrawn,
    host_gate::ReadThrough,
    listings::Changes,
    reading::Reading,
    schedule::{Schedule, Subject},
};
use crate::{ReadTimes, Wake};

impl LocationFollower {
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
        schedule.planned(subject).map(|at| self.moment(at))
    }

    /// When a document or a pattern was read and is read again; `None` if nobody lists it.
    ///
    /// What a listing of a repository has found is looked at with the listing.
    pub(super) fn times_of(&self, location: &str) -> Option<ReadTimes> {
        let subject = Subject::Document(location.into());
        let Some(reading) = self.readings.get(&subject) else {
            let pattern = Subject::Pattern(location.into());
            return Some(self.readings.get(&pattern)?.times(self.next_read(&pattern)));
        };
        let own = reading.times(self.next_read(&subject));
        if !self.listings.is_listed_with_content(location) {
            return Some(own);
        }
        let searches = self.listings.searches_that_found(location).map(Subject::Pattern);
        let times =
            searches.filter_map(|search| Some(self.readings.get(&search)?.times(self.next_read(&search))));
        Some(times.fold(own, |times, search| ReadTimes {
            last_read: times.last_read.max(search.last_read),
            // The listing tells that it is there as it was, unless reading it fails.
            last_success: times.last_success.max(search.last_success.filter(|_| reading.is_read())),
            next_read: [times.next_read, search.next_read].into_iter().flatten().min(),
        }))
    }

    /// When the clock will show that it is `at`.
    pub(super) fn moment(&self, at: Instant) -> Timestamp {
        let wait = at.saturating_duration_since(Instant::now());
        Timestamp(self.clock.now().0 + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 2))
    }

    pub(super) fn is_url(&self, subject: &Subject) -> bool {
        let (Subject::Document(location) | Subject::Pattern(location)) = subject;
        !location.starts_with("file:")
    }

    pub(super) fn schedule(&mut self, subject: &Subject) -> &mut Schedule {
        if self.is_url(subject) { &mut self.urls } else { &mut self.files }
    }

    fn start_following(&mut self, subject: &Subject) {
        if !self.readings.contains_key(subject) {
            let (Subject::Document(location) | Subject::Pattern(location)) = subject;
            let mut reading = self.resumed.remove(&**location).map(Reading::resume).unwrap_or_default();
            reading.through = self.gate(subject);
            self.readings.insert(subject.clone(), reading);
            self.watch(subject);
        }
        if let (Some(reading), Subject::Document(location)) = (self.readings.get_mut(subject), subject) {
            let edges = self.listings.document(location).map(|document| document.edges.values());
            reading.held |= edges.into_iter().flatten().any(|edge| edge.settled);
        }
        // What a refresh finds to be listed belongs to it.
        let wake = self.refreshes.join(subject, &self.listings.that_list(subject));
        self.wake(subject.clone(), Duration::ZERO, wake);
    }

    /// The time between two reads of the same place: for what is behind URLs as long as it takes to
    /// stay within the budget of the host. `None` reads once.
    pub(super) fn interval(&self, subject: &Subject) -> Option<Interval> {
        let gate = self.readings.get(subject).and_then(|reading| reading.through.as_ref());
        let interval = self.config.interval?;
        Some(gate.map_or(interval, |through| through.gate().interval(interval)))
    }

    /// The gate that a document or a pattern is read through, if it is behind a URL.
    fn gate(&self, subject: &Subject) -> Option<ReadThrough> {
        let (place, polled) = match subject {
            Subject::Document(location) => {
                let polled = !self.listings.is_listed_with_content(location);
                (self.listings.document(location)?.place.clone(), polled)
            }
            Subject::Pattern(location) => (self.listings.place_of_search(location)?, true),
        };
        let Place::Url(url) = place else { return None };
        Some(ReadThrough::new(self.fetcher.urls.gates().gate(&host_of(&url)), polled))
    }

    fn drop_subject(&mut self, subject: &Subject) {
        self.schedule(subject).cancel(subject);
        self.watches.release(subject);
        self.refreshes.dropped(subject);
        let Some(reading) = self.readings.remove(subject) else { return };
        if let Some(running) = &reading.running {
            running.handle.abort();
        }
        if reading.has_outcome() {
            let (Subject::Document(location) | Subject::Pattern(location)) = subject;
            self.outbox.states.push((location.to_string(), withdrawn()));
        }
    }

    /// Reads `subject` soon. A read under way does not count: it may have begun too early.
    pub(super) fn wake(&mut self, subject: Subject, wait: Duration, wake: Wake) {
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
}
