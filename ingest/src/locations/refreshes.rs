//! Refreshes under way: which reads each of them waits for. Pure.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use backstitch_schemas::Problem;

use super::{listings::LocationKey, schedule::Subject};
use crate::{Refreshed, Ticket, Wake};

/// Refreshes under way.
#[derive(Debug, Default)]
pub(super) struct Refreshes {
    open: BTreeMap<Ticket, Open>,
    last: u64,
}

#[derive(Debug)]
struct Open {
    /// Only reads that began after this one count.
    after_read: u64,
    pending: HashSet<Subject>,
    documents: HashSet<Arc<str>>,
    locations: BTreeSet<LocationKey>,
    came: Refreshed,
    /// How urgent what belongs to it is.
    wake: Wake,
    /// Whether everything that was found was handed out.
    handed_out: bool,
}

impl Refreshes {
    /// Begins a refresh of `subjects`, `after_read` being the number of the latest read. What
    /// `locations` or Locations in its documents turn out to list belongs to it.
    pub(super) fn begin(
        &mut self,
        subjects: &[Subject],
        locations: BTreeSet<LocationKey>,
        after_read: u64,
        wake: Wake,
    ) -> Ticket {
        self.last += 1;
        let mut open = Open {
            after_read,
            pending: HashSet::new(),
            documents: HashSet::new(),
            locations,
            came: Refreshed::default(),
            wake,
            handed_out: false,
        };
        for subject in subjects {
            open.wait_for(subject);
        }
        self.open.insert(Ticket(self.last), open);
        Ticket(self.last)
    }

    /// Lets what is now listed by `listed_by` belong to the refreshes that read it. Returns how urgent
    /// that makes it.
    pub(super) fn join(&mut self, subject: &Subject, listed_by: &[LocationKey]) -> Wake {
        let mut joined = Wake::Polling;
        for open in self.open.values_mut() {
            let reads = |key: &LocationKey| open.documents.contains(&key.1) || open.locations.contains(key);
            if listed_by.iter().any(reads) {
                open.wait_for(subject);
                joined = joined.max(open.wake);
            }
        }
        joined
    }

    /// Takes note that read number `read` of `subject` ended, and why if it brought nothing.
    pub(super) fn ended(&mut self, subject: &Subject, read: u64, problem: Option<&Problem>) {
        for open in self.open.values_mut().filter(|open| read > open.after_read) {
            if open.pending.remove(subject) {
                open.came.problems.extend(problem.cloned());
            }
        }
    }

    /// Takes note that `subject` is not read any more.
    pub(super) fn dropped(&mut self, subject: &Subject) {
        for open in self.open.values_mut() {
            open.pending.remove(subject);
        }
    }

    /// Whether one came to its end, and nobody was told.
    pub(super) fn have_news(&self) -> bool {
        self.open.values().any(|open| open.pending.is_empty() && !open.handed_out)
    }

    /// Takes note that everything that was found so far is handed out.
    pub(super) fn hand_out(&mut self) {
        for open in self.open.values_mut() {
            open.handed_out = open.pending.is_empty();
        }
    }

    /// What came of a refresh; `None` while it is under way.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Refreshed> {
        self.open.get(&ticket).filter(|open| open.handed_out)?;
        self.open.remove(&ticket).map(|open| open.came)
    }
}

impl Open {
    fn wait_for(&mut self, subject: &Subject) {
        if let Subject::Document(location) = subject {
            self.documents.insert(Arc::clone(location));
        }
        if self.pending.insert(subject.clone()) {
            self.came.places += 1;
            self.handed_out = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use backstitch_schemas::EntityRef;

    use super::*;

    fn document(name: &str) -> Subject {
        Subject::Document(name.into())
    }

    fn key(document: &str) -> LocationKey {
        (EntityRef::new("location", None, "l"), document.into())
    }

    #[test]
    fn a_refresh_ends_when_reads_that_began_later_are_handed_out() {
        let mut refreshes = Refreshes::default();
        let ticket = refreshes.begin(&[document("a"), document("b")], BTreeSet::new(), 7, Wake::Person);
        refreshes.ended(&document("a"), 7, None);
        refreshes.ended(&document("b"), 8, None);
        assert!(!refreshes.have_news(), "the read of `a` had begun before");
        refreshes.ended(&document("a"), 9, Some(&Problem::input("x")));
        assert!(refreshes.have_news() && refreshes.take(ticket).is_none(), "not handed out yet");
        refreshes.hand_out();
        let came = Refreshed { places: 2, problems: vec![Problem::input("x")] };
        assert_eq!(refreshes.take(ticket), Some(came));
        assert!(refreshes.take(ticket).is_none() && !refreshes.have_news());
    }

    #[test]
    fn what_turns_out_to_be_listed_belongs_to_it() {
        let mut refreshes = Refreshes::default();
        let ticket = refreshes.begin(&[document("a")], BTreeSet::from([key("")]), 0, Wake::Watched);
        refreshes.ended(&document("a"), 1, None);
        refreshes.hand_out();
        assert_eq!(refreshes.join(&document("x"), &[key("y")]), Wake::Polling);
        let joined = refreshes.join(&document("b"), &[key("y"), key("a")]);
        assert_eq!(joined, Wake::Watched, "a Location in `a` lists it");
        assert_eq!(refreshes.join(&document("c"), &[key("")]), Wake::Watched);
        assert!(refreshes.take(ticket).is_none());
        refreshes.dropped(&document("b"));
        refreshes.ended(&document("c"), 2, None);
        refreshes.hand_out();
        assert_eq!(refreshes.take(ticket).unwrap().places, 3);
    }
}
