//! Which places the placeholders of a document lead to, and which of them are none of its business.
//! Apart from links on disk, which are followed, this is about names only.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use backstitch_schemas::{
    placeholder::{self, FOREIGN},
    scm::{Hosts, host_of},
};
use url::Url;

use super::{fetch::Place, target};

/// What a document may refer to.
pub(super) struct Reach<'a> {
    /// Where it stands.
    pub(super) document: &'a Place,
    /// The directories below which it was listed, if it is a file.
    pub(super) roots: &'a BTreeSet<PathBuf>,
    /// The git hosts whose URLs are understood.
    pub(super) hosts: &'a Hosts,
}

impl Reach<'_> {
    /// The place that `value` names, seen from `base`: the document or something it refers to.
    ///
    /// # Errors
    /// Why there is none, in the words of [`placeholder`].
    pub(super) fn place(&self, value: &str, base: &Place) -> Result<Place, String> {
        match (Url::parse(value), base) {
            (Ok(url), _) if matches!(url.scheme(), "http" | "https") => self.url(url),
            (Err(_), Place::File(base)) => self.file(value, base).map(Place::File),
            (Err(_), Place::Url(base)) => {
                let url = self.hosts.resolve(value, base.as_str());
                let no_url =
                    |cause| placeholder::no_url(base.as_str(), value, &format!("Invalid URL: {cause}"));
                self.url(url.map_err(no_url)?)
            }
            (Ok(url), _) => Err(placeholder::unread(value, &format!("{url} is no web address"))),
        }
    }

    /// What stands behind a URL. Files on git hosts are read with credentials that whoever wrote the
    /// document may not have, so they have to be of its own repository.
    fn url(&self, url: Url) -> Result<Place, String> {
        let repository_of = |url: &Url| {
            let file = self.hosts.scm_of(url)?.file(url).ok()?;
            Some((host_of(url), file.repository.to_lowercase()))
        };
        let own = match self.document {
            Place::Url(document) => repository_of(document),
            Place::File(_) => None,
        };
        match (own, repository_of(&url)) {
            (Some(own), Some(other)) if own != other => Err(FOREIGN.to_owned()),
            _ => Ok(Place::Url(url)),
        }
    }

    /// A file relative to `base` or, with a leading slash, to the root of the repository.
    fn file(&self, value: &str, base: &Path) -> Result<PathBuf, String> {
        let allowed = self.directories();
        let path = match (value.strip_prefix('/'), allowed.first()) {
            (Some(rest), Some(root)) => target::beside(&root.join("x").to_string_lossy(), rest),
            (Some(_), None) => return Err(FOREIGN.to_owned()),
            (None, _) => target::beside(&base.to_string_lossy(), value),
        };
        // Links are followed first, or they would lead out.
        let real_path = real(&path);
        match allowed.iter().any(|directory| real_path.starts_with(real(directory))) {
            true => Ok(path),
            false => Err(FOREIGN.to_owned()),
        }
    }

    /// The directories that files may be read from, the root first: the repository around the document;
    /// without one, those below which it was listed, and its own.
    fn directories(&self) -> Vec<&Path> {
        let Place::File(document) = self.document else { return Vec::new() };
        let mut above = document.ancestors().skip(1);
        if let Some(repository) = above.find(|directory| directory.join(".git").exists()) {
            return vec![repository];
        }
        let roots = self.roots.iter().map(PathBuf::as_path).chain(document.parent());
        let mut directories: Vec<&Path> = roots.filter(|root| document.starts_with(root)).collect();
        directories.sort_by_key(|directory| directory.components().count());
        directories
    }
}

