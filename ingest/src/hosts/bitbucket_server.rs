//! Bitbucket Server and Data Center: <https://developer.atlassian.com/server/bitbucket/rest/>.

use backstitch_schemas::scm::{Reference, RepositoryFile};
use serde::Deserialize;
use url::Url;

use super::api::{Answer, Api, Entry, Page, Request, Unintelligible, below, named_commit, replaced, with};

/// The API of Bitbucket Server.
pub(super) struct BitbucketServer {
    pub(super) api: Url,
}

#[derive(Deserialize)]
struct Commits {
    values: Vec<Commit>,
}

#[derive(Deserialize)]
struct Commit {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Paths<T> {
    values: Vec<T>,
    #[serde(default)]
    is_last_page: bool,
    next_page_start: Option<u64>,
}

/// The answer of `browse`.
#[derive(Deserialize)]
struct Browse {
    children: Paths<Child>,
}

#[derive(Deserialize)]
struct Child {
    path: Named,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "toString")]
    text: String,
}

impl BitbucketServer {
    fn repository<'a>(&self, repository: &'a str, rest: impl IntoIterator<Item = &'a str>) -> Url {
        let (project, slug) = repository.split_once('/').unwrap_or((repository, ""));
        below(&self.api, ["projects", project, "repos", slug].into_iter().chain(rest))
    }
}

impl Api for BitbucketServer {
    fn content(&self, file: &RepositoryFile, _: bool) -> Request {
        let mut url = self.repository(&file.repository, ["raw"].into_iter().chain(file.path.split('/')));
        if let Some(name) = file.reference.name() {
            url = with(url, &[("at", name)]);
        }
        Request::content(url, "*/*")
    }

    fn revision(&self, repository: &str, reference: &Reference) -> Request {
        let mut query = vec![("limit", "1")];
        query.extend(reference.name().map(|name| ("until", name)));
        Request::get(with(self.repository(repository, ["commits"]), &query))
    }

    fn commit(&self, answer: &Answer) -> Result<String, Unintelligible> {
        let first = answer.json::<Commits>()?.values.into_iter().next();
        named_commit(first.map(|commit| commit.id))
    }

    fn list(&self, repository: &str, tree: &str, deep: bool) -> Request {
        let view = if deep { "files" } else { "browse" };
        Request::get(with(self.repository(repository, [view]), &[("at", tree), ("limit", "1000")]))
    }

    fn page(&self, url: &Url, answer: &Answer) -> Result<Page, Unintelligible> {
        let next_of = |last: bool, start: Option<u64>| match (last, start) {
            (false, Some(start)) => Some(replaced(url, "start", &start.to_string())),
            _ => None,
        };
        if url.path().contains("/browse") {
            let Browse { children } = answer.json()?;
            let entries = children.values.into_iter().map(|child| match child.kind.as_str() {
                "DIRECTORY" => Entry::Directory { path: child.path.text, tree: None },
                _ => Entry::File { path: child.path.text, blob: None },
            });
            let next = next_of(children.is_last_page, children.next_page_start);
            return Ok(Page { entries: entries.collect(), next, truncated: false });
        }
        let files: Paths<String> = answer.json()?;
        let next = next_of(files.is_last_page, files.next_page_start);
        let entries = files.values.into_iter().map(|path| Entry::File { path, blob: None });
        Ok(Page { entries: entries.collect(), next, truncated: false })
    }
}
