//! What a product's API has to offer. Pure: requests and answers are values.

use backstitch_schemas::scm::{Reference, RepositoryFile};
use reqwest::{
    Method, StatusCode,
    header::{HeaderMap, HeaderValue},
};
use serde::de::DeserializeOwned;
use url::Url;

/// The largest listing that is taken, in bytes.
const LISTING_BYTES: u64 = 64 << 20;

/// A request to the API of a git host.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) accept: &'static str,
    pub(crate) authorization: Option<HeaderValue>,
    /// Asks for the content only if it is another one.
    pub(crate) etag: Option<String>,
    /// Bytes that the answer may have; `None` is what a document may have.
    pub(crate) max_bytes: Option<u64>,
}

/// What a host answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// What a listing names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A file, with the id of its content if the host tells it.
    File { path: String, blob: Option<String> },
    /// A directory, with the id that it is listed by if the host tells it.
    Directory { path: String, tree: Option<String> },
}

/// One page of a listing.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) entries: Vec<Entry>,
    /// The page after it.
    pub(super) next: Option<Url>,
    /// Whether the host left something out for good.
    pub(super) truncated: bool,
}

/// An answer that is not what the API describes.
#[derive(Debug, thiserror::Error)]
#[error("the host's answer cannot be understood: {0}")]
pub(super) struct Unintelligible(pub(super) String);

/// The API of one product, on one host.
pub(super) trait Api: Send + Sync {
    /// Asks for the content of a file. `anonymous` tells that no credentials are shown.
    fn content(&self, file: &RepositoryFile, anonymous: bool) -> Request;

    /// Asks what commit a ref stands for.
    fn revision(&self, repository: &str, reference: &Reference) -> Request;

    /// The commit that the answer to [`Self::revision`] names.
    fn commit(&self, answer: &Answer) -> Result<String, Unintelligible>;

    /// Asks for what is in a commit, or in the directory with this id: everything below, or (not
    /// `deep`) its own entries. Paths in the answer begin there.
    fn list(&self, repository: &str, tree: &str, deep: bool) -> Request;

    /// What the answer to [`Self::list`] at `url` says.
    fn page(&self, url: &Url, answer: &Answer) -> Result<Page, Unintelligible>;
}

impl Request {
    /// A plain request for JSON.
    pub(super) fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            accept: "application/json",
            authorization: None,
            etag: None,
            max_bytes: Some(LISTING_BYTES),
        }
    }

    /// A request for the content of a file.
    pub(crate) fn content(url: Url, accept: &'static str) -> Self {
        Self { accept, max_bytes: None, ..Self::get(url) }
    }
}

impl Answer {
    /// The body as what the API describes.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Unintelligible> {
        serde_json::from_slice(&self.body).map_err(|cause| Unintelligible(cause.to_string()))
    }

    /// A header that is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The next page that the `Link` header names.
    pub(super) fn next_link(&self) -> Option<Url> {
        let links = self.header("link")?.split(',');
        let next = links.into_iter().find(|link| link.contains("rel=\"next\""))?;
        Url::parse(next.split_once('<')?.1.split_once('>')?.0).ok()
    }
}

/// The commit that an answer names, if it does.
pub(super) fn named_commit(commit: Option<String>) -> Result<String, Unintelligible> {
    commit.ok_or_else(|| Unintelligible("it names no commit".to_owned()))
}

/// `base` with more segments, each encoded.
pub(super) fn below<'a>(base: &Url, segments: impl IntoIterator<Item = &'a str>) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// Something of `repository`, whose names are segments below `collection`.
pub(super) fn in_repository<'a>(
    base: &Url,
    collection: &'a str,
    repository: &'a str,
    rest: impl IntoIterator<Item = &'a str>,
) -> Url {
    below(base, [collection].into_iter().chain(repository.split('/')).chain(rest))
}

/// `url` with query parameters.
pub(super) fn with(mut url: Url, parameters: &[(&str, &str)]) -> Url {
    url.query_pairs_mut().extend_pairs(parameters);
    url
}

/// `url` with another value of a query parameter.
pub(super) fn replaced(url: &Url, name: &str, value: &str) -> Url {
    let others: Vec<_> = url.query_pairs().into_owned().filter(|(present, _)| present != name).collect();
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(others).append_pair(name, value);
    url
}
