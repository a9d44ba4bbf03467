//! The example catalog: a part of the executable, copied to where it can be edited.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use rust_embed::RustEmbed;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A mistake of the example: the file, what is written, what is meant.
const MISTAKE: (&str, &str, &str) =
    ("systems/onboard-shop/catalog-info.yaml", "lifecyle: experimental", "lifecycle: experimental");

/// An edit of the example that is visible at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The file, below the example's folder.
    pub file: &'static str,
    /// What stands there.
    pub from: &'static str,
    /// What to write instead.
    pub to: &'static str,
    /// What comes of it.
    pub effect: &'static str,
}

/// The edit to suggest for the copy in `folder`: to mend a mistake or, where that was done, to make
/// it again.
pub fn suggested_edit(folder: &Path) -> Edit {
    let (file, wrong, right) = MISTAKE;
    let mended = fs::read_to_string(folder.join(file)).is_ok_and(|text| !text.contains(wrong));
    match mended {
        false => Edit { file, from: wrong, to: right, effect: "mends a mistake, visible at once" },
        true => Edit { file, from: right, to: wrong, effect: "makes a mistake, visible at once" },
    }
}

#[derive(RustEmbed)]
#[folder = "examples/"]
struct Files;

/// What was copied: path and SHA-256 of each file.
#[derive(Default, Serialize, Deserialize)]
struct Manifest(BTreeMap<String, String>);

/// Brings the copy in `folder` up to date and leaves alone what a person changed: a file that was
/// edited stays as it is, one that was deleted stays away. What was copied before is remembered in
/// `manifest`.
///
/// # Errors
/// If the file system refuses.
pub fn extract(folder: &Path, manifest: &Path) -> io::Result<()> {
    let files: BTreeMap<String, Vec<u8>> = Files::iter()
        .filter_map(|name| Files::get(&name).map(|file| (name.into_owned(), file.data.into_owned())))
        .collect();
    copy(&files, folder, manifest)
}

fn copy(files: &BTreeMap<String, Vec<u8>>, folder: &Path, manifest: &Path) -> io::Result<()> {
    let before = read_manifest(manifest)?;
    for (name, content) in files {
        let path = folder.join(name);
        let current = match fs::read(&path) {
            Ok(current) => Some(digest(&current)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        // Whatever is not as we left it is somebody's work.
        if current.as_ref() == before.0.get(name) && current.as_deref() != Some(&digest(content)) {
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            fs::write(&path, content)?;
        }
    }
    for (name, copied) in before.0.iter().filter(|(name, _)| !files.contains_key(*name)) {
        let path = folder.join(name);
        if fs::read(&path).is_ok_and(|current| digest(&current) == *copied) {
            fs::remove_file(&path)?;
        }
    }
    let after = Manifest(files.iter().map(|(name, content)| (name.clone(), digest(content))).collect());
    fs::write(manifest, serde_json::to_vec_pretty(&after).map_err(io::Error::other)?)
}

fn read_manifest(path: &Path) -> io::Result<Manifest> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Manifest::default()),
        Err(error) => Err(error),
    }
}

fn digest(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(files: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_owned())).collect()
    }

    #[test]
    fn a_later_version_replaces_only_what_nobody_touched() {
        let temp = tempfile::tempdir().unwrap();
        let (folder, manifest) = (temp.path().join("example"), temp.path().join("example.json"));
        let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
        copy(&version(&[("a", "1"), ("b/c", "1"), ("d", "1"), ("e", "1")]), &folder, &manifest).unwrap();
        assert_eq!(read("b/c").as_deref(), Some("1"));

        fs::write(folder.join("a"), "mine").unwrap();
        fs::remove_file(folder.join("d")).unwrap();
        copy(&version(&[("a", "2"), ("b/c", "2"), ("d", "2")]), &folder, &manifest).unwrap();
        assert_eq!(read("a").as_deref(), Some("mine"));
        assert_eq!(read("b/c").as_deref(), Some("2"));
        assert_eq!(read("d"), None);
        assert_eq!(read("e"), None);

        copy(&version(&[("a", "3"), ("b/c", "2"), ("d", "3")]), &folder, &manifest).unwrap();
        assert_eq!(read("a").as_deref(), Some("mine"));
        assert_eq!(read("d"), None);
    }

    #[test]
    fn the_suggested_edit_works_and_can_be_undone() {
        let temp = tempfile::tempdir().unwrap();
        extract(temp.path(), &temp.path().join("manifest.json")).unwrap();
        let original = fs::read_to_string(temp.path().join(MISTAKE.0)).unwrap();
        let edit = || {
            let edit = suggested_edit(temp.path());
            let path = temp.path().join(edit.file);
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(text.matches(edit.from).count(), 1, "{edit:?}");
            fs::write(&path, text.replace(edit.from, edit.to)).unwrap();
            fs::read_to_string(path).unwrap()
        };
        assert_ne!(edit(), original);
        assert_eq!(edit(), original);
    }
}
