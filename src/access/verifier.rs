//! Who sent a token.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backstitch_query_api::Principal;
use backstitch_schemas::{Clock, EntityRef, RefContext};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::Refusal;
use super::external::Callers;
use super::own_key::OwnKeys;
use super::portal::Portal;
use super::restrictions::{Grant, OUR_PLUGIN};
use super::tokens::{self, Claims, Demand, Kind, Unverified};

/// How long a token that was checked need not be checked again.
const TRUSTED: Duration = Duration::from_secs(30);

/// Tokens that are remembered.
const REMEMBERED: usize = 10_000;

/// Who sent a token, and what the token is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) principal: Principal,
    /// What a service may do; everything for people, because a policy decides about them.
    pub(super) grant: Grant,
    /// Whether it is a limited token, sent by itself: good for reading only.
    pub(super) is_limited: bool,
    /// When it ends, in seconds.
    ends: Option<i64>,
}

/// Checks tokens.
pub(super) struct Verifier {
    pub(super) callers: Callers,
    pub(super) portal: Option<Arc<Portal>>,
    pub(super) own: Arc<OwnKeys>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) checked: Checked,
}

/// Tokens that were checked a moment ago, by digest.
#[derive(Default)]
pub(super) struct Checked(Mutex<HashMap<[u8; 32], (Instant, Known)>>);

impl Verifier {
    /// Who sent `token`.
    ///
    /// # Errors
    /// If it is not good, or its keys cannot be read.
    pub(super) async fn identify(&self, token: &str) -> Result<Known, Refusal> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let now = self.clock.now().0 / 1_000;
        if let Some(known) = self.checked.get(&digest, now) {
            return Ok(known);
        }
        let known = self.check(token).await?;
        self.checked.put(digest, known.clone());
        Ok(known)
    }

    async fn check(&self, token: &str) -> Result<Known, Refusal> {
        let Some(said) = Unverified::read(token) else { return self.external(token, None).await };
        match said.kind() {
            Kind::Plugin(plugin) => self.plugin(token, &said, &plugin).await,
            Kind::User { is_old } => self.user(token, &said, is_old, None).await,
            Kind::LimitedUser => {
                let known = self.user(token, &said, false, None).await?;
                Ok(Known { is_limited: true, ..known })
            }
            Kind::Other => self.external(token, Some(&said)).await,
        }
    }

    async fn external(&self, token: &str, said: Option<&Unverified>) -> Result<Known, Refusal> {
        let recognised = self.callers.recognise(token, said).await?;
        let restrictions = recognised.grant.restrictions.clone();
        let principal = Principal::Service { subject: recognised.subject, restrictions };
        Ok(Known { principal, grant: recognised.grant, is_limited: false, ends: recognised.ends })
    }

    async fn user(
        &self,
        token: &str,
        said: &Unverified,
        is_old: bool,
        through: Option<String>,
    ) -> Result<Known, Refusal> {
        let key = self.portal()?.people().find(said.kid()?).await?;
        let audiences: &[&str] = if is_old { &["backstage"] } else { &[] };
        let claims = tokens::verify(token, &key, &Demand { audiences, issuers: &[], is_dated: true })?;
        let entity_ref = EntityRef::parse(&claims.sub, RefContext::default());
        let entity_ref = entity_ref.map_err(|_| Refusal::invalid("its subject is no entity ref"))?;
        let limited = said.limited(token, &claims);
        let principal = Principal::User { entity_ref, token: limited, through };
        Ok(Known { principal, grant: Grant::default(), is_limited: false, ends: claims.ends() })
    }

    async fn plugin(&self, token: &str, said: &Unverified, plugin: &str) -> Result<Known, Refusal> {
        let kid = said.kid()?;
        let key = match self.own.find(kid).filter(|_| plugin == OUR_PLUGIN) {
            Some(own) => own,
            None => self.portal()?.plugin(plugin)?.find(kid).await?,
        };
        let demand = Demand { audiences: &[OUR_PLUGIN], issuers: &[], is_dated: true };
        let claims = tokens::verify(token, &key, &demand)?;
        let subject = format!("plugin:{}", claims.sub);
        match &claims.obo {
            None => {
                let principal = Principal::Service { subject, restrictions: None };
                Ok(Known { principal, grant: Grant::default(), is_limited: false, ends: claims.ends() })
            }
            Some(person) => self.on_behalf(person, subject, &claims).await,
        }
    }

    /// The person whose limited token a plugin's token carries.
    async fn on_behalf(&self, person: &str, plugin: String, claims: &Claims) -> Result<Known, Refusal> {
        let said = Unverified::read(person);
        let said = said.ok_or_else(|| Refusal::invalid("the user token that it carries is no token"))?;
        let is_old = match said.kind() {
            Kind::User { is_old } => is_old,
            Kind::LimitedUser => false,
            _ => return Err(Refusal::invalid("the token that it carries is not a user's")),
        };
        let known = self.user(person, &said, is_old, Some(plugin)).await?;
        Ok(Known { ends: known.ends.min(claims.ends()), ..known })
    }

    fn portal(&self) -> Result<&Portal, Refusal> {
        self.portal.as_deref().ok_or_else(|| {
            Refusal::invalid("it is a portal's, and backstitch.portal.baseUrl does not say where that is")
        })
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("callers", &self.callers).finish_non_exhaustive()
    }
}

impl Checked {
    fn get(&self, digest: &[u8; 32], now: i64) -> Option<Known> {
        let checked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, known) = checked.get(digest)?;
        let is_fresh = since.elapsed() < TRUSTED && known.ends.is_none_or(|ends| now < ends);
        is_fresh.then(|| known.clone())
    }

    fn put(&self, digest: [u8; 32], known: Known) {
        let mut checked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if checked.len() >= REMEMBERED {
            checked.retain(|_, (since, _)| since.elapsed() < TRUSTED);
            if checked.len() >= REMEMBERED {
                checked.clear();
            }
        }
        checked.insert(digest, (Instant::now(), known));
    }
}
