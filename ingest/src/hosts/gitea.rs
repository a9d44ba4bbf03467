//! Gitea and Forgejo: `/api/swagger` of an installation describes `repos/{owner}/{repo}/raw`,
//! `commits` and `git/trees`, which follow GitHub's.

use backstitch_schemas::scm::{Reference, RepositoryFile};
use serde::Deserialize;
use url::Url;

use super::{
    api::{Answer, Api, Page, Request, Unintelligible, in_repository, named_commit, replaced, with},
    github::TreeEntry,
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

impl Api for Gitea {
    fn content(&self, file: &RepositoryFile, _: bool) -> Request {
        let mut url = in_repository(
            &self.api,
            "repos",
            &file.repository,
            ["raw"].into_iter().chain(file.path.split('/')),
        );
        if let Some(name) = file.reference.name() {
            url = with(url, &[("ref", name)]);
        }
        Request::content(url, "*/*")
    }

    fn revision(&self, repository: &str, reference: &Reference) -> Request {
        let mut query =
            vec![("limit", "1"), ("stat", "false"), ("files", "false"), ("verification", "false")];
        query.extend(reference.name().map(|name| ("sha", name)));
        Request::get(with(in_repository(&self.api, "repos", repository, ["commits"]), &query))
    }

    fn commit(&self, answer: &Answer) -> Result<String, Unintelligible> {
        let commits: Vec<Commit> = answer.json()?;
        named_commit(commits.into_iter().next().map(|commit| commit.sha))
    }

    fn list(&self, repository: &str, tree: &str, deep: bool) -> Request {
        let url = in_repository(&self.api, "repos", repository, ["git", "trees", tree]);
        let recursive = if deep { "true" } else { "false" };
        Request::get(with(url, &[("recursive", recursive), ("per_page", PAGE), ("page", "1")]))
    }

    fn page(&self, url: &Url, answer: &Answer) -> Result<Page, Unintelligible> {
        let tree: Tree = answer.json()?;
        let next = tree.truncated.then(|| replaced(url, "page", &(tree.page.max(1) + 1).to_string()));
        let entries = tree.tree.into_iter().filter_map(TreeEntry::named);
        Ok(Page { entries: entries.collect(), next, truncated: false })
    }
}
