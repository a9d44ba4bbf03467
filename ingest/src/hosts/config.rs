//! How a git host is read.

use backstitch_schemas::scm::Scm;
use url::Url;

use super::Credentials;

/// A git host: an entry of `integrations`, or a public host without one.
#[derive(Clone, Debug)]
pub struct GitHost {
    /// Its product.
    pub scm: Scm,
    /// The host as it stands in URLs, with its port if that is not the scheme's own.
    pub host: String,
    /// Where its API starts.
    pub api_base_url: Url,
    /// Where raw files start that anybody may read, if the product has such a place.
    pub raw_base_url: Option<Url>,
    /// What is shown to the API.
    pub credentials: Credentials,
    /// The setting that it stands in, such as `integrations.github[0]`, for errors.
    pub setting: String,
}

impl GitHost {
    /// The hosts that exist without configuration, read without credentials.
    pub fn public() -> Vec<Self> {
        let host = |scm: Scm, host: &str, api: &str, raw: Option<&str>| Self {
            scm,
            host: host.to_owned(),
            api_base_url: Url::parse(api).expect("the addresses below are sound"),
            raw_base_url: raw.map(|raw| Url::parse(raw).expect("the addresses below are sound")),
            credentials: Credentials::None,
            setting: Self::section(scm).to_owned(),
        };
        let raw = Some("https://raw.githubusercontent.com");
        vec![
            host(Scm::GitHub, "github.com", "https://api.github.com", raw),
            host(Scm::GitLab, "gitlab.com", "https://gitlab.com/api/v4", None),
            host(Scm::BitbucketCloud, "bitbucket.org", "https://api.bitbucket.org/2.0", None),
            host(Scm::AzureDevOps, "dev.azure.com", "https://dev.azure.com", None),
        ]
    }

    /// The setting that lists the hosts of a product.
    pub fn section(scm: Scm) -> &'static str {
        match scm {
            Scm::GitHub => "integrations.github",
            Scm::GitLab => "integrations.gitlab",
            Scm::BitbucketCloud => "integrations.bitbucketCloud",
            Scm::BitbucketServer => "integrations.bitbucketServer",
            Scm::AzureDevOps => "integrations.azure",
            Scm::Gitea => "integrations.gitea",
        }
    }
}
