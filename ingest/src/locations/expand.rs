//! Expanding a pattern, with doubt about what seems to be gone.

use std::{collections::BTreeSet, path::PathBuf};

use backstitch_schemas::Problem;

use super::{
    disk::{Absence, Directories},
    pattern::Pattern,
    watch::nearest_existing,
};

/// What a pattern matches now.
#[derive(Debug)]
pub(super) struct Expansion {
    /// The files, or why they are unknown.
    pub(super) files: Result<BTreeSet<PathBuf>, Problem>,
    /// Whether something that was there is not.
    pub(super) shrank: bool,
    /// The directories to watch for changes.
    pub(super) directories: BTreeSet<PathBuf>,
}

/// Lists the directories of a pattern. What is in `held` and was not found has to be confirmed gone
/// one by one: a volume that is not mounted looks like a directory that was emptied.
pub(super) fn expand(pattern: &Pattern, held: &BTreeSet<PathBuf>, directories: &Directories) -> Expansion {
    let mut watched: BTreeSet<PathBuf> = pattern.bases().map(nearest_existing).collect();
    let walk = match pattern.walk() {
        Ok(walk) => walk,
        Err(error) => {
            watched.extend(error.directory.parent().map(nearest_existing));
            let text = pattern.text();
            let problem = Problem::new("Error", format!("file {text} could not be read, {error}"))
                .with_advice(format!("{error}; what was found before stays"));
            return Expansion { files: Err(problem), shrank: false, directories: watched };
        }
    };
    watched.extend(walk.directories);
    let gone: Vec<_> = held.difference(&walk.files).collect();
    for path in &gone {
        if let Absence::Unknown(why) = directories.absence(path, true) {
            let problem = Problem::new("Error", format!("file {} could not be read, {why}", path.display()))
                .with_advice(why);
            return Expansion { files: Err(problem), shrank: false, directories: watched };
        }
    }
    Expansion { shrank: !gone.is_empty(), files: Ok(walk.files), directories: watched }
}
