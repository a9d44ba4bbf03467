//! From what a read brought to what is reported about it.

use std::{sync::Arc, time::Duration};

use backstitch_schemas::{Listing, Problem};

use super::{
    LocationFollower,
    absence::Absence,
    document::Descriptor,
    expand::Expansion,
    fetch::{Again, Failure, Place},
    listings::{LocationKey, file_location},
    read::{Outcome, Seen},
    reading::{GRACE, Noted, Reading},
    schedule::Subject,
};
use crate::{Finding, Wake};

/// What a read told.
pub(super) enum Verdict {
    /// What is there, if anything.
    Known,
    /// Nothing, for this reason.
    Unknown(Problem),
    /// It is looked at once more before anything is said.
    Doubtful,
}

impl LocationFollower {
    /// Reports what reading a document brought, and plans the next read.
    pub(super) fn read(&mut self, location: &Arc<str>, outcome: Outcome, wake: Wake) -> Verdict {
        match outcome {
            Outcome::Read(seen, descriptor) => {
                self.read_content(location, seen, descriptor);
                Verdict::Known
            }
            Outcome::Unchanged(seen) => self.unchanged(location, seen, wake),
            Outcome::Absent => self.absent(location),
            Outcome::Failed(failure) => self.failed(location, failure),
        }
    }

    /// Takes note of what a pattern matches.
    pub(super) fn expanded(&mut self, location: &Arc<str>, expansion: Expansion) -> Verdict {
        let subject = Subject::Pattern(Arc::clone(location));
        self.plan_regularly(&subject);
        self.watch_directories(&subject, expansion.directories);
        let Some(reading) = self.readings.get_mut(&subject) else { return Verdict::Known };
        match expansion.files {
            Ok(_) if expansion.shrank && !reading.doubted => {
                reading.doubted = true;
                self.plan(subject, GRACE, Wake::Watched);
                Verdict::Doubtful
            }
            Ok(files) => {
                reading.doubted = false;
                let matches = files.into_iter().map(|path| (file_location(&path), Place::File(path)));
                let changes = self.listings.matched(location, matches.collect());
                self.apply(changes);
                self.note(&subject, "ok", Vec::new(), None, None);
                Verdict::Known
            }
            Err(problem) => {
                let problem = Problem { location: Some(location.to_string()), ..problem };
                self.note(&subject, "failed", vec![problem.clone()], None, None);
                Verdict::Unknown(problem)
            }
        }
    }

    fn read_content(&mut self, location: &Arc<str>, seen: Seen, mut descriptor: Descriptor) {
        let subject = Subject::Document(Arc::clone(location));
        let Some(reading) = self.readings.get_mut(&subject) else { return };
        if descriptor.blank && reading.held {
            descriptor.incomplete = true;
            descriptor.errors.push(blank(location));
        }
        reading.held = descriptor.incomplete && reading.held || !descriptor.entities.is_empty();
        let status = seen.status;
        reading.succeeded(seen, Some(descriptor.errors.clone()));
        for (key, edge) in self.listings.edges_mut(location).into_iter().flatten() {
            (edge.settled, edge.reported) = (true, true);
            // A Location that lists itself says nothing new about itself.
            let entities = descriptor.entities.iter().filter(|entity| entity.entity_ref != key.0);
            self.outbox.findings.push(Finding::Read {
                listing: listing(key, location),
                submissions: entities.map(|entity| entity.submission(location, &edge.origin)).collect(),
                incomplete: descriptor.incomplete,
                errors: descriptor.errors.clone(),
            });
        }
        self.plan_regularly(&subject);
        self.note(&subject, "ok", descriptor.errors, status, Some(descriptor.entities.len()));
        self.watch(&subject);
    }

    fn unchanged(&mut self, location: &Arc<str>, seen: Seen, wake: Wake) -> Verdict {
        let subject = Subject::Document(Arc::clone(location));
        let Some(reading) = self.readings.get_mut(&subject) else { return Verdict::Known };
        let status = seen.status;
        reading.succeeded(seen, None);
        let errors = reading.content_errors();
        let mut unsettled = false;
        for (key, edge) in self.listings.edges_mut(location).into_iter().flatten() {
            unsettled |= !edge.settled;
            if edge.settled && (!edge.reported || wake == Wake::Person) {
                edge.reported = true;
                self.outbox.findings.push(Finding::Unchanged(listing(key, location)));
            }
        }
        self.plan_regularly(&subject);
        if unsettled {
            // Listed anew while it was read.
            self.plan(subject.clone(), Duration::ZERO, wake);
        }
        self.note(&subject, "ok", errors, status, None);
        if unsettled { Verdict::Doubtful } else { Verdict::Known }
    }

