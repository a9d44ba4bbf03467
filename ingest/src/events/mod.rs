//! Events of git hosts: from a webhook to what it says about files and repositories.
//!
//! Pure. A webhook counts only if it shows that it knows a secret: what it says may unregister
//! locations. Who knows the secret of one host does not speak for another.

mod github;
mod gitlab;
mod push;
mod signature;

use backstitch_schemas::{
    command::ScmActions,
    scm::{Hosts, Scm, ScmEvent, host_of},
};
use serde::de::DeserializeOwned;
use url::Url;

/// Which webhooks are taken, and what they may do.
#[derive(Clone, Default)]
pub struct Webhooks {
    /// What they may do; nothing, if they are not taken.
    pub actions: ScmActions,
    /// The hosts that are known.
    pub hosts: Hosts,
    /// What they are signed with.
    pub secrets: Vec<WebhookSecret>,
}

/// What webhooks are signed with.
#[derive(Clone)]
pub struct WebhookSecret {
    /// Of which product's hosts.
    pub scm: Scm,
    /// The only host that may use it; any of the product, if not given.
    pub host: Option<String>,
    /// The secret, which is not empty.
    pub secret: String,
}

/// A webhook as it came.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent<'a> {
    /// `X-GitHub-Event`.
    pub(crate) event: Option<&'a str>,
    /// `X-Hub-Signature-256` or `X-Gitlab-Token`.
    pub(crate) proof: Option<&'a str>,
    /// `X-Gitlab-Instance`.
    pub(crate) instance: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

/// What a webhook tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// The commit that it came with, as people see it.
    pub(crate) commit_url: Option<String>,
    /// Whether the branch is the repository's default one.
    pub(crate) on_default_branch: bool,
    pub(crate) events: Vec<ScmEvent>,
}

/// Why a webhook is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WebhookError {
    /// Nobody told us to take it.
    #[error("{0}")]
    NotFound(String),
    /// It does not show that it knows the secret, or there is none.
    #[error("{0}")]
    NotAllowed(String),
    /// It cannot be understood.
    #[error("{0}")]
    Input(String),
}

/// Whom the secret that was shown speaks for.
struct Trust<'a> {
    hosts: &'a Hosts,
    /// The only host, if it is not all of the product.
    host: Option<&'a str>,
}

impl Webhooks {
    /// The product that sends to a topic.
    ///
    /// # Errors
    /// If there is no such topic, nothing comes of it, or there is no secret for it.
    pub(crate) fn product(&self, topic: &str) -> Result<Scm, WebhookError> {
        let (scm, setting) = match topic {
            "github" => (Scm::GitHub, "events.modules.github.webhookSecret"),
            "gitlab" => (Scm::GitLab, "events.modules.gitlab.webhookSecret"),
            other => {
                let message = format!("there is no topic `{other}`; webhooks go to `github` and `gitlab`");
                return Err(WebhookError::NotFound(message));
            }
        };
        if !self.actions.any() {
            let message = "events of git hosts are not heeded; set catalog.scmEvents to true";
            return Err(WebhookError::NotFound(message.to_owned()));
        }
        if self.secrets.iter().any(|known| known.scm == scm) {
            return Ok(scm);
        }
        let message = format!("nothing can show where this webhook comes from; set {setting}");
        Err(WebhookError::NotAllowed(message))
    }

    /// What a webhook tells.
    ///
    /// # Errors
    /// If it does not show that it knows a secret, or cannot be understood.
    pub(crate) fn read(&self, scm: Scm, sent: &Sent<'_>) -> Result<Told, WebhookError> {
        let known = |known: &&WebhookSecret| {
            let shown = sent.proof.unwrap_or_default();
            known.scm == scm
                && match scm {
                    Scm::GitHub => signature::is_signed(&known.secret, shown, sent.body),
                    _ => signature::is_secret(&known.secret, shown),
                }
        };
        let Some(secret) = self.secrets.iter().find(known) else { return Err(unproven(scm)) };
        let trust = Trust { hosts: &self.hosts, host: secret.host.as_deref() };
        match scm {
            Scm::GitHub => github::told(sent.event.unwrap_or_default(), sent.body, &trust),
            _ => gitlab::told(sent.instance, sent.body, &trust),
        }
    }
}

/// The refusal of a webhook that does not show that it knows the secret.
pub(crate) fn unproven(scm: Scm) -> WebhookError {
    let header = if scm == Scm::GitHub { "X-Hub-Signature-256" } else { "X-Gitlab-Token" };
    WebhookError::NotAllowed(format!("{header} is missing, or was not made with the configured secret"))
}

impl Trust<'_> {
    /// Refuses what is said about a host that the secret does not speak for.
    fn check(&self, scm: Scm, url: &Url, place: &str) -> Result<(), WebhookError> {
        let host = host_of(url);
        if self.hosts.scm_of(url) != Some(scm) {
            let product = scm.name();
            let message = format!("{place}: {host} is no host of {product} that `integrations` names");
            return Err(WebhookError::Input(message));
        }
        match self.host {
            Some(own) if own != host => {
                Err(WebhookError::Input(format!("{place}: the secret is that of {own}, not of {host}")))
            }
            _ => Ok(()),
        }
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, WebhookError> {
    serde_json::from_slice(body).map_err(|cause| {
        WebhookError::Input(format!(
            "the body cannot be read: {cause}; the content type of the webhook has to be application/json"
        ))
    })
}
