//! GitHub: <https://docs.github.com/rest/repos/contents>, `/rest/commits/commits`, `/rest/git/trees`.

use backstitch_schemas::scm::{Reference, RepositoryFile};
use serde::Deserialize;
use url::Url;

use super::api::{Answer, Api, Entry, Page, Request, Unintelligible, below, with};

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

#[derive(Deserialize)]
struct TreeEntry {
    path: String,
    #[serde(rename = "type")]
    kind: String,
    sha: String,
}

impl GitHub {
    fn repository<'a>(&self, repository: &'a str, rest: impl IntoIterator<Item = &'a str>) -> Url {
        below(&self.api, ["repos"].into_iter().chain(repository.split('/')).chain(rest))
    }
}

impl Api for GitHub {
    fn content(&self, file: &RepositoryFile, anonymous: bool) -> Request {
        let reference = file.reference.name().unwrap_or("HEAD");
        if let (true, Some(raw)) = (anonymous, &self.raw) {
            let segments = file.repository.split('/').chain(reference.split('/')).chain(file.path.split('/'));
            return Request::content(below(raw, segments), "*/*");
        }
        let url = self.repository(&file.repository, ["contents"].into_iter().chain(file.path.split('/')));
        Request::content(with(url, &[("ref", reference)]), "application/vnd.github.raw+json")
    }

    fn revision(&self, repository: &str, reference: &Reference) -> Request {
        let url = self.repository(repository, ["commits", reference.name().unwrap_or("HEAD")]);
        Request { accept: "application/vnd.github.sha", ..Request::get(url) }
    }

    fn commit(&self, answer: &Answer) -> Result<String, Unintelligible> {
        let text = String::from_utf8_lossy(&answer.body).trim().to_owned();
        let is_sha = text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_sha { Ok(text) } else { Err(Unintelligible("it names no commit".to_owned())) }
    }

    fn list(&self, repository: &str, tree: &str, deep: bool) -> Request {
        let url = self.repository(repository, ["git", "trees", tree]);
        let url = if deep { with(url, &[("recursive", "1")]) } else { url };
        Request { accept: "application/vnd.github+json", ..Request::get(url) }
    }

    fn page(&self, _: &Url, answer: &Answer) -> Result<Page, Unintelligible> {
        let tree: Tree = answer.json()?;
        let entries = tree.tree.into_iter().filter_map(|entry| match entry.kind.as_str() {
            "blob" => Some(Entry::File { path: entry.path, blob: Some(entry.sha) }),
            "tree" => Some(Entry::Directory { path: entry.path, tree: Some(entry.sha) }),
            // A submodule is another repository.
            _ => None,
        });
        Ok(Page { entries: entries.collect(), next: None, truncated: tree.truncated })
    }
}
