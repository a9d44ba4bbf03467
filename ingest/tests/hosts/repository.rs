//! A repository that a fake host serves.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use backstitch_schemas::Digest;

/// Counts the changes of all repositories.
static CHANGES: AtomicU64 = AtomicU64::new(0);

/// A repository with one branch.
#[derive(Clone, Default)]
pub(crate) struct Repository {
    pub(crate) branch: String,
    files: BTreeMap<String, String>,
    commit: String,
}

impl Repository {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let mut repository = Self { branch: "main".to_owned(), files, commit: String::new() };
        repository.change(|_| ());
        repository
    }

    /// Makes a commit.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut BTreeMap<String, String>)) {
        change(&mut self.files);
        self.commit = sha(&format!("commit {}", CHANGES.fetch_add(1, Ordering::Relaxed)));
    }

    /// What stands in a file.
    pub(crate) fn text(&self, path: &str) -> Option<&String> {
        self.files.get(path)
    }

    /// All files.
    pub(crate) fn paths(&self) -> Vec<&String> {
        self.files.keys().collect()
    }

    /// The commit that the branch points at: another one with each change.
    pub(crate) fn commit(&self) -> String {
        self.commit.clone()
    }

    /// Whether this names the branch or its commit.
    pub(crate) fn knows(&self, reference: &str) -> bool {
        reference == self.branch || reference == self.commit || reference == "HEAD"
    }

    /// Directories with their ids, one for each state of what is below.
    pub(crate) fn directories(&self) -> BTreeMap<String, String> {
        let mut directories = BTreeMap::new();
        for path in self.files.keys() {
            for (end, _) in path.match_indices('/') {
                let directory = &path[..end];
                directories.insert(directory.to_owned(), sha(&format!("tree {directory} {}", self.commit)));
            }
        }
        directories
    }

    /// What is in a directory (`""` is the root): paths below it, whether each is a file, and its id.
    pub(crate) fn list(&self, directory: &str, deep: bool) -> Vec<(String, bool, String)> {
        let below = |path: &str| -> Option<String> {
            let rest = match directory {
                "" => path,
                _ => path.strip_prefix(directory)?.strip_prefix('/')?,
            };
            (deep || !rest.contains('/')).then(|| rest.to_owned())
        };
        let directories = self.directories();
        let trees = directories.iter().filter_map(|(path, id)| Some((below(path)?, false, id.clone())));
        let files = self.files.iter().filter_map(|(path, text)| Some((below(path)?, true, sha(text))));
        trees.chain(files).collect()
    }
}

/// An id of 40 hexadecimal digits.
pub(crate) fn sha(text: &str) -> String {
    let digits = Digest::of(text.as_bytes()).to_string();
    digits.chars().filter(char::is_ascii_hexdigit).chain("0".repeat(40).chars()).take(40).collect()
}
