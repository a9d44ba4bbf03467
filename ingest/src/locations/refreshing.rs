//! Reading again what a person asks for, or a host tells of.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    LocationFollower,
    fetch::Place,
    listings::{LocationKey, file_location},
    reading::SecondLook,
    schedule::Subject,
};
use crate::{Places, Ticket, Wake};

impl LocationFollower {
    /// Wakes everything that belongs to `places`; `None` if nothing does.
    pub(super) fn read_again(&mut self, places: &Places, forced: bool) -> Option<Ticket> {
        let subjects: Vec<Subject> = self.subjects_of(places).into_iter().collect();
        if subjects.is_empty() {
            return None;
        }
        let (locations, wake) = match places {
            Places::All => (BTreeSet::new(), Wake::Person),
            Places::These { searched, listed, .. } => {
                (searched.union(listed).cloned().collect(), Wake::Person)
            }
            Places::Changed(_) | Places::Doubted(_) => (self.that_search(&subjects), Wake::Watched),
        };
        let ticket = self.refreshes.begin(&subjects, locations, self.reads_begun, wake);
        for subject in subjects {
            if let Some(reading) = self.readings.get_mut(&subject) {
                reading.forced |= forced;
                if wake == Wake::Watched {
                    reading.second_look = SecondLook::Owed;
                }
            }
            self.wake(subject, Duration::ZERO, wake);
        }
        Some(ticket)
    }

    /// Those of `places` that are read.
    fn subjects_of(&self, places: &Places) -> BTreeSet<Subject> {
        let mut subjects = BTreeSet::new();
        match places {
            Places::All => subjects.extend(self.readings.keys().cloned()),
            Places::These { documents, searched, listed } => {
                for location in documents {
                    subjects.insert(Subject::Document(Arc::clone(location)));
                    subjects.insert(Subject::Pattern(Arc::clone(location)));
                }
                subjects.extend(self.readers_of(|place| match place {
                    Place::Url(url) => documents.contains(format!("url:{url}").as_str()),
                    Place::File(path) => documents.contains(&file_location(path)),
                }));
                subjects.extend(searched.iter().flat_map(|key| self.listings.patterns_of(key)));
                subjects.extend(listed.iter().flat_map(|key| self.listings.listed_by(key)));
            }
            Places::Changed(changed) => subjects.extend(self.subjects_changed(changed)),
            Places::Doubted(locations) => {
                for location in locations {
                    subjects.insert(Subject::Document(Arc::clone(location)));
                    subjects.insert(Subject::Pattern(Arc::clone(location)));
                }
            }
        }
        subjects.retain(|subject| self.readings.contains_key(subject));
        subjects
    }

    /// The Locations that list one of these patterns.
    fn that_search(&self, subjects: &[Subject]) -> BTreeSet<LocationKey> {
        let patterns = subjects.iter().filter(|subject| matches!(subject, Subject::Pattern(_)));
        patterns.flat_map(|pattern| self.listings.that_list(pattern)).collect()
    }

    /// The documents of which a placeholder stands for one of these places.
    pub(super) fn readers_of(&self, is_meant: impl Fn(&Place) -> bool) -> impl Iterator<Item = Subject> {
        let read =
            self.readings.iter().filter_map(|(subject, reading)| Some((subject, reading.seen.as_ref()?)));
        read.filter(move |(_, seen)| seen.parts.iter().any(|part| is_meant(&part.place)))
            .map(|(subject, _)| subject.clone())
    }
}
