//! Watching directories for changes.
//!
//! Directories are watched, not files: editors replace files by renaming, and one directory costs
//! one watch however many files in it are of interest.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode},
};
use tokio::sync::mpsc;

use super::schedule::Subject;

/// Watches the directories that somebody is interested in.
pub(super) struct Watches {
    watcher: Option<RecommendedWatcher>,
    sender: mpsc::UnboundedSender<notify::Result<Event>>,
    receiver: mpsc::UnboundedReceiver<notify::Result<Event>>,
    interests: HashMap<PathBuf, HashSet<Subject>>,
    directories: HashMap<Subject, BTreeSet<PathBuf>>,
    /// Directories that could not be watched.
    blind: HashSet<PathBuf>,
}

/// What happened on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    /// It is complete: closed after writing, moved here, a new directory.
    Settled(PathBuf),
    /// It is being written.
    Changing(PathBuf),
    /// It is gone, or moved away.
    Gone(PathBuf),
    /// Events were lost: anything may have happened.
    Lost,
}

impl Watches {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self {
            watcher: None,
            sender,
            receiver,
            interests: HashMap::new(),
            directories: HashMap::new(),
            blind: HashSet::new(),
        }
    }

    /// Watches `directories` for `subject`, in place of what was watched for it. Whether a
    /// directory is watched that was not: what happened in it before may have been missed.
    pub(super) fn assign(&mut self, subject: &Subject, directories: BTreeSet<PathBuf>) -> bool {
        let before = self.directories.get(subject).cloned().unwrap_or_default();
        for directory in before.difference(&directories) {
            self.unassign(subject, directory);
        }
        let mut new = false;
        for directory in &directories {
            let interested = self.interests.entry(directory.clone()).or_default();
            if interested.is_empty() {
                new |= self.watch(directory);
            }
            self.interests.entry(directory.clone()).or_default().insert(subject.clone());
        }
        self.directories.insert(subject.clone(), directories);
        new
    }

    /// Watches nothing for `subject` any more.
    pub(super) fn release(&mut self, subject: &Subject) {
        for directory in self.directories.remove(subject).unwrap_or_default() {
            self.unassign(subject, &directory);
        }
    }

    /// Whether changes of `subject` would go unnoticed.
    pub(super) fn is_blind(&self, subject: &Subject) -> bool {
        let directories = self.directories.get(subject);
        directories.is_none_or(|directories| directories.iter().any(|d| self.blind.contains(d)))
    }

    /// Who is interested in what happens to `path`: those who watch its directory, and those who
    /// watch the path itself as a directory.
    pub(super) fn interested(&self, path: &Path) -> HashSet<Subject> {
        let places = [Some(path), path.parent()].into_iter().flatten();
        places.filter_map(|place| self.interests.get(place)).flatten().cloned().collect()
    }

    /// Forgets a directory that is gone, and those below. Who was interested, to look again.
    pub(super) fn forget(&mut self, gone: &Path) -> HashSet<Subject> {
        if !self.interests.contains_key(gone) {
            return HashSet::new();
        }
        let below: Vec<_> = self.interests.keys().filter(|path| path.starts_with(gone)).cloned().collect();
        let mut interested = HashSet::new();
        for directory in below {
            self.unwatch(&directory);
            for subject in self.interests.remove(&directory).unwrap_or_default() {
                if let Some(directories) = self.directories.get_mut(&subject) {
                    directories.remove(&directory);
                }
                interested.insert(subject);
            }
        }
        interested
    }

    /// Whether something happened that was not looked at yet.
    pub(super) fn has_news(&self) -> bool {
        !self.receiver.is_empty()
    }

    /// Waits for what happens next.
    pub(super) async fn next(&mut self) -> Vec<Happening> {
        // The sender in `self` keeps the channel open.
        let Some(first) = self.receiver.recv().await else { return Vec::new() };
        let mut happenings = happenings(first);
        while let Ok(more) = self.receiver.try_recv() {
            happenings.extend(self::happenings(more));
        }
        happenings
    }

    fn unassign(&mut self, subject: &Subject, directory: &Path) {
        if let Some(interested) = self.interests.get_mut(directory) {
            interested.remove(subject);
            if interested.is_empty() {
                self.interests.remove(directory);
                self.unwatch(directory);
            }
        }
    }

    fn watch(&mut self, directory: &Path) -> bool {
        let watched =
            self.watcher().and_then(|watcher| watcher.watch(directory, RecursiveMode::NonRecursive));
        if let Err(cause) = watched {
            // One warning is enough where a limit of the system is reached.
            if self.blind.is_empty() {
                tracing::warn!(directory = %directory.display(), %cause,
                    "a directory cannot be watched; it is looked at regularly instead");
            }
            self.blind.insert(directory.to_owned());
            return false;
        }
        true
    }

    fn unwatch(&mut self, directory: &Path) {
        if !self.blind.remove(directory)
            && let Some(watcher) = &mut self.watcher
        {
            // It fails where the directory is gone, and the watch with it.
            let _ = watcher.unwatch(directory);
        }
    }

    fn watcher(&mut self) -> notify::Result<&mut RecommendedWatcher> {
        if self.watcher.is_none() {
            let sender = self.sender.clone();
            // Nobody listens any more when the follower is dropped.
            let watcher = notify::recommended_watcher(move |event| drop(sender.send(event)))?;
            return Ok(self.watcher.insert(watcher));
        }
        self.watcher.as_mut().ok_or_else(|| notify::Error::generic("no watcher"))
    }
}

/// The directory to watch for something that stands, or may appear, in `directory`: itself or the
/// nearest one above that exists.
pub(super) fn nearest_existing(directory: &Path) -> PathBuf {
    directory.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

fn happenings(event: notify::Result<Event>) -> Vec<Happening> {
    let Ok(event) = event else { return vec![Happening::Lost] };
    if event.need_rescan() {
        return vec![Happening::Lost];
    }
    let happening: fn(PathBuf) -> Happening = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Create(CreateKind::Folder)
        // Also permissions: what could not be read may be readable now.
        | EventKind::Modify(ModifyKind::Metadata(_))
        | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Happening::Settled,
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) | EventKind::Remove(_) => Happening::Gone,
        // Follows `From` and `To`.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) | EventKind::Access(_) => return Vec::new(),
        EventKind::Create(_) | EventKind::Modify(_) | EventKind::Any | EventKind::Other => Happening::Changing,
    };
    event.paths.into_iter().map(happening).collect()
}
