//! Bitbucket Cloud: <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-source/>.

use backstitch_schemas::scm::{Reference, RepositoryFile};
use serde::Deserialize;
use url::Url;

use super::api::{Answer, Api, Entry, Page, Request, Unintelligible, in_repository, named_commit, with};

/// The API of Bitbucket Cloud.
pub(super) struct BitbucketCloud {
    pub(super) api: Url,
}

#[derive(Deserialize)]
struct Commits {
    values: Vec<Commit>,
}

#[derive(Deserialize)]
struct Commit {
    hash: String,
}

#[derive(Deserialize)]
struct Source {
    values: Vec<SourceEntry>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct SourceEntry {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

impl Api for BitbucketCloud {
    fn content(&self, file: &RepositoryFile, _: bool) -> Request {
        let head = ["src", file.reference.name().unwrap_or("HEAD")];
        let url = in_repository(
            &self.api,
            "repositories",
            &file.repository,
            head.into_iter().chain(file.path.split('/')),
        );
        Request::content(url, "*/*")
    }

    fn revision(&self, repository: &str, reference: &Reference) -> Request {
        let url = in_repository(
            &self.api,
            "repositories",
            repository,
            ["commits", reference.name().unwrap_or("HEAD")],
        );
        Request::get(with(url, &[("pagelen", "1")]))
    }

    fn commit(&self, answer: &Answer) -> Result<String, Unintelligible> {
        let first = answer.json::<Commits>()?.values.into_iter().next();
        named_commit(first.map(|commit| commit.hash))
    }

    fn list(&self, repository: &str, tree: &str, deep: bool) -> Request {
        let url = in_repository(&self.api, "repositories", repository, ["src", tree, ""]);
        let depth = if deep { "50" } else { "1" };
        Request::get(with(url, &[("pagelen", "100"), ("max_depth", depth)]))
    }

    fn page(&self, _: &Url, answer: &Answer) -> Result<Page, Unintelligible> {
        let source: Source = answer.json()?;
        let entries = source.values.into_iter().filter_map(|entry| match entry.kind.as_str() {
            "commit_file" => Some(Entry::File { path: entry.path, blob: None }),
            "commit_directory" => Some(Entry::Directory { path: entry.path, tree: None }),
            _ => None,
        });
        Ok(Page {
            entries: entries.collect(),
            next: source.next.and_then(|next| Url::parse(&next).ok()),
            truncated: false,
        })
    }
}
