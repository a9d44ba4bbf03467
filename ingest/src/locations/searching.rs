//! From what a listing of a repository says to what is read.

use std::{sync::Arc, time::Duration};

use backstitch_schemas::Problem;

use super::{
    LocationFollower,
    fetch::{Again, Failure, Place},
    listings::{Matches, url_location},
    reading::Reading,
    report::Verdict,
    schedule::Subject,
};
use crate::{Wake, hosts::Listed};

impl LocationFollower {
    /// Takes note of what a pattern on a git host matches. What is new or has changed is read; of
    /// everything else the listing has said that it is the same.
    pub(super) fn searched(
        &mut self,
        location: &Arc<str>,
        listed: Result<Listed, Failure>,
        wake: Wake,
    ) -> Verdict {
        let subject = Subject::Pattern(Arc::clone(location));
        let Listed(files) = match listed {
            Ok(listed) => listed,
            Err(failure) => return self.search_failed(&subject, failure),
        };
        if let Some(reading) = self.readings.get_mut(&subject) {
            reading.answered();
            reading.through.iter().for_each(|through| through.gate().has_read());
        }
        self.plan_regularly(&subject);
        let documents = files.into_iter().map(|(text, listed)| (url_location(&text), listed));
        let documents: Vec<_> = documents.collect();
        let matches: Matches = documents
            .iter()
            .map(|(document, (url, _))| (Arc::clone(document), Place::Url(url.clone())))
            .collect();
        let changes = self.listings.matched(location, matches);
        self.apply(changes);
        let wake = wake.min(Wake::Listed);
        for (document, (_, validator)) in documents {
            let document = Subject::Document(document);
            if self.readings.get(&document).is_some_and(|reading| reading.may_differ_from(&validator)) {
                self.wake(document, Duration::ZERO, wake);
            }
        }
        self.note(&subject, "ok", Vec::new(), None, None);
        Verdict::Known
    }

    fn search_failed(&mut self, subject: &Subject, failure: Failure) -> Verdict {
        let Subject::Pattern(location) = subject else { return Verdict::Known };
        let Some(place) = self.listings.place_of_search(location) else { return Verdict::Known };
        let (chance, interval) = ((self.chance)(), self.interval(subject));
        let Some(reading) = self.readings.get_mut(subject) else { return Verdict::Known };
        let wait = reading.back_off(&failure, &place, interval, chance);
        let deferred = matches!(failure.again, Again::After { asked: false, .. }) && reading.has_outcome();
        if let Some(wait) = wait {
            self.plan(subject.clone(), wait, Wake::Polling);
        }
        let problem = Problem { location: Some(location.to_string()), ..failure.problem };
        if !deferred {
            self.note(subject, "failed", vec![problem.clone()], failure.status, None);
        }
        Verdict::Unknown(problem)
    }
}

impl Reading {
    /// Whether content with this validator may be another one than what was read, or stand for
    /// something else: what its placeholders name may have changed with it.
    fn may_differ_from(&self, validator: &str) -> bool {
        let seen = self.seen.as_deref();
        seen.is_none_or(|seen| seen.etag.as_deref() != Some(validator) || !seen.parts.is_empty())
    }
}