fn real(path: &Path) -> PathBuf {
    // Of what does not exist, that which does is followed.
    let existing = path.ancestors().find_map(|above| Some((above, fs::canonicalize(above).ok()?)));
    match existing {
        Some((above, real)) => real.join(path.strip_prefix(above).unwrap_or(Path::new(""))),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(document: &Path, root: &Path, value: &str) -> Result<PathBuf, String> {
        let (document, roots) = (Place::File(document.to_owned()), BTreeSet::from([root.to_owned()]));
        let hosts = Hosts::default();
        match (Reach { document: &document, roots: &roots, hosts: &hosts }).place(value, &document)? {
            Place::File(path) => Ok(path),
            Place::Url(url) => Err(url.into()),
        }
    }

    #[test]
    fn files_are_read_within_the_repository_around_them() {
        let dir = tempfile::tempdir().unwrap();
        let repository = dir.path().join("r");
        fs::create_dir_all(repository.join(".git")).unwrap();
        fs::create_dir_all(repository.join("a/b")).unwrap();
        let document = repository.join("a/b/catalog-info.yaml");
        let from = |value: &str| place(&document, document.parent().unwrap(), value);
        assert_eq!(from("./x.yaml"), Ok(repository.join("a/b/x.yaml")));
        assert_eq!(from("x.yaml"), Ok(repository.join("a/b/x.yaml")));
        assert_eq!(from("../../x.yaml"), Ok(repository.join("x.yaml")));
        assert_eq!(from("/x.yaml"), Ok(repository.join("x.yaml")));
        assert_eq!(from("../../../x.yaml"), Err(FOREIGN.to_owned()));
        assert_eq!(from("/../x.yaml"), Err(FOREIGN.to_owned()));
        assert_eq!(
            from("https://h/x"),
            Err("https://h/x".to_owned()),
            "that is for the list of hosts to judge"
        );
        assert_eq!(
            from("file:///etc/passwd"),
            Err(placeholder::unread("file:///etc/passwd", "file:///etc/passwd is no web address"))
        );
    }

    #[test]
    fn without_a_repository_they_are_read_below_what_was_registered() {
        let dir = tempfile::tempdir().unwrap();
        let document = dir.path().join("a/b/catalog-info.yaml");
        let from = |value: &str| place(&document, &dir.path().join("a"), value);
        assert_eq!(from("../x.yaml"), Ok(dir.path().join("a/x.yaml")));
        assert_eq!(from("/x.yaml"), Ok(dir.path().join("a/x.yaml")));
        assert_eq!(from("../../x.yaml"), Err(FOREIGN.to_owned()));
    }

    #[test]
    fn files_on_git_hosts_are_read_within_the_repository_of_the_document() {
        let document =
            Place::Url(Url::parse("https://github.com/o/r/blob/main/a/catalog-info.yaml").unwrap());
        let (roots, hosts) = (BTreeSet::new(), Hosts::default());
        let reach = Reach { document: &document, roots: &roots, hosts: &hosts };
        let from = |value: &str| match reach.place(value, &document)? {
            Place::Url(url) => Ok(url.to_string()),
            Place::File(path) => Err(path.display().to_string()),
        };
        let there = |path: &str| Ok(format!("https://github.com/o/r/tree/main/{path}"));
        assert_eq!(from("./x.yaml"), there("a/x.yaml"));
        assert_eq!(from("/x.yaml"), there("x.yaml"));
        let other_branch = "https://github.com/O/r/blob/v1/x.yaml";
        assert_eq!(from(other_branch), Ok(other_branch.to_owned()));
        assert_eq!(from("https://github.com/o/secret/blob/main/x.yaml"), Err(FOREIGN.to_owned()));
        assert_eq!(from("https://gitlab.com/o/r/-/blob/main/x.yaml"), Err(FOREIGN.to_owned()));
        assert_eq!(from("https://example.com/x.yaml"), Ok("https://example.com/x.yaml".to_owned()));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_leads_out_no_further_than_a_path() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("a");
        fs::create_dir_all(&root).unwrap();
        fs::write(dir.path().join("secret"), "").unwrap();
        std::os::unix::fs::symlink(dir.path(), root.join("out")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("secret"), root.join("link")).unwrap();
        let from = |value: &str| place(&root.join("catalog-info.yaml"), &root, value);
        assert_eq!(from("link"), Err(FOREIGN.to_owned()));
        assert_eq!(from("out/secret"), Err(FOREIGN.to_owned()));
        assert_eq!(from("out/not-there-yet"), Err(FOREIGN.to_owned()));
    }
}
