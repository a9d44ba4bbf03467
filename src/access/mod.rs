//! Who may come in, and who they are. The one place that decides it: every request passes [`Access::guard`].
//!
//! Nothing is checked while nothing is configured, and then only this machine can reach us (see
//! [`crate::config::Listen::bind_host`]). Once a portal or a caller from outside is configured, credentials
//! are needed for all but what [`Need::Nothing`] is for. What somebody who is known may
//! do is decided where it is done, by permissions; pushes and decisions about providers are for services,
//! and that is decided here. What to configure is in `docs/ACCESS.md`.

mod external;
mod guard;
mod keys;
mod need;
mod own_key;
mod policy;
mod portal;
mod restrictions;
mod tokens;
mod verifier;

pub use need::Need;
pub use restrictions::Grant;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use backstitch_query_api::{PermissionPolicy, Principal, PublicKeys};
use backstitch_schemas::Clock;

use crate::config::{AppConfig, Secret};
use external::Callers;
use own_key::OwnKeys;
use policy::PortalPolicy;
use portal::Portal;
use verifier::{Checked, Verifier};

/// How long one request to a portal may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The least time between two looks at the same keys.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who may come in.
#[derive(Clone, Debug)]
pub struct Access(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    door: Door,
    verifier: Verifier,
    own_token: Secret,
    policy: Option<Arc<dyn PermissionPolicy>>,
    notice: Option<&'static str>,
}

/// Whether credentials are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// Nothing is configured: they are not even looked at.
    Open,
    /// They are checked where they are sent. Without them, `pushes` tells whether providers are open, too.
    Ajar { pushes: bool },
    /// They are needed.
    Guarded,
}

/// Credentials as they were sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Credentials<'a> {
    /// A bearer token.
    pub bearer: Option<&'a str>,
    /// The token of the cookie that portals set for what browsers load by themselves; good for reading.
    pub cookie: Option<&'a str>,
}

/// Why access cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// A restriction that we do not understand must not be passed over.
    #[error("backend.auth.externalAccess: the access restrictions of `{subject}` cannot be used: {what}")]
    Restriction {
        /// Whose it is.
        subject: String,
        /// What is wrong with it.
        what: String,
    },
    /// A credential has not the form of one.
    #[error("backend.auth: the credential of `{subject}` cannot be used: {what}")]
    Credential {
        /// Whose it is.
        subject: String,
        /// What is wrong with it.
        what: String,
    },
    /// A plugin cannot be found.
    #[error("plugin `{0}` cannot be reached: {1}")]
    Address(String, String),
    /// People would see an empty catalog, and nobody would know why.
    #[error(
        "permission.enabled is true, but there is nobody to ask what people may: {0}; give backstitch.portal.baseUrl, \
         or places for the plugins `auth` and `permission` in discovery.endpoints, or set permission.enabled to false"
    )]
    NobodyDecides(String),
    /// We cannot sign with the key that we are given.
    #[error("backstitch.portal.signingKey must be an EC key on P-256 as PEM (PKCS #8): {0}")]
    SigningKey(String),
    /// No key or token of our own can be made.
    #[error("no signing key or token can be made: {0}")]
    OwnKey(String),
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Http(#[from] reqwest::Error),
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There are no credentials.
    #[error("Missing credentials")]
    Missing,
    /// They are not good.
    #[error("Could not resolve credentials; caused by AuthenticationError: {0}")]
    Invalid(String),
    /// The caller is known and may not do this.
    #[error("{0}")]
    NotAllowed(String),
    /// Whether they are good cannot be found out now.
    #[error("Nobody can say whether the token is good: {0}")]
    Unreachable(String),
}

impl Refusal {
    fn invalid(what: impl Into<String>) -> Self {
        Self::Invalid(what.into())
    }
}

impl Access {
    /// What the configuration says.
    ///
    /// # Errors
    /// If a part of it cannot be used: to pass over it could let somebody in who must not come in.
    pub fn new(config: &AppConfig, clock: Arc<dyn Clock>) -> Result<Self, AccessError> {
        Self::with_patience(config, clock, PATIENCE)
    }

