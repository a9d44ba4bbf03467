//! Azure DevOps: <https://learn.microsoft.com/rest/api/azure/devops/git/items>.

use backstitch_schemas::scm::{Reference, RepositoryFile};
use serde::Deserialize;
use url::Url;

use super::api::{Answer, Api, Entry, Page, Request, Unintelligible, below, named_commit, with};

/// The version of the API that Azure DevOps Server 2020 knows as well.
const VERSION: (&str, &str) = ("api-version", "6.0");

/// The API of Azure DevOps.
pub(super) struct AzureDevOps {
    pub(super) api: Url,
}

#[derive(Deserialize)]
struct Values<T> {
    value: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Commit {
    commit_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    object_id: String,
    git_object_type: String,
    path: String,
}

impl AzureDevOps {
    /// `organisation/project/repository` is at `…/organisation/project/_apis/git/repositories/…`.
    fn repository(&self, repository: &str, rest: &str) -> Url {
        let (project, name) = repository.rsplit_once('/').unwrap_or(("", repository));
        below(&self.api, project.split('/').chain(["_apis", "git", "repositories", name, rest]))
    }
}

/// How a ref is named; nothing for what the host takes itself.
fn version(reference: &Reference) -> Option<(&'static str, &str)> {
    match reference {
        Reference::Default => None,
        Reference::Named(name) | Reference::Branch(name) => Some(("branch", name)),
        Reference::Tag(name) => Some(("tag", name)),
        Reference::Commit(name) => Some(("commit", name)),
    }
}

impl Api for AzureDevOps {
    fn content(&self, file: &RepositoryFile, _: bool) -> Request {
        let path = format!("/{}", file.path);
        let mut query = vec![VERSION, ("path", path.as_str())];
        if let Some((kind, name)) = version(&file.reference) {
            query.extend([("versionDescriptor.versionType", kind), ("versionDescriptor.version", name)]);
        }
        Request::content(with(self.repository(&file.repository, "items"), &query), "application/octet-stream")
    }

    fn revision(&self, repository: &str, reference: &Reference) -> Request {
        let mut query = vec![VERSION, ("searchCriteria.$top", "1")];
        if let Some((kind, name)) = version(reference) {
            query.push(("searchCriteria.itemVersion.versionType", kind));
            query.push(("searchCriteria.itemVersion.version", name));
        }
        Request::get(with(self.repository(repository, "commits"), &query))
    }

    fn commit(&self, answer: &Answer) -> Result<String, Unintelligible> {
        let first = answer.json::<Values<Commit>>()?.value.into_iter().next();
        named_commit(first.map(|commit| commit.commit_id))
    }

    fn list(&self, repository: &str, tree: &str, deep: bool) -> Request {
        let level = if deep { "full" } else { "oneLevel" };
        let query = [
            VERSION,
            ("scopePath", "/"),
            ("recursionLevel", level),
            ("versionDescriptor.versionType", "commit"),
            ("versionDescriptor.version", tree),
        ];
        Request::get(with(self.repository(repository, "items"), &query))
    }

    fn page(&self, _: &Url, answer: &Answer) -> Result<Page, Unintelligible> {
        let items: Values<Item> = answer.json()?;
        let entries = items.value.into_iter().filter_map(|item| {
            let path = item.path.trim_start_matches('/').to_owned();
            match item.git_object_type.as_str() {
                "blob" => Some(Entry::File { path, blob: Some(item.object_id) }),
                // The directory that was asked for is an item as well.
                "tree" if !path.is_empty() => Some(Entry::Directory { path, tree: None }),
                _ => None,
            }
        });
        Ok(Page { entries: entries.collect(), next: None, truncated: false })
    }
}
