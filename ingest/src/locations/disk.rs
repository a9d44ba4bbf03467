//! Reading files, and telling a file that is gone from one that cannot be seen.

use std::{
    collections::HashMap,
    fs::{self, File, Metadata},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Mutex,
};

/// What became of reading a file.
#[derive(Debug)]
pub(super) enum FileRead {
    /// Its content.
    Content(Vec<u8>),
    /// There is no such path, as far as the path itself tells.
    Missing,
    /// It changed while it was read.
    Unsettled,
    /// It has more bytes than allowed.
    TooLarge,
    /// It is a directory.
    Directory,
    /// It cannot be read.
    Failed(io::Error),
}

/// Reads a file of at most `max_bytes`.
pub(super) fn read(path: &Path, max_bytes: u64) -> FileRead {
    match try_read(path, max_bytes) {
        Ok(outcome) => outcome,
        Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            FileRead::Missing
        }
        Err(cause) => FileRead::Failed(cause),
    }
}

fn try_read(path: &Path, max_bytes: u64) -> io::Result<FileRead> {
    // A pipe or a device could keep the reader for ever.
    let before = fs::metadata(path)?;
    if before.is_dir() {
        return Ok(FileRead::Directory);
    }
    if !before.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if before.len() > max_bytes {
        return Ok(FileRead::TooLarge);
    }
    let file = File::open(path)?;
    let mut bytes = Vec::with_capacity(usize::try_from(before.len()).unwrap_or(0) + 1);
    (&file).take(max_bytes + 1).read_to_end(&mut bytes)?;
    let after = file.metadata()?;
    let read = bytes.len() as u64;
    if read > max_bytes {
        return Ok(FileRead::TooLarge);
    }
    if after.len() != read || after.modified().ok() != before.modified().ok() {
        return Ok(FileRead::Unsettled);
    }
    Ok(FileRead::Content(bytes))
}

/// The directories in which something was read, to recognise them later.
///
/// The listing of a directory tells that something in it is gone. But where a volume is not mounted,
/// an empty directory stands in its place, and an empty listing must never delete: so an empty
/// directory counts only if it is the very one in which something was read before.
#[derive(Debug, Default)]
pub(super) struct Directories {
    seen: Mutex<HashMap<PathBuf, (u64, u64)>>,
}

/// Whether something that cannot be opened is gone.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// The directory was listed and does not have it.
    Confirmed,
    /// It is there now.
    Refuted,
    /// Nobody knows, for this reason.
    Unknown(String),
}

impl Directories {
    /// Notes that something was read in `directory`.
    pub(super) fn remember(&self, directory: &Path) {
        if let Some(id) = fs::metadata(directory).ok().and_then(|metadata| identity(&metadata)) {
            self.seen().insert(directory.to_owned(), id);
        }
    }

    /// Whether `path` does not exist. `held` says whether anything would go with it; if not, there
    /// is no need to be careful.
    pub(super) fn absence(&self, path: &Path, held: bool) -> Absence {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Absence::Unknown("it is the root of the file system".to_owned());
        };
        let entries = match fs::read_dir(parent).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return self.absence(parent, held),
            Err(cause) if cause.kind() == io::ErrorKind::NotADirectory => return Absence::Confirmed,
            Err(cause) => {
                return Absence::Unknown(format!("{} cannot be listed: {cause}", parent.display()));
            }
        };
        if entries.iter().any(|entry| entry.file_name() == name) {
            // A link that leads nowhere is as good as nothing.
            let dangling = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
            return if dangling { Absence::Confirmed } else { Absence::Refuted };
        }
        if entries.is_empty() && held && !self.is_remembered(parent) {
            return Absence::Unknown(empty(parent));
        }
        Absence::Confirmed
    }

    /// Whether an empty listing of `directory` may be believed.
    fn is_remembered(&self, directory: &Path) -> bool {
        let id = fs::metadata(directory).ok().and_then(|metadata| identity(&metadata));
        id.is_some() && self.seen().get(directory).copied() == id
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, (u64, u64)>> {
        self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Why an empty directory tells nothing.
fn empty(directory: &Path) -> String {
    format!(
        "the directory {} is empty, as if its volume were not mounted; what was read from it stays",
        directory.display()
    )
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_metadata: &Metadata) -> Option<(u64, u64)> {
    Some((0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_of_the_parent_confirms_that_a_file_is_gone() {
        let root = tempfile::tempdir().unwrap();
        let directories = Directories::default();
        let file = root.path().join("a.yaml");
        fs::write(root.path().join("b.yaml"), "").unwrap();
        assert_eq!(directories.absence(&file, true), Absence::Confirmed);
        assert_eq!(directories.absence(&root.path().join("x/y/a.yaml"), true), Absence::Confirmed);
        fs::write(&file, "").unwrap();
        assert_eq!(directories.absence(&file, true), Absence::Refuted);
    }

    #[test]
    fn an_empty_directory_confirms_nothing_unless_it_is_the_one_that_was_read() {
        let root = tempfile::tempdir().unwrap();
        let directories = Directories::default();
        let file = root.path().join("a.yaml");
        assert!(matches!(directories.absence(&file, true), Absence::Unknown(_)));
        assert_eq!(directories.absence(&file, false), Absence::Confirmed);
        directories.remember(root.path());
        assert_eq!(directories.absence(&file, true), Absence::Confirmed);
    }

    #[test]
    fn large_files_and_directories_are_not_read() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("a.yaml");
        fs::write(&file, "12345").unwrap();
        assert!(matches!(read(&file, 5), FileRead::Content(bytes) if bytes == b"12345"));
        assert!(matches!(read(&file, 4), FileRead::TooLarge));
        assert!(matches!(read(root.path(), 4), FileRead::Directory));
        assert!(matches!(read(&root.path().join("b"), 4), FileRead::Missing));
    }
}
