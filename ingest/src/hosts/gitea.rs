//! Gitea and Forgejo: `/api/swagger` of an installation describes `repos/{owner}/{repo}/raw`,
//! `commits` and `git/trees`.

use backstitch_schemas::scm::{Reference, RepositoryFile};
use serde::Deserialize;
use url::Url;

use super::{
    api::{Answer, Api, Entry, Page, Request, Unintelligible, below, with},
    gitlab::replaced,
};

/// Entries of a page.
const PAGE: &str = "1000";

/// The API of Gitea or Forgejo.
pub(super) struct Gitea {
    pub(super) api: Url,
}

#[derive(Deserialize)]
struct Commit {
    sha: String,
}

#[derive(Deserialize)]
struct Tree {
    tree: Vec<TreeEntry>,
    /// Whether there are pages after this one.
    #[serde(default)]
    truncated: bool,
    #[serde(default)]
    page: u64,
}

#[derive(Deserialize)]
struct TreeEntry {
    path: String,
    #[serde(rename = "type")]
    kind: String,
    sha: String,
}

impl Gitea {
    fn repository<'a>(&self, repository: &'a str, rest: impl IntoIterator<Item = &'a str>) -> Url {
        below(&self.api, ["repos"].into_iter().chain(repository.split('/')).chain(rest))
    }
}

impl Api for Gitea {
    fn content(&self, file: &RepositoryFile, _: bool) -> Request {
        let mut url = self.repository(&file.repository, ["raw"].into_iter().chain(file.path.split('/')));
        if let Some(name) = file.reference.name() {
            url = with(url, &[("ref", name)]);
        }
        Request::content(url, "*/*")
    }

    fn revision(&self, repository: &str, reference: &Reference) -> Request {
        let mut query =
            vec![("limit", "1"), ("stat", "false"), ("files", "false"), ("verification", "false")];
        query.extend(reference.name().map(|name| ("sha", name)));
        Request::get(with(self.repository(repository, ["commits"]), &query))
    }

    fn commit(&self, answer: &Answer) -> Result<String, Unintelligible> {
        let commits: Vec<Commit> = answer.json()?;
        let first = commits.into_iter().next();
        first.map(|commit| commit.sha).ok_or_else(|| Unintelligible("it names no commit".to_owned()))
    }

    fn list(&self, repository: &str, tree: &str, deep: bool) -> Request {
        let url = self.repository(repository, ["git", "trees", tree]);
        let recursive = if deep { "true" } else { "false" };
        Request::get(with(url, &[("recursive", recursive), ("per_page", PAGE), ("page", "1")]))
    }

    fn page(&self, url: &Url, answer: &Answer) -> Result<Page, Unintelligible> {
        let tree: Tree = answer.json()?;
        let next = tree.truncated.then(|| replaced(url, "page", &(tree.page.max(1) + 1).to_string()));
        let entries = tree.tree.into_iter().filter_map(|entry| match entry.kind.as_str() {
            "blob" => Some(Entry::File { path: entry.path, blob: Some(entry.sha) }),
            "tree" => Some(Entry::Directory { path: entry.path, tree: Some(entry.sha) }),
            _ => None,
        });
        Ok(Page { entries: entries.collect(), next, truncated: false })
    }
}
