//! Which files are checked.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Folders that hold what others wrote.
const PASSED_OVER: [&str; 3] = ["node_modules", "target", "vendor"];

/// What descriptor files are called.
const DESCRIPTORS: [&str; 2] = ["catalog-info.yaml", "catalog-info.yml"];

/// What a path stands for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// The files to check, sorted.
    pub(super) files: Vec<PathBuf>,
    /// The folders that nothing came of. What they hold is not known, or there is nothing in it.
    pub(super) barren: Vec<Barren>,
}

/// A folder without anything to check.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Barren {
    pub(super) folder: PathBuf,
    /// Why there is nothing.
    pub(super) reason: String,
}

/// The files that `path` stands for: itself or, if it is a folder, every descriptor below it. A folder in it
/// that cannot be listed takes nothing from the others.
pub(super) fn named_by(cwd: &Path, path: &Path) -> Named {
    if !cwd.join(path).is_dir() {
        return Named { files: vec![path.to_owned()], ..Named::default() };
    }
    let mut named = Named::default();
    descriptors_below(cwd, path, &mut named);
    if named == Named::default() {
        let reason = format!("there is no {} below it; name the files to check", DESCRIPTORS.join(" or "));
        named.barren.push(Barren { folder: path.to_owned(), reason });
    }
    named
}

fn descriptors_below(cwd: &Path, folder: &Path, named: &mut Named) {
    let entries = match listed(&cwd.join(folder)) {
        Ok(entries) => entries,
        Err(error) => {
            let reason = format!("it cannot be listed: {error}");
            return named.barren.push(Barren { folder: folder.to_owned(), reason });
        }
    };
    for entry in entries {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = folder.join(&name);
        // A link may lead back to where it stands.
        let is_folder = entry.file_type().is_ok_and(|file_type| file_type.is_dir());
        if is_folder && !name.starts_with('.') && !PASSED_OVER.contains(&name.as_str()) {
            descriptors_below(cwd, &path, named);
        } else if !is_folder && DESCRIPTORS.contains(&name.as_str()) {
            named.files.push(path);
        }
    }
}

/// What a folder holds, sorted by name.
fn listed(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    Ok(entries)
}
