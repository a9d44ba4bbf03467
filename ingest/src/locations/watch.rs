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
    /// By directory, who watches it.
    watchers: HashMap<PathBuf, HashSet<Subject>>,
    /// By directory, to whom anything in it may matter.
    attentive: HashMap<PathBuf, HashSet<Subject>>,
    /// By file, to whom it matters.
    files: HashMap<PathBuf, HashSet<Subject>>,
    attention: HashMap<Subject, Attention>,
    /// Directories that could not be watched.
    blind: HashSet<PathBuf>,
}

/// What somebody watches.
#[derive(Debug, Default)]
pub(super) struct Attention {
    /// The directories that are watched.
    pub(super) directories: BTreeSet<PathBuf>,
    /// The files in them that matter.
    pub(super) files: BTreeSet<PathBuf>,
    /// Whether whatever happens in the directories may matter.
    pub(super) anything: bool,
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
            watchers: HashMap::new(),
            attentive: HashMap::new(),
            files: HashMap::new(),
            attention: HashMap::new(),
            blind: HashSet::new(),
        }
    }

    /// Watches this for `subject`, in place of what was watched for it. Whether a directory is watched
    /// that was not: what happened in it before may have been missed.
    pub(super) fn assign(&mut self, subject: &Subject, attention: Attention) -> bool {
        let before = self.attention.remove(subject).unwrap_or_default();
        remove_all(&mut self.files, &before.files, subject);
        remove_all(&mut self.attentive, &before.directories, subject);
        for directory in before.directories.difference(&attention.directories) {
            self.unassign(subject, directory);
        }
        let mut new = false;
        for directory in &attention.directories {
            if !self.watchers.contains_key(directory) {
                new |= self.watch(directory);
            }
            self.watchers.entry(directory.clone()).or_default().insert(subject.clone());
        }
        if attention.anything {
            add_all(&mut self.attentive, &attention.directories, subject);
        }
        add_all(&mut self.files, &attention.files, subject);
        self.attention.insert(subject.clone(), attention);
        new
    }

    /// Watches nothing for `subject` any more.
    pub(super) fn release(&mut self, subject: &Subject) {
        self.assign(subject, Attention::default());
        self.attention.remove(subject);
    }

    /// Whether changes of `subject` would go unnoticed.
    pub(super) fn is_blind(&self, subject: &Subject) -> bool {
        let directories = self.attention.get(subject).map(|attention| &attention.directories);
        directories.is_none_or(|directories| directories.iter().any(|d| self.blind.contains(d)))
    }

    /// To whom it may matter what happened to `path`.
    pub(super) fn interested(&self, path: &Path) -> HashSet<Subject> {
        let around = [Some(path), path.parent()].into_iter().flatten();
        let attentive = around.filter_map(|place| self.attentive.get(place));
        attentive.chain(self.files.get(path)).flatten().cloned().collect()
    }

    /// Forgets a directory that is gone, and those below. Who watched them, to look again.
    pub(super) fn forget(&mut self, gone: &Path) -> HashSet<Subject> {
        if !self.watchers.contains_key(gone) {
            return HashSet::new();
        }
        let below: Vec<_> = self.watchers.keys().filter(|path| path.starts_with(gone)).cloned().collect();
        let mut watchers = HashSet::new();
        for directory in below {
            self.unwatch(&directory);
            self.attentive.remove(&directory);
            for subject in self.watchers.remove(&directory).unwrap_or_default() {
                if let Some(attention) = self.attention.get_mut(&subject) {
                    attention.directories.remove(&directory);
                }
                watchers.insert(subject);
            }
        }
        watchers
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
        if let Some(watchers) = self.watchers.get_mut(directory) {
            watchers.remove(subject);
            if watchers.is_empty() {
                self.watchers.remove(directory);
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

fn add_all(map: &mut HashMap<PathBuf, HashSet<Subject>>, paths: &BTreeSet<PathBuf>, subject: &Subject) {
    for path in paths {
        map.entry(path.clone()).or_default().insert(subject.clone());
    }
}

fn remove_all(map: &mut HashMap<PathBuf, HashSet<Subject>>, paths: &BTreeSet<PathBuf>, subject: &Subject) {
    for path in paths {
        if let Some(subjects) = map.get_mut(path) {
            subjects.remove(subject);
            if subjects.is_empty() {
                map.remove(path);
            }
        }
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
