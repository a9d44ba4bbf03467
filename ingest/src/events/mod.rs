//! Events of git hosts: from a webhook to what it says about files and repositories.
//!
//! Pure. A webhook counts only if it shows that it knows a secret. The secret of an App speaks for the App's
//! host, that of a product for all of the product's hosts that `integrations` names.

mod github;
mod gitlab;
mod push;
mod signature;

use backstitch_schemas::{
    command::ScmActions,
    scm::{Scm, ScmEvent, host_of},
};
use serde::de::DeserializeOwned;
use url::Url;

/// Which webhooks are taken, and what they may do.
#[derive(Clone, Default)]
pub struct Webhooks {
    /// What they may do; nothing, if they are not taken.
    pub actions: ScmActions,
    /// The hosts that they may speak of.
    pub hosts: Vec<(Scm, String)>,
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
    /// The URL of the repository, or group, that it is about.
    pub(crate) repository: Option<String>,
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
    hosts: &'a [(Scm, String)],
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
        let mut refusal = unproven(scm);
        // Hosts may share a secret.
        for secret in self.secrets.iter().filter(known) {
            let trust = Trust { hosts: &self.hosts, host: secret.host.as_deref() };
            let told = match scm {
                Scm::GitHub => github::told(sent.event.unwrap_or_default(), sent.body, &trust),
                _ => gitlab::told(sent.instance, sent.body, &trust),
            };
            match told {
                Ok(told) => return Ok(told),
                Err(cause) => refusal = cause,
            }
        }
        Err(refusal)
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
        if !self.hosts.iter().any(|(product, known)| *product == scm && *known == host) {
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

#[cfg(test)]
mod tests {
    use ring::hmac;
    use serde_json::json;

    use super::*;

    fn webhooks(secrets: &[(&str, Option<&str>)]) -> Webhooks {
        let secret = |(secret, host): &(&str, Option<&str>)| WebhookSecret {
            scm: Scm::GitHub,
            host: host.map(str::to_owned),
            secret: (*secret).to_owned(),
        };
        let hosts = ["a.example.com", "b.example.com"].map(|host| (Scm::GitHub, host.to_owned()));
        Webhooks {
            hosts: hosts.to_vec(),
            secrets: secrets.iter().map(secret).collect(),
            ..Webhooks::default()
        }
    }

    /// What comes of a repository that `host` says is new, signed with `s`.
    fn told(webhooks: &Webhooks, host: &str) -> Result<Told, WebhookError> {
        let body = json!({"action": "created", "repository": {"html_url": format!("https://{host}/o/r")}});
        let body = body.to_string();
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"s"), body.as_bytes());
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let proof = format!("sha256={hex}");
        let sent =
            Sent { event: Some("repository"), proof: Some(&proof), body: body.as_bytes(), ..Sent::default() };
        webhooks.read(Scm::GitHub, &sent)
    }

    #[test]
    fn hosts_may_share_a_secret() {
        let both = webhooks(&[("s", Some("a.example.com")), ("s", Some("b.example.com"))]);
        for host in ["a.example.com", "b.example.com"] {
            let told = told(&both, host).unwrap();
            assert_eq!(told.repository, Some(format!("https://{host}/o/r")));
        }
        let one = webhooks(&[("other", Some("b.example.com")), ("s", Some("a.example.com"))]);
        let refused = told(&one, "b.example.com").unwrap_err();
        assert!(refused.to_string().contains("is that of a.example.com"), "{refused}");
    }

    #[test]
    fn a_host_that_nobody_named_is_not_spoken_for() {
        let refused = told(&webhooks(&[("s", None)]), "github.com").unwrap_err();
        assert!(matches!(refused, WebhookError::Input(_)), "{refused}");
    }
}
