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
    /// What is planned in order, by urgency.
    orders: [BTreeSet<(Instant, Subject)>; 3],
    entries: HashMap<Subject, (Instant, Wake)>,
}

impl Schedule {
    /// Reads `subject` at `at`, in place of what was planned for it.
    pub(super) fn plan(&mut self, subject: Subject, at: Instant, wake: Wake) {
        self.cancel(&subject);
        self.orders[wake.urgency()].insert((at, subject.clone()));
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
            self.orders[wake.urgency()].remove(&(at, subject.clone()));
        }
    }

    /// Takes out what is due, at most `limit`: the most urgent first, then in order.
    pub(super) fn take_due(&mut self, now: Instant, limit: usize) -> Vec<(Subject, Wake)> {
        let due = |order: &BTreeSet<(Instant, Subject)>| {
            let due = order.iter().take_while(|(at, _)| *at <= now).take(limit);
            due.map(|(_, subject)| subject.clone()).collect::<Vec<_>>()
        };
        let taken: Vec<_> = self.orders.iter().rev().flat_map(due).take(limit).collect();
        let entries = taken.into_iter().map(|subject| {
            let wake = self.entries.get(&subject).map_or(Wake::Polling, |(_, wake)| *wake);
            self.cancel(&subject);
            (subject, wake)
        });
        entries.collect()
    }

    /// When the first place is read; in the past if it is due.
    pub(super) fn first(&self) -> Option<Instant> {
        self.orders.iter().filter_map(|order| Some(order.first()?.0)).min()
    }

    /// When to look again; `None` while something is due already, or nothing is planned.
    pub(super) fn next_after(&self, now: Instant) -> Option<Instant> {
        self.first().filter(|at| *at > now)
    }

    /// When `subject` is read next.
    pub(super) fn planned(&self, subject: &Subject) -> Option<Instant> {
        self.entries.get(subject).map(|(at, _)| *at)
    }

    /// Whether a read is due, or planned because somebody waits for it.
    pub(super) fn is_busy(&self, now: Instant) -> bool {
        let [_, pressing @ ..] = &self.orders;
        pressing.iter().any(|order| !order.is_empty()) || self.first().is_some_and(|at| at <= now)
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
    fn where_not_everything_can_be_taken_the_urgent_is() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        let subject = |name: &str| Subject::Document(name.into());
        let second = Duration::from_secs(1);
        schedule.plan(subject("a"), now - second, Wake::Polling);
        schedule.plan(subject("b"), now - second, Wake::Watched);
        schedule.plan(subject("c"), now, Wake::Person);
        assert_eq!(schedule.first(), Some(now - second));
        let due = schedule.take_due(now, 2);
        assert_eq!(due, [(subject("c"), Wake::Person), (subject("b"), Wake::Watched)]);
        assert_eq!(schedule.take_due(now, 2), [(subject("a"), Wake::Polling)]);
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