    fn with_patience(
        config: &AppConfig,
        clock: Arc<dyn Clock>,
        patience: Duration,
    ) -> Result<Self, AccessError> {
        let (auth, settings) = (&config.backend.auth, &config.backstitch.portal);
        let http = reqwest::Client::builder()
            .timeout(REQUEST_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let portal = Portal::of(config, http.clone(), patience)?.map(Arc::new);
        let mut callers = Callers::new(auth, &http, patience)?;
        let door = match (auth.everybody, portal.is_some() || !callers.is_empty()) {
            (true, _) => Door::Ajar { pushes: callers.is_empty() && !config.permission.enabled },
            (false, true) => Door::Guarded,
            (false, false) => Door::Open,
        };
        let own_token = own_key::secret_token()?;
        callers.trust(&own_token, "plugin:catalog");
        let own = Arc::new(OwnKeys::new(settings.signing_key.as_ref(), clock.now())?);
        let (policy, notice) = match &portal {
            _ if !config.permission.enabled => (None, None),
            Some(portal) => {
                let policy = PortalPolicy::new(portal, own.clone(), http, clock.clone());
                let policy = policy.map_err(AccessError::NobodyDecides)?;
                (Some(Arc::new(policy) as Arc<dyn PermissionPolicy>), None)
            }
            None => (None, Some(without_portal(door)?)),
        };
        let verifier = Verifier { callers, portal, own, clock, checked: Checked::default() };
        Ok(Self(Arc::new(Inner { door, verifier, own_token, policy, notice })))
    }

    /// Whether more than this machine may reach us.
    pub fn is_guarded(&self) -> bool {
        self.0.door != Door::Open
    }

    /// A token for this process's own requests to itself.
    pub fn own_token(&self) -> Secret {
        self.0.own_token.clone()
    }

    /// Who decides what people may; nobody, if permissions are not enabled.
    pub fn policy(&self) -> Option<Arc<dyn PermissionPolicy>> {
        self.0.policy.clone()
    }

    /// What a person should know.
    pub fn notice(&self) -> Option<&'static str> {
        self.0.notice
    }

    /// Our public keys, for whoever checks our tokens.
    pub fn public_keys(&self) -> Arc<dyn PublicKeys> {
        Arc::clone(&self.0.verifier.own) as Arc<dyn PublicKeys>
    }

    /// Puts the check in front of all routes of `router`. Handlers find the [`Principal`], and those of
    /// ingest the [`backstitch_ingest::http::Caller`], in the extensions.
    pub fn guard(&self, router: Router) -> Router {
        guard::guard(router, self.clone())
    }

    /// Whether credentials are looked at, if some are sent.
    pub fn checks(&self, need: &Need) -> bool {
        self.0.door != Door::Open && *need != Need::Nothing
    }

    /// Whose request this is, if it may come in.
    ///
    /// # Errors
    /// If credentials are needed and missing, are not good, or are not enough.
    pub async fn admit(&self, sent: Credentials<'_>, need: &Need) -> Result<Principal, Refusal> {
        if !self.checks(need) {
            return Ok(Principal::Anonymous);
        }
        let cookie = sent.cookie.filter(|_| *need == Need::Read);
        let Some(token) = sent.bearer.or(cookie) else { return self.admit_stranger(need) };
        let known = self.0.verifier.identify(token).await?;
        if known.is_limited && *need != Need::Read {
            return Err(Refusal::invalid("a limited user token is good for reading only"));
        }
        match (&known.principal, need) {
            (Principal::User { .. }, Need::Provider(_) | Need::Operate) => {
                Err(Refusal::NotAllowed("Pushes and decisions about providers are for services".to_owned()))
            }
            (Principal::Service { subject, .. }, _) if !known.grant.permits(need) => {
                Err(Refusal::NotAllowed(match &known.grant.elsewhere {
                    Some(plugins) => {
                        let plugins: Vec<_> = plugins.iter().map(|plugin| format!("'{plugin}'")).collect();
                        format!("This token's access is restricted to plugin(s) {}", plugins.join(", "))
                    }
                    None => format!("{subject} is not allowed to do this"),
                }))
            }
            _ => Ok(known.principal),
        }
    }

    fn admit_stranger(&self, need: &Need) -> Result<Principal, Refusal> {
        match (self.0.door, need) {
            (Door::Ajar { pushes: false }, Need::Provider(_) | Need::Operate) => Err(Refusal::Missing),
            (Door::Ajar { .. } | Door::Open, _) => Ok(Principal::Anonymous),
            (Door::Guarded, _) => Err(Refusal::Missing),
        }
    }
}

/// What enabled permissions come to where no portal decides.
///
/// # Errors
/// If people come in: they would see an empty catalog, and nobody would know why.
fn without_portal(door: Door) -> Result<&'static str, AccessError> {
    match door {
        Door::Ajar { .. } => {
            Err(AccessError::NobodyDecides("backstitch.portal.baseUrl is not given".to_owned()))
        }
        Door::Guarded => Ok("permission.enabled has no effect on services, and people cannot come in until \
            backstitch.portal.baseUrl is given"),
        Door::Open => Ok("permission.enabled has no effect until backstitch.portal.baseUrl is given"),
    }
}

#[cfg(test)]
mod tests;
