//! What to watch, and what to read again after something happened on disk.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    LocationFollower,
    fetch::Place,
    schedule::Subject,
    watch::{Attention, Happening, nearest_existing},
};
use crate::Wake;

/// How long after the last sign of writing a file is read if it is not closed. Where the system tells
/// when it is closed, this is for writers that keep it open.
const OPEN_FILE: Duration = Duration::from_millis(if cfg!(target_os = "linux") { 500 } else { 100 });

impl LocationFollower {
    /// Watches what matters to `subject` now. What is watched for the first time may have changed
    /// before, so it is read again then.
    pub(super) fn watch(&mut self, subject: &Subject) {
        let attention = match subject {
            Subject::Document(location) => self.attention_for_document(location, subject),
            Subject::Pattern(location) => {
                let bases =
                    self.listings.pattern(location).map(|pattern| pattern.bases().map(nearest_existing));
                let directories = bases.into_iter().flatten().collect();
                Attention { directories, anything: true, ..Attention::default() }
            }
        };
        self.watch_as(subject, attention);
    }

    /// Watches the directories that a pattern leads through.
    pub(super) fn watch_directories(&mut self, subject: &Subject, directories: BTreeSet<PathBuf>) {
        self.watch_as(subject, Attention { directories, anything: true, ..Attention::default() });
    }

    fn watch_as(&mut self, subject: &Subject, attention: Attention) {
        if self.watches.assign(subject, attention) {
            self.plan(subject.clone(), Duration::ZERO, Wake::Watched);
        }
    }

    /// The files of a document and of its placeholders, with their directories as far as they exist.
    fn attention_for_document(&self, location: &str, subject: &Subject) -> Attention {
        let mut attention = Attention::default();
        let Some(document) = self.listings.document(location) else { return attention };
        let seen = self.readings.get(subject).and_then(|reading| reading.seen.as_ref());
        let parts = seen.into_iter().flat_map(|seen| &seen.parts).map(|part| &part.place);
        for place in parts.chain([&document.place]) {
            let Place::File(path) = place else { continue };
            attention.files.insert(path.clone());
            if path.is_symlink() {
                // Any link on the way may be changed to lead elsewhere.
                attention.anything = true;
                attention.files.extend(path.canonicalize().ok());
            }
        }
        for parent in attention.files.iter().filter_map(|path| path.parent()) {
            let directory = nearest_existing(parent);
            attention.anything |= directory != parent;
            attention.directories.insert(directory);
        }
        attention
    }

    /// Plans what has to be read again.
    pub(super) fn happened(&mut self, happening: Happening) {
        match happening {
            Happening::Lost => {
                let files = self.readings.keys().filter(|subject| !self.is_url(subject));
                for subject in files.cloned().collect::<Vec<_>>() {
                    self.wake(subject, self.config.settle, Wake::Watched);
                }
            }
            Happening::Settled(path) => self.touched(&path, false),
            Happening::Changing(path) => self.touched(&path, true),
            Happening::Gone(path) => {
                for subject in self.watches.forget(&path) {
                    self.wake(subject, self.config.settle, Wake::Watched);
                }
                self.touched(&path, false);
            }
        }
    }

    /// Wakes those to whom `path` matters.
    fn touched(&mut self, path: &Path, writing: bool) {
        for subject in self.watches.interested(path) {
            match &subject {
                Subject::Pattern(location) => {
                    if self.may_change(location, path) {
                        self.wake(subject, self.config.settle, Wake::Watched);
                    }
                }
                Subject::Document(_) if writing => {
                    // Each sign of writing puts reading off.
                    self.schedule(&subject).cancel(&subject);
                    self.wake(subject, OPEN_FILE, Wake::Watched);
                }
                Subject::Document(_) => self.wake(subject, self.config.settle, Wake::Watched),
            }
        }
    }

    /// Whether what happened to `path` may change what a pattern matches.
    fn may_change(&self, location: &str, path: &Path) -> bool {
        let Some(pattern) = self.listings.pattern(location) else { return false };
        let matched = self.listings.is_matched(location, path);
        let leads_on = || path.is_dir() || pattern.bases().any(|base| base.starts_with(path));
        let comes_or_goes = if path.exists() { !matched && pattern.matches(path) } else { matched };
        comes_or_goes || leads_on()
    }
}
