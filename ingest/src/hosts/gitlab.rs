//! GitLab: <https://docs.gitlab.com/api/repository_files>, `/api/commits`, `/api/repositories`.

use backstitch_schemas::scm::{Reference, RepositoryFile};
use serde::Deserialize;
use url::Url;

use super::api::{Answer, Api, Entry, Page, Request, Unintelligible, below, replaced, with};

/// The API of GitLab.
pub(super) struct GitLab {
    pub(super) api: Url,
}

#[derive(Deserialize)]
struct Commit {
    id: String,
}

#[derive(Deserialize)]
struct TreeEntry {
    id: String,
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

impl GitLab {
    fn repository<'a>(&self, project: &'a str, rest: impl IntoIterator<Item = &'a str>) -> Url {
        below(&self.api, ["projects", project, "repository"].into_iter().chain(rest))
    }
}

impl Api for GitLab {
    fn content(&self, file: &RepositoryFile, _: bool) -> Request {
        let url = self.repository(&file.repository, ["files", &file.path, "raw"]);
        Request::content(with(url, &[("ref", file.reference.name().unwrap_or("HEAD"))]), "*/*")
    }

    fn revision(&self, repository: &str, reference: &Reference) -> Request {
        Request::get(self.repository(repository, ["commits", reference.name().unwrap_or("HEAD")]))
    }

    fn commit(&self, answer: &Answer) -> Result<String, Unintelligible> {
        Ok(answer.json::<Commit>()?.id)
    }

    fn list(&self, repository: &str, tree: &str, deep: bool) -> Request {
        let mut query = vec![("ref", tree), ("per_page", "100"), ("pagination", "keyset")];
        query.extend(deep.then_some(("recursive", "true")));
        Request::get(with(self.repository(repository, ["tree"]), &query))
    }

    fn page(&self, url: &Url, answer: &Answer) -> Result<Page, Unintelligible> {
        let entries: Vec<TreeEntry> = answer.json()?;
        let entries = entries.into_iter().filter_map(|entry| match entry.kind.as_str() {
            "blob" => Some(Entry::File { path: entry.path, blob: Some(entry.id) }),
            "tree" => Some(Entry::Directory { path: entry.path, tree: None }),
            _ => None,
        });
        let number = answer.header("x-next-page").filter(|page| !page.is_empty());
        let by_number = || number.map(|page| replaced(url, "page", page));
        let next = answer.next_link().or_else(by_number);
        Ok(Page { entries: entries.collect(), next, truncated: false })
    }
}
