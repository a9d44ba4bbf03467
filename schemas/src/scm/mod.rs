//! Git hosts: what their URLs mean, and the links of a file.
//!
//! Text only; nothing is asked of the hosts. Reading uses it to find the repository, the ref and the
//! path behind a URL, processing to annotate entities, so that both agree.

mod event;
mod file;
mod links;
mod repository;
mod resolve;

use url::Url;

pub use event::{ScmEvent, below};
pub use file::{Reference, RepositoryFile};
pub use links::Links;
pub use repository::Repository;

/// The products whose URLs are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scm {
    /// github.com and GitHub Enterprise.
    GitHub,
    /// gitlab.com and self-managed GitLab.
    GitLab,
    /// bitbucket.org.
    BitbucketCloud,
    /// Bitbucket Server and Data Center.
    BitbucketServer,
    /// dev.azure.com and Azure DevOps Server.
    AzureDevOps,
    /// Gitea and Forgejo.
    Gitea,
}

impl Scm {
    /// What people call the product.
    pub fn name(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::BitbucketCloud => "Bitbucket Cloud",
            Self::BitbucketServer => "Bitbucket Server",
            Self::AzureDevOps => "Azure DevOps",
            Self::Gitea => "Gitea",
        }
    }
}

/// Which host is of which product. Hosts are compared to the letter, port included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts(Vec<(String, Scm)>);

impl Default for Hosts {
    /// The public hosts.
    fn default() -> Self {
        let host = |name: &str, scm| (name.to_owned(), scm);
        Self(vec![
            host("github.com", Scm::GitHub),
            host("gitlab.com", Scm::GitLab),
            host("bitbucket.org", Scm::BitbucketCloud),
            host("dev.azure.com", Scm::AzureDevOps),
        ])
    }
}

impl Hosts {
    /// Adds a host of one's own.
    pub fn add(&mut self, host: impl Into<String>, scm: Scm) {
        let entry = (host.into(), scm);
        if !self.0.contains(&entry) {
            self.0.push(entry);
        }
    }

    /// The product of the host that `url` points at, if it is a git host.
    pub fn scm_of(&self, url: &Url) -> Option<Scm> {
        let host = host_of(url);
        self.0.iter().find(|(known, _)| *known == host).map(|(_, scm)| *scm)
    }

    /// The links of the file at `target`; none if no git host is behind it.
    pub fn links(&self, target: &str) -> Option<Links> {
        let url = Url::parse(target).ok()?;
        let scm = self.scm_of(&url)?;
        links::links(scm, &url, target)
    }

    /// The URL that `target` names, seen from `base`: relative to its folder or, with a leading
    /// slash, to the root of its repository. The query of the base is kept, as in Backstage.
    ///
    /// # Errors
    /// If that is no URL.
    pub fn resolve(&self, target: &str, base: &str) -> Result<Url, url::ParseError> {
        if let Ok(url) = Url::parse(target) {
            return Ok(url);
        }
        let base = Url::parse(base)?;
        resolve::resolve(self.scm_of(&base), target, &base)
    }
}

/// The host of a URL, with the port if that is not the scheme's own.
pub fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
