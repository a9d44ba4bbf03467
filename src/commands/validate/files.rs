//! Which files are checked.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Folders that hold what others wrote.
const PASSED_OVER: [&str; 3] = ["node_modules", "target", "vendor"];

/// What descriptor files are called.
const DESCRIPTORS: [&str; 2] = ["catalog-info.yaml", "catalog-info.yml"];

/// A folder without anything to check.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Barren {
    pub(super) folder: PathBuf,
    /// Why there is nothing.
    pub(super) reason: String,
}

/// The files that `path` stands for: itself or, if it is a folder, every descriptor below it, sorted.
///
/// # Errors
/// If there is none.
pub(super) fn named_by(cwd: &Path, path: &Path) -> Result<Vec<PathBuf>, Barren> {
    if !cwd.join(path).is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    let reason = match descriptors_below(cwd, path, &mut files) {
        Ok(()) if !files.is_empty() => return Ok(files),
        Ok(()) => format!("there is no {} below it; name the files to check", DESCRIPTORS.join(" or ")),
        Err(error) => format!("it cannot be listed: {error}"),
    };
    Err(Barren { folder: path.to_owned(), reason })
}

fn descriptors_below(cwd: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(cwd.join(folder))?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = folder.join(&name);
        // A link may lead back to where it stands.
        let is_folder = entry.file_type().is_ok_and(|file_type| file_type.is_dir());
        if is_folder && !name.starts_with('.') && !PASSED_OVER.contains(&name.as_str()) {
            descriptors_below(cwd, &path, files)?;
        } else if !is_folder && DESCRIPTORS.contains(&name.as_str()) {
            files.push(path);
        }
    }
    Ok(())
}
