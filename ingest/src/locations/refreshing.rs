//! Reading again what a person asks for.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{LocationFollower, fetch::Place, schedule::Subject};
use crate::{Places, Ticket, Wake};

impl LocationFollower {
    /// Wakes everything that belongs to `places`; `None` if nothing does.
    pub(super) fn read_again(&mut self, places: &Places, forced: bool) -> Option<Ticket> {
        let subjects: Vec<Subject> = self.subjects_of(places).into_iter().collect();
        if subjects.is_empty() {
            return None;
        }
        let locations = match places {
            Places::All => BTreeSet::new(),
            Places::These { searched, listed, .. } => searched.union(listed).cloned().collect(),
        };
        let ticket = self.refreshes.begin(&subjects, locations, self.reads_begun);
        for subject in subjects {
            if let Some(reading) = self.readings.get_mut(&subject) {
                reading.forced |= forced;
            }
            self.wake(subject, Duration::ZERO, Wake::Person);
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
                    subjects.extend(self.readers_of(location));
                }
                subjects.extend(searched.iter().flat_map(|key| self.listings.patterns_of(key)));
                subjects.extend(listed.iter().flat_map(|key| self.listings.listed_by(key)));
            }
        }
        subjects.retain(|subject| self.readings.contains_key(subject));
        subjects
    }

    /// The documents of which a placeholder stands for the place with this location ref.
    fn readers_of<'a>(&'a self, location: &'a str) -> impl Iterator<Item = Subject> + 'a {
        let stands_for = move |place: &Place| match place {
            Place::Url(url) => location.strip_prefix("url:") == Some(url.as_str()),
            Place::File(path) => location.strip_prefix("file:") == path.to_str(),
        };
        let read =
            self.readings.iter().filter_map(|(subject, reading)| Some((subject, reading.seen.as_ref()?)));
        read.filter(move |(_, seen)| seen.parts.iter().any(|part| stands_for(&part.place)))
            .map(|(subject, _)| subject.clone())
    }
}
