//! Reading one place, a file or a URL, and what may come of it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use backstitch_schemas::{Problem, yaml::Limits};
use url::Url;

use super::{
    Config,
    disk::{self, Absence, Directories, FileRead},
    url_reader::UrlReader,
};
use crate::Wake;

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// A file.
    File(PathBuf),
    /// What stands behind a URL.
    Url(Url),
}

/// What came of reading a place.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// It was read.
    Content { bytes: Vec<u8>, etag: Option<String>, status: Option<u16> },
    /// It is what it was when it had this ETag.
    NotModified,
    /// It is confirmed not to exist.
    Absent,
    /// Nothing is known.
    Failed(Failure),
}

/// Why nothing is known about a place.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// Why, for people.
    pub(crate) problem: Problem,
    /// Status of the answer, if there was one.
    pub(crate) status: Option<u16>,
    /// Whether and when to try again.
    pub(crate) again: Again,
}

/// Whether and when to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// Soon, and later each time.
    BackOff,
    /// After this time: the host asks for it. `asked` tells an answer to this request from a
    /// request that was not made because of an earlier answer.
    After { wait: Duration, asked: bool },
    /// As if it had been read: trying sooner is no use.
    Regularly,
    /// Not before the configuration changes.
    Never,
}

/// Reads files and URLs.
pub(super) struct Fetcher {
    pub(super) urls: Arc<UrlReader>,
    pub(super) directories: Arc<Directories>,
    pub(super) max_bytes: u64,
    /// Files that an API definition may refer to, itself counted.
    pub(super) max_references: usize,
    /// What a descriptor file may cost.
    pub(super) limits: Limits,
}

impl Fetcher {
    /// Reads as `config` says, URLs through `urls`.
    pub(super) fn new(config: &Config, urls: Arc<UrlReader>) -> Self {
        let limits = config.limits.clone();
        Self {
            urls,
            directories: Arc::new(Directories::default()),
            max_bytes: limits.max_bytes as u64,
            max_references: config.max_references,
            limits,
        }
    }

    /// Reads a place. `held` says whether anything would go if it were absent.
    pub(super) async fn fetch(&self, place: &Place, etag: Option<&str>, held: bool, wake: Wake) -> Fetched {
        match place {
            Place::Url(url) => self.urls.read(url, etag, wake).await,
            Place::File(path) => {
                let (path, directories, max) = (path.clone(), Arc::clone(&self.directories), self.max_bytes);
                let read = tokio::task::spawn_blocking(move || file(&path, &directories, max, held)).await;
                read.unwrap_or_else(|cause| Fetched::failed("the reader panicked", cause.to_string()))
            }
        }
    }
}

impl Fetched {
    fn failed(message: impl Into<String>, advice: impl Into<String>) -> Self {
        let problem = Problem::new("Error", message).with_advice(advice);
        Self::Failed(Failure { problem, status: None, again: Again::BackOff })
    }

    /// The same failure, where trying again soon is no use.
    fn lasting(self) -> Self {
        match self {
            Self::Failed(failure) => Self::Failed(Failure { again: Again::Regularly, ..failure }),
            other => other,
        }
    }
}

fn file(path: &Path, directories: &Directories, max_bytes: u64, held: bool) -> Fetched {
    let shown = path.display();
    let unread =
        |why: &str, advice: String| Fetched::failed(format!("file {shown} could not be read, {why}"), advice);
    match disk::read(path, max_bytes) {
        FileRead::Content(bytes) => {
            path.parent().inspect(|parent| directories.remember(parent));
            Fetched::Content { bytes, etag: None, status: None }
        }
        FileRead::Missing => match directories.absence(path, held) {
            Absence::Confirmed => Fetched::Absent,
            Absence::Refuted => unread("it appeared just now", "it is read again".to_owned()),
            Absence::Unknown(why) => unread(&why, format!("whether {shown} exists is not known: {why}")),
        },
        FileRead::Unsettled => unread("it is being written", "it is read again once it is".to_owned()),
        FileRead::TooLarge => unread(
            &format!(
                "it has more than {max_bytes} bytes, the limit of `backstitch.ingest.descriptors.maxBytes`"
            ),
            "split the file, or point to large definitions with `$text`".to_owned(),
        )
        .lasting(),
        FileRead::Directory => {
            unread("it is a directory", format!("write a pattern such as `{shown}/**/catalog-info.yaml`"))
                .lasting()
        }
        FileRead::Failed(cause) => {
            unread(&cause.to_string(), format!("{shown} exists but cannot be read: {cause}"))
        }
    }
}
