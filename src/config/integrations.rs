//! The `integrations` section: which git hosts there are, and how to read from them.

use backstitch_ingest::hosts::AppKey;
use serde::Deserialize;
use url::Url;

use super::Secret;

/// Git hosts by product. The public hosts are there without configuration.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IntegrationsConfig {
    /// GitHub and GitHub Enterprise.
    pub github: Vec<GitHubIntegration>,
    /// GitLab.
    pub gitlab: Vec<GitLabIntegration>,
    /// Bitbucket Cloud.
    pub bitbucket_cloud: Vec<BitbucketCloudIntegration>,
    /// Bitbucket Server and Data Center.
    pub bitbucket_server: Vec<BitbucketServerIntegration>,
    /// Azure DevOps.
    pub azure: Vec<AzureIntegration>,
    /// Gitea and Forgejo.
    pub gitea: Vec<GiteaIntegration>,
}

/// The keys under `integrations` that are read.
pub(super) const PRODUCTS: &[&str] =
    &["github", "gitlab", "bitbucketCloud", "bitbucketServer", "azure", "gitea"];

/// GitHub or GitHub Enterprise.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitHubIntegration {
    /// `github.com` if not given.
    pub host: Option<HostName>,
    /// Where the API starts.
    pub api_base_url: Option<BaseUrl>,
    /// Where raw files start, for what is read without credentials.
    pub raw_base_url: Option<BaseUrl>,
    /// A personal access token; with Apps, for owners that have none.
    pub token: Option<Token>,
    /// GitHub Apps.
    pub apps: Vec<GitHubApp>,
}

/// A GitHub App.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GitHubApp {
    /// The App's id.
    pub app_id: String,
    /// The App's private key.
    pub private_key: PrivateKey,
    /// The client id, which GitHub takes in place of the id.
    pub client_id: Option<String>,
    /// What its webhooks are signed with. An App without webhooks may have an empty one, which signs nothing.
    pub webhook_secret: Option<Secret>,
    /// The only owners whose repositories are read with it.
    pub allowed_installation_owners: Option<Vec<String>>,
}

/// GitLab.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitLabIntegration {
    /// `gitlab.com` if not given.
    pub host: Option<HostName>,
    /// Where the API starts.
    pub api_base_url: Option<BaseUrl>,
    /// Where the pages of the host start.
    pub base_url: Option<BaseUrl>,
    /// A personal, group or project access token.
    pub token: Option<Token>,
}

/// Bitbucket Cloud.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BitbucketCloudIntegration {
    /// Where the API starts.
    pub api_base_url: Option<BaseUrl>,
    /// The user of the app password or API token.
    pub username: Option<String>,
    /// The user's app password.
    pub app_password: Option<Secret>,
    /// An access token, or with `username` the user's API token.
    pub token: Option<Token>,
}

/// Bitbucket Server.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BitbucketServerIntegration {
    /// Its host.
    pub host: HostName,
    /// Where the API starts.
    pub api_base_url: Option<BaseUrl>,
    /// An access token.
    pub token: Option<Token>,
    /// A user, in place of a token.
    pub username: Option<String>,
    /// The user's password.
    pub password: Option<Secret>,
}

/// Azure DevOps.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AzureIntegration {
    /// `dev.azure.com` if not given.
    pub host: Option<HostName>,
    /// A personal access token, in Backstage's older form.
    pub token: Option<Token>,
    /// Credentials. A personal access token is read, of the first entry that has one.
    pub credentials: Vec<AzureCredential>,
}

/// A credential of Azure DevOps.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AzureCredential {
    /// A personal access token.
    pub personal_access_token: Option<Token>,
}

/// Gitea or Forgejo.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GiteaIntegration {
    /// Its host.
    pub host: HostName,
    /// Where the pages of the host start; the API is below.
    pub base_url: Option<BaseUrl>,
    /// A user; without one `password` is a token.
    pub username: Option<String>,
    /// The user's password, or an access token.
    pub password: Option<Token>,
}

/// A host as it stands in URLs, with its port if it is not the usual one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(pub String);

/// The address that an API starts at.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct BaseUrl(pub Url);

/// A token that can be sent in a header.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Token(pub Secret);

/// The private key of a GitHub App, in PEM form.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PrivateKey(pub Secret);

impl TryFrom<String> for BaseUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match Url::parse(text.trim_end_matches('/')) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Self(url)),
            _ => Err(format!("\"{text}\" is not an address such as https://git.example.com/api/v3")),
        }
    }
}

impl TryFrom<String> for Token {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text = text.trim();
        let sound = !text.is_empty() && text.chars().all(|letter| letter.is_ascii_graphic());
        sound
            .then(|| Self(Secret::new(text)))
            .ok_or("is not a token: it is empty, or has blanks or letters that no token has")
    }
}

impl TryFrom<String> for PrivateKey {
    type Error = String;

    fn try_from(pem: String) -> Result<Self, String> {
        AppKey::from_pem(&pem).map_err(|error| error.to_string())?;
        Ok(Self(Secret::new(pem)))
    }
}

impl<'de> Deserialize<'de> for HostName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HostVisitor;
        impl serde::de::Visitor<'_> for HostVisitor {
            type Value = HostName;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a host such as github.example.com or git.example.com:8443")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<HostName, E> {
                let url = Url::parse(&format!("https://{text}/"));
                let host = url.as_ref().map(backstitch_schemas::scm::host_of);
                match host {
                    Ok(host) if host.eq_ignore_ascii_case(text) => Ok(HostName(host)),
                    _ => Err(E::custom(format!(
                        "\"{text}\" is not a host such as github.example.com or git.example.com:8443"
                    ))),
                }
            }
        }
        deserializer.deserialize_any(HostVisitor)
    }
}