    fn absent(&mut self, location: &Arc<str>) -> Verdict {
        let subject = Subject::Document(Arc::clone(location));
        self.plan_regularly(&subject);
        let (now, grace) = (self.clock.now(), self.config.absence_grace);
        let Some(reading) = self.readings.get_mut(&subject) else { return Verdict::Known };
        if reading.held && !reading.doubted && reading.absent_since.is_none() {
            reading.doubted = true;
            self.plan(subject, GRACE, Wake::Watched);
            return Verdict::Doubtful;
        }
        let absence = Absence::at(now, reading.absent_since, grace, reading.held);
        (reading.absent_since, reading.doubted, reading.seen) = (Some(absence.since), false, None);
        let mut required = false;
        let problem = absence.problem(location);
        for (key, edge) in self.listings.edges_mut(location).into_iter().flatten() {
            (edge.settled, edge.reported) = (true, true);
            required |= edge.required;
            let error = edge.required.then(|| problem.clone());
            let gone = !edge.required || absence.goes_at.is_none();
            self.outbox.findings.push(Finding::Absent { listing: listing(key, location), error, gone });
        }
        reading.held = required && absence.goes_at.is_some();
        if let Some(at) = absence.goes_at.filter(|_| required) {
            let wait = Duration::from_millis(u64::try_from(at.0 - now.0).unwrap_or(0));
            self.plan(subject.clone(), wait, Wake::Polling);
        }
        let errors = if required { vec![problem] } else { Vec::new() };
        self.note(&subject, "absent", errors, None, Some(0));
        self.watch(&subject);
        Verdict::Known
    }

    fn failed(&mut self, location: &Arc<str>, failure: Failure) -> Verdict {
        let subject = Subject::Document(Arc::clone(location));
        let Some(place) = self.listings.document(location).map(|document| document.place.clone()) else {
            return Verdict::Known;
        };
        let (chance, interval) = ((self.chance)(), self.interval(&subject));
        let Some(reading) = self.readings.get_mut(&subject) else { return Verdict::Known };
        let wait = reading.back_off(&failure, &place, interval, chance);
        // No request was made, so there is nothing to say about this place.
        let deferred = matches!(failure.again, Again::After { asked: false, .. }) && reading.has_outcome();
        // A file that is being replaced or written is looked at once more before anything is said.
        let passing = matches!(place, Place::File(_)) && reading.has_failed_once();
        if let Some(wait) = wait {
            self.plan(subject.clone(), wait, if passing { Wake::Watched } else { Wake::Polling });
        }
        if passing {
            return Verdict::Doubtful;
        }
        let problem = Problem { location: Some(location.to_string()), ..failure.problem };
        if deferred {
            return Verdict::Unknown(problem);
        }
        for key in self.listings.edges_mut(location).into_iter().flatten().map(|(key, _)| key) {
            let finding = Finding::Failed { listing: listing(key, location), problem: problem.clone() };
            self.outbox.findings.push(finding);
        }
        let outcome = if failure.again == Again::Never { "refused" } else { "failed" };
        self.note(&subject, outcome, vec![problem.clone()], failure.status, None);
        if matches!(place, Place::File(_)) {
            self.watch(&subject);
        }
        Verdict::Unknown(problem)
    }

    /// Plans the next read of what was read: URLs are polled; files are watched, and looked at
    /// besides, for file systems that do not tell.
    pub(super) fn plan_regularly(&mut self, subject: &Subject) {
        if self.plan_second_look(subject) {
            return;
        }
        if let Subject::Document(location) = subject
            && self.readings.get(subject).is_some_and(Reading::is_self_contained)
            && self.listings.is_listed_with_content(location)
        {
            // The listing that it was found in is polled, and tells when it changes.
            return;
        }
        if let Some(interval) = self.interval(subject) {
            let wait = interval.draw((self.chance)());
            self.plan(subject.clone(), wait, Wake::Polling);
        }
    }

    pub(super) fn note(
        &mut self,
        subject: &Subject,
        outcome: &str,
        errors: Vec<Problem>,
        status: Option<u16>,
        entities: Option<usize>,
    ) {
        let (Subject::Document(location) | Subject::Pattern(location)) = subject;
        let blind = location.starts_with("file:") && self.watches.is_blind(subject);
        let note = blind.then(|| "it cannot be watched, and is looked at regularly".to_owned());
        let (now, next) = (self.clock.now(), self.next_read(subject));
        let listed_by = self.listings.first_that_list(subject);
        let Some(reading) = self.readings.get_mut(subject) else { return };
        let noted = Noted { outcome, errors, status, entities, listed_by, note };
        if let Some(state) = reading.note(noted, now, next) {
            self.outbox.states.push((location.to_string(), state));
        }
    }
}

fn listing(key: &LocationKey, listed: &Arc<str>) -> Listing {
    Listing { location: key.0.clone(), document: Arc::clone(&key.1), listed: Arc::clone(listed) }
}

fn blank(location: &str) -> Problem {
    let problem = Problem::new("Error", format!("{location} is empty"));
    let advice =
        "nothing stands in it any more; what it held stays until the file is gone or no longer listed";
    Problem { location: Some(location.to_owned()), line: Some(1), ..problem.with_advice(advice) }
}
