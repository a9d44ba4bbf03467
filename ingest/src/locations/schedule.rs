//! When which place is read next. Pure: the time is given.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use tokio::time::Instant;

use crate::Wake;

/// A document or a pattern, by its location ref.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Subject {
    /// One document.
    Document(Arc<str>),
    /// The files that match a pattern.
    Pattern(Arc<str>),
}

/// When which place is read next.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    order: BTreeSet<(Instant, Subject)>,
    entries: HashMap<Subject, (Instant, Wake)>,
    /// How many entries somebody waits for.
    pressing: usize,
}

impl Schedule {
    /// Reads `subject` at `at`, in place of what was planned for it.
    pub(super) fn plan(&mut self, subject: Subject, at: Instant, wake: Wake) {
        self.cancel(&subject);
        self.pressing += usize::from(wake > Wake::Polling);
        self.order.insert((at, subject.clone()));
        self.entries.insert(subject, (at, wake));
    }

    /// Reads `subject` at `at` or when it was planned, whichever is earlier.
    pub(super) fn hasten(&mut self, subject: Subject, at: Instant, wake: Wake) {
        let (at, wake) = match self.entries.get(&subject) {
            Some((planned, reason)) => (at.min(*planned), wake.max(*reason)),
            None => (at, wake),
        };
        self.plan(subject, at, wake);
    }

    /// Forgets what was planned.
    pub(super) fn cancel(&mut self, subject: &Subject) {
        if let Some((at, wake)) = self.entries.remove(subject) {
            self.pressing -= usize::from(wake > Wake::Polling);
            self.order.remove(&(at, subject.clone()));
        }
    }

    /// Takes out what is due, in order, at most `limit`.
    pub(super) fn take_due(&mut self, now: Instant, limit: usize) -> Vec<(Subject, Wake)> {
        let due = self.order.iter().take_while(|(at, _)| *at <= now).take(limit);
        let taken: Vec<_> = due.map(|(_, subject)| subject.clone()).collect();
        let entries = taken.into_iter().map(|subject| {
            let wake = self.entries.get(&subject).map_or(Wake::Polling, |(_, wake)| *wake);
            self.cancel(&subject);
            (subject, wake)
        });
        entries.collect()
    }

    /// When the first place is read; in the past if it is due.
    pub(super) fn first(&self) -> Option<Instant> {
        Some(self.order.first()?.0)
    }

    /// When to look again; `None` while something is due already, or nothing is planned.
    pub(super) fn next_after(&self, now: Instant) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at).filter(|at| *at > now)
    }

    /// When `subject` is read next.
    pub(super) fn planned(&self, subject: &Subject) -> Option<Instant> {
        self.entries.get(subject).map(|(at, _)| *at)
    }

    /// Whether a read is due, or planned because somebody waits for it.
    pub(super) fn is_busy(&self, now: Instant) -> bool {
        self.pressing > 0 || self.order.first().is_some_and(|(at, _)| *at <= now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_due_is_taken_once_and_in_order() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        let subject = |name: &str| Subject::Document(name.into());
        let second = Duration::from_secs(1);
        schedule.plan(subject("b"), now, Wake::Polling);
        schedule.plan(subject("a"), now - second, Wake::Person);
        schedule.plan(subject("c"), now + second, Wake::Polling);
        assert!(schedule.is_busy(now - second - second), "a person waits");
        let due = schedule.take_due(now, 9);
        assert_eq!(due, [(subject("a"), Wake::Person), (subject("b"), Wake::Polling)]);
        assert!(schedule.take_due(now, 9).is_empty());
        assert!(!schedule.is_busy(now));
        assert_eq!(schedule.next_after(now), Some(now + second));
    }

    #[test]
    fn hastening_never_delays() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        let subject = Subject::Document("a".into());
        schedule.plan(subject.clone(), now, Wake::Polling);
        schedule.hasten(subject.clone(), now + Duration::from_secs(1), Wake::Watched);
        assert_eq!(schedule.planned(&subject), Some(now));
        assert_eq!(schedule.take_due(now, 9), [(subject, Wake::Watched)]);
    }
}
