//! Tokens and what they permit.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Need;
use crate::config::AuthConfig;

/// Everyone who has a token.
#[derive(Clone, Debug, Default)]
pub struct Callers(Arc<[Caller]>);

#[derive(Debug)]
struct Caller {
    /// Tokens are compared by digest, so that the time it takes tells nothing about them.
    digest: [u8; 32],
    subject: String,
    /// `None`: everything.
    restrictions: Option<Vec<Restriction>>,
}

/// One of the `accessRestrictions` of a caller; each permits something.
#[derive(Clone, Debug, Deserialize)]
struct Restriction {
    /// As in Backstage: the plugin that the caller may use. Ours is `catalog`.
    plugin: String,
    /// Ours: the providers that the caller may push as. Without it, all of them, and all else.
    providers: Option<Vec<String>>,
    /// Backstage's finer restrictions. We cannot keep them, so what has them permits nothing.
    permission: Option<Value>,
    #[serde(rename = "permissionAttribute")]
    permission_attribute: Option<Value>,
}

/// Why the callers of a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// A restriction that we do not understand must not be passed over.
    #[error("backend.auth.externalAccess: an access restriction of `{subject}` cannot be read")]
    Restriction {
        /// Whose it is.
        subject: String,
        /// What is wrong with it.
        #[source]
        cause: serde_json::Error,
    },
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no token, or one that nobody has.
    #[error("Missing or unknown credentials; send one of backend.auth.externalAccess as bearer token")]
    Unknown,
    /// The caller is known and may not do this.
    #[error("{0} is not allowed to do this")]
    NotAllowed(String),
}

impl Callers {
    /// The static callers of the configuration.
    ///
    /// # Errors
    /// If a restriction cannot be read: to pass over it would permit more than was meant.
    pub fn new(auth: &AuthConfig) -> Result<Self, AccessError> {
        let callers = auth.static_callers().filter_map(|access| {
            let token = access.options.token.as_ref()?;
            let subject = access.options.subject.clone().unwrap_or_else(|| "external".to_owned());
            let restrictions = access.access_restrictions.as_ref().map(|restrictions| {
                restrictions.iter().map(Restriction::deserialize).collect::<Result<_, _>>()
            });
            Some(match restrictions.transpose() {
                Ok(restrictions) => Ok(Caller { digest: digest(token.expose()), subject, restrictions }),
                Err(cause) => Err(AccessError::Restriction { subject, cause }),
            })
        });
        Ok(Self(callers.collect::<Result<Vec<_>, _>>()?.into()))
    }

    /// Whether anybody has a token. If not, nothing needs one.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose request this is, if it may be done: a subject, or `None` where nobody needs to be known.
    ///
    /// # Errors
    /// If a token is needed and missing, or is not enough.
    pub fn admit(&self, token: Option<&str>, need: &Need) -> Result<Option<&str>, Refusal> {
        if self.is_empty() || *need == Need::Nothing {
            return Ok(None);
        }
        let presented = digest(token.ok_or(Refusal::Unknown)?);
        let caller = self.0.iter().find(|caller| caller.digest == presented).ok_or(Refusal::Unknown)?;
        match caller.may(need) {
            true => Ok(Some(&caller.subject)),
            false => Err(Refusal::NotAllowed(caller.subject.clone())),
        }
    }
}

impl Caller {
    fn may(&self, need: &Need) -> bool {
        self.restrictions.as_ref().is_none_or(|all| all.iter().any(|restriction| restriction.permits(need)))
    }
}

impl Restriction {
    fn permits(&self, need: &Need) -> bool {
        let ours =
            self.plugin == "catalog" && self.permission.is_none() && self.permission_attribute.is_none();
        ours && match (&self.providers, need) {
            (None, _) | (_, Need::Nothing) => true,
            (Some(names), Need::Provider(name)) => names.contains(name),
            (Some(_), Need::Operate) => false,
        }
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
