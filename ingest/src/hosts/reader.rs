//! Reading files of one git host, and listing what patterns match.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use backstitch_schemas::{
    Problem,
    scm::{Reference, RepositoryFile, Scm},
};
use tokio::time::Instant;
use url::Url;

use super::{
    Credentials, GitHost,
    absence::confirm,
    api::{Api, Request},
    app::Installations,
    azure::AzureDevOps,
    bitbucket_cloud::BitbucketCloud,
    bitbucket_server::BitbucketServer,
    call::{Call, Reply},
    gitea::Gitea,
    github::GitHub,
    gitlab::GitLab,
    tree::{Tree, Trees, current, etag_of},
};
use crate::{
    Wake,
    locations::{
        fetch::{Again, Failure, Fetched},
        pattern::Pattern,
        upstream::Upstream,
    },
};

/// What validators of trees begin with; no host's ETag does.
const OF_TREES: [&str; 2] = ["blob:", "commit:"];

/// What a pattern matches: the URL of each file, with what tells its content from others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listed(pub(crate) BTreeMap<Arc<str>, (Url, Arc<str>)>);

/// Reads files of one git host.
pub(crate) struct HostReader {
    pub(super) config: GitHost,
    pub(super) api: Box<dyn Api>,
    pub(super) installations: Installations,
    trees: Trees,
    /// How old a tree may be that a poll is content with.
    tolerance: Duration,
}

impl HostReader {
    /// A reader of a host whose trees may be `tolerance` old.
    pub(crate) fn new(config: GitHost, tolerance: Duration) -> Self {
        let api = config.api_base_url.clone();
        let api: Box<dyn Api> = match config.scm {
            Scm::GitHub => Box::new(GitHub { api, raw: config.raw_base_url.clone() }),
            Scm::GitLab => Box::new(GitLab { api }),
            Scm::BitbucketCloud => Box::new(BitbucketCloud { api }),
            Scm::BitbucketServer => Box::new(BitbucketServer { api }),
            Scm::AzureDevOps => Box::new(AzureDevOps { api }),
            Scm::Gitea => Box::new(Gitea { api }),
        };
        let (installations, trees) = (Installations::default(), Trees::default());
        Self { config, api, installations, trees, tolerance }
    }

    /// Reads a file, unless it is what it was when it had `validator`.
    pub(crate) async fn read(
        &self,
        upstream: &Upstream,
        url: &Url,
        validator: Option<&str>,
        wake: Wake,
    ) -> Fetched {
        let since = self.since(wake);
        let call = match self.call(upstream, url, wake) {
            Ok(call) => call,
            Err(failure) => return Fetched::Failed(failure),
        };
        let outcome = match self.trees.known(&call.file.repository, &call.file.reference) {
            Some(slot) => match current(&slot, &call, since).await {
                Ok(tree) => self.read_at(&call, &tree, validator).await,
                Err(failure) => Err(failure),
            },
            None => self.read_alone(&call, validator).await,
        };
        outcome.unwrap_or_else(Fetched::Failed)
    }

    /// What a pattern matches, by one listing of the ref.
    pub(crate) async fn list(&self, upstream: &Upstream, url: &Url, wake: Wake) -> Result<Listed, Failure> {
        let since = self.since(wake);
        let call = self.call(upstream, url, wake)?;
        let unusable = |problem| Failure { problem, status: None, again: Again::Never };
        let pattern = Pattern::new(&format!("/{}", call.file.path)).map_err(unusable)?;
        let slot = self.trees.slot(&call.file.repository, &call.file.reference);
        let tree = current(&slot, &call, since).await?;
        let matching = tree.files.iter().filter(|(path, _)| pattern.matches(format!("/{path}").as_ref()));
        let listed = matching.filter_map(|(path, validator)| {
            let url = self.config.scm.with_path(url, path)?;
            Some((Arc::from(url.as_str()), (url, Arc::from(&**validator))))
        });
        Ok(Listed(listed.collect()))
    }

    /// Whether no credentials are shown.
    pub(super) fn is_anonymous(&self) -> bool {
        self.config.credentials.is_anonymous()
    }

    /// Forgets a token that was not taken. Whether there may be another one.
    pub(super) async fn forget_token(&self, owner: &str) -> bool {
        let renewable = matches!(self.config.credentials, Credentials::Apps { .. });
        if renewable {
            self.installations.forget(owner).await;
        }
        renewable
    }

    fn call<'a>(&'a self, upstream: &'a Upstream, url: &'a Url, wake: Wake) -> Result<Call<'a>, Failure> {
        let file = self.config.scm.file(url).map_err(|why| Failure {
            problem: no_file(url, &why),
            status: None,
            again: Again::Never,
        })?;
        Ok(Call { host: self, upstream, url, file, wake })
    }

    /// What a read is content with: a person wants it as it is now, and a host told that it is another.
    fn since(&self, wake: Wake) -> Instant {
        let now = Instant::now();
        match wake {
            Wake::Polling | Wake::Listed => now.checked_sub(self.tolerance).unwrap_or(now),
            Wake::Watched | Wake::Person => now,
        }
    }

    /// Reads a file of a listed ref: nothing is asked for if the listing says that it is the same.
    async fn read_at(
        &self,
        call: &Call<'_>,
        tree: &Tree,
        validator: Option<&str>,
    ) -> Result<Fetched, Failure> {
        let Some(current) = tree.files.get(call.file.path.as_str()) else { return Ok(Fetched::Absent) };
        if validator == Some(current) {
            return Ok(Fetched::NotModified);
        }
        let reference = Reference::Commit(tree.commit.clone());
        let file = RepositoryFile { reference, ..call.file.clone() };
        match call.get(self.api.content(&file, self.is_anonymous())).await? {
            Reply::Found(answer) => Ok(Fetched::Content {
                etag: Some(current.to_string()),
                status: Some(answer.status.as_u16()),
                bytes: answer.body,
            }),
            // It is listed, so it is not gone; the credentials may be.
            Reply::NotFound | Reply::Same => Err(call.out_of_sight()),
        }
    }

    async fn read_alone(&self, call: &Call<'_>, validator: Option<&str>) -> Result<Fetched, Failure> {
        let etag = validator.filter(|etag| !OF_TREES.iter().any(|of_trees| etag.starts_with(of_trees)));
        let request = self.api.content(&call.file, self.is_anonymous());
        match call.get(Request { etag: etag.map(str::to_owned), ..request }).await? {
            Reply::Found(answer) => Ok(Fetched::Content {
                etag: etag_of(&answer),
                status: Some(answer.status.as_u16()),
                bytes: answer.body,
            }),
            Reply::Same => Ok(Fetched::NotModified),
            Reply::NotFound => Ok(confirm(call).await),
        }
    }
}

/// The problem of a URL that names no file of a repository.
pub(crate) fn no_file(url: &Url, why: &str) -> Problem {
    Problem::new("Error", format!("Unable to read url, Incorrect URL: {url}"))
        .with_advice(format!("`{url}` names no file that can be read: {why}"))
}
