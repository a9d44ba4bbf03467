//! GitHub: <https://docs.github.com/rest/repos/contents>, `/rest/commits/commits`, `/rest/git/trees`.

use backstitch_schemas::scm::{Reference, RepositoryFile};
use serde::Deserialize;
use url::Url;

use super::api::{
    Answer, Api, Entry, Page, Request, Unintelligible, below, in_repository, named_commit, with,
};

/// The API of GitHub or GitHub Enterprise.
pub(super) struct GitHub {
    pub(super) api: Url,
    /// Where anybody may read files without using up the few requests of the anonymous.
    pub(super) raw: Option<Url>,
}

#[derive(Deserialize)]
struct Tree {
    tree: Vec<TreeEntry>,
    #[serde(default)]
    truncated: bool,
}

/// What stands in a tree.
#[derive(Deserialize)]
pub(super) struct TreeEntry {
    path: String,
    #[serde(rename = "type")]
    kind: String,
    sha: String,
}

impl TreeEntry {
    /// What a listing names by it; nothing for a submodule, which is another repository.
    pub(super) fn named(self) -> Option<Entry> {
        match self.kind.as_str() {
            "blob" => Some(Entry::File { path: self.path, blob: Some(self.sha) }),
            "tree" => Some(Entry::Directory { path: self.path, tree: Some(self.sha) }),
            _ => None,
        }
    }
}

impl Api for GitHub {
    fn content(&self, file: &RepositoryFile, anonymous: bool) -> Request {
        let reference = file.reference.name().unwrap_or("HEAD");
        if let (true, Some(raw)) = (anonymous, &self.raw) {
            let segments = file.repository.split('/').chain(reference.split('/')).chain(file.path.split('/'));
            return Request::content(below(raw, segments), "*/*");
        }
        let url = in_repository(
            &self.api,
            "repos",
            &file.repository,
            ["contents"].into_iter().chain(file.path.split('/')),
        );
        Request::content(with(url, &[("ref", reference)]), "application/vnd.github.raw+json")
    }

    fn revision(&self, repository: &str, reference: &Reference) -> Request {
        let url =
            in_repository(&self.api, "repos", repository, ["commits", reference.name().unwrap_or("HEAD")]);
        Request { accept: "application/vnd.github.sha", ..Request::get(url) }
    }

    fn commit(&self, answer: &Answer) -> Result<String, Unintelligible> {
        let text = String::from_utf8_lossy(&answer.body).trim().to_owned();
        let is_sha = text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        named_commit(is_sha.then_some(text))
    }

    fn list(&self, repository: &str, tree: &str, deep: bool) -> Request {
        let url = in_repository(&self.api, "repos", repository, ["git", "trees", tree]);
        let url = if deep { with(url, &[("recursive", "1")]) } else { url };
        Request { accept: "application/vnd.github+json", ..Request::get(url) }
    }

    fn page(&self, _: &Url, answer: &Answer) -> Result<Page, Unintelligible> {
        let tree: Tree = answer.json()?;
        let entries = tree.tree.into_iter().filter_map(TreeEntry::named);
        Ok(Page { entries: entries.collect(), next: None, truncated: tree.truncated })
    }
}
