//! What has to be read again when a git host tells what changed there.
//!
//! Only what it names: files that are listed, those that a placeholder stands for, and patterns that such
//! a file may match. The listing of a pattern tells by itself which of its files are different.

use std::{collections::HashSet, mem, path::Path};

use backstitch_schemas::scm::{Reference, RepositoryFile, below, host_of};
use url::Url;

use super::{
    LocationFollower,
    fetch::Place,
    listings::{Search, url_location},
    pattern::Pattern,
    reading::SecondLook,
    schedule::Subject,
};
use crate::{Changed, Wake};

impl LocationFollower {
    /// What has to be read again.
    pub(super) fn subjects_changed(&self, changed: &Changed) -> Vec<Subject> {
        let files: HashSet<String> = self.spellings(&changed.files, changed);
        let documents = files.iter().map(|file| Subject::Document(url_location(file)));
        let documents = documents.filter(|document| self.readings.contains_key(document));
        let readers =
            self.readers_of(|place| matches!(place, Place::Url(url) if files.contains(url.as_str())));
        let named: Vec<Subject> = documents
            .chain(readers)
            .chain(self.in_repositories(changed))
            .chain(self.that_match(changed))
            .collect();
        named.into_iter().filter(|subject| !self.is_told_by_a_listing(subject)).collect()
    }

    /// Plans to look once more at what was read because its host told of it. Whether it did: where polling
    /// comes as soon, that is enough.
    pub(super) fn plan_second_look(&mut self, subject: &Subject) -> bool {
        let (wait, interval) = (self.config.second_look, self.interval(subject));
        let Some(reading) = self.readings.get_mut(subject) else { return false };
        if mem::take(&mut reading.second_look) != SecondLook::Owed
            || interval.is_some_and(|interval| interval.min <= wait)
        {
            return false;
        }
        reading.second_look = SecondLook::Planned;
        // Nobody waits for it, so it makes nobody busy.
        self.plan(subject.clone(), wait, Wake::Polling);
        true
    }

    /// How urgent a read is that begins now: a second look wants the place as it is now.
    pub(super) fn urgency_of(&mut self, subject: &Subject, wake: Wake) -> Wake {
        match self.readings.get_mut(subject) {
            Some(reading) if reading.second_look == SecondLook::Planned => {
                reading.second_look = SecondLook::No;
                wake.max(Wake::Watched)
            }
            _ => wake,
        }
    }

    /// All URLs that stand for one of these.
    fn spellings(&self, urls: &[Url], changed: &Changed) -> HashSet<String> {
        let hosts = self.fetcher.urls.scm();
        let spellings = urls.iter().flat_map(|url| match hosts.scm_of(url) {
            Some(scm) => scm.spellings(url, changed.on_default_branch),
            None => vec![url.to_string()],
        });
        spellings.collect()
    }

    /// Whether a pattern finds this document, and its listing tells when the document changes; a document
    /// that stands for others may change with them.
    fn is_told_by_a_listing(&self, subject: &Subject) -> bool {
        let Subject::Document(location) = subject else { return false };
        let alone = self.readings.get(subject).is_some_and(|reading| reading.is_self_contained());
        alone && self.listings.is_listed_with_content(location)
    }

    /// Everything in the repositories and branches of which anything may have changed.
    fn in_repositories(&self, changed: &Changed) -> Vec<Subject> {
        let repositories = self.spellings(&changed.repositories, changed);
        if repositories.is_empty() {
            return Vec::new();
        }
        let within = |subject: &&Subject| {
            let (Subject::Document(location) | Subject::Pattern(location)) = subject;
            let url = location.strip_prefix("url:");
            url.is_some_and(|url| repositories.iter().any(|repository| below(url, repository).is_some()))
        };
        self.readings.keys().filter(within).cloned().collect()
    }

    /// The patterns that one of the files matches.
    fn that_match(&self, changed: &Changed) -> Vec<Subject> {
        let files: Vec<_> = changed.files.iter().filter_map(|url| self.file(url)).collect();
        let may_match = |subject: &&Subject| {
            let Subject::Pattern(location) = subject else { return false };
            let Some(Search::Urls(url)) = self.listings.search(location) else { return false };
            let Some((host, searched)) = self.file(url) else { return false };
            let mut there = files.iter().filter(|(other, file)| {
                *other == host && is_same_ref(&searched, file, changed.on_default_branch)
            });
            let Some(first) = there.next() else { return false };
            let Ok(pattern) = Pattern::new(&format!("/{}", searched.path)) else { return false };
            [first]
                .into_iter()
                .chain(there)
                .any(|(_, file)| pattern.matches(Path::new(&format!("/{}", file.path))))
        };
        self.readings.keys().filter(may_match).cloned().collect()
    }

    /// What a URL names, with its host.
    fn file(&self, url: &Url) -> Option<(String, RepositoryFile)> {
        let scm = self.fetcher.urls.scm().scm_of(url)?;
        Some((host_of(url), scm.file(url).ok()?))
    }
}

/// Whether what is searched is the branch that `file` changed on.
fn is_same_ref(searched: &RepositoryFile, file: &RepositoryFile, on_default_branch: bool) -> bool {
    let same = match (searched.reference.name(), file.reference.name()) {
        (None | Some("HEAD"), _) => on_default_branch,
        (searched, changed) => searched == changed,
    };
    same && searched.repository == file.repository && !matches!(searched.reference, Reference::Commit(_))
}
