//! Which files are checked.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold what others wrote.
const PASSED_OVER: [&str; 3] = ["node_modules", "target", "vendor"];

/// The files as they were given; for a folder, every `catalog-info.yaml` below it, sorted.
pub(super) fn listed(cwd: &Path, given: &[PathBuf]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in given {
        if cwd.join(path).is_dir() {
            descriptors_below(cwd, path, &mut files);
        } else {
            files.push(path.clone());
        }
    }
    files
}

fn descriptors_below(cwd: &Path, folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(cwd.join(folder)).into_iter().flatten().flatten();
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = folder.join(&name);
        // A link may lead back to where it stands.
        let is_folder = entry.file_type().is_ok_and(|file_type| file_type.is_dir());
        if is_folder && !name.starts_with('.') && !PASSED_OVER.contains(&name.as_str()) {
            descriptors_below(cwd, &path, files);
        } else if !is_folder && matches!(name.as_str(), "catalog-info.yaml" | "catalog-info.yml") {
            files.push(path);
        }
    }
}
