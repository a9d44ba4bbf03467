//! The callers of `backend.auth.externalAccess`: with a token of their own, with tokens signed by a shared
//! secret (`legacy`, and `backend.auth.keys`), or with tokens signed by keys that they publish (`jwks`).

use std::time::Duration;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jsonwebtoken::Algorithm;
use sha2::{Digest as _, Sha256};

use super::keys::Keys;
use super::restrictions::Grant;
use super::tokens::{self, Demand, Unverified};
use super::{AccessError, Refusal};
use crate::config::{AuthConfig, ExternalAccess, Secret};

/// Everyone from outside.
#[derive(Debug, Default)]
pub(super) struct Callers(Vec<Caller>);

#[derive(Debug)]
struct Caller {
    credential: Credential,
    /// `external:…`; for `jwks` put before the subject of a token.
    subject: String,
    grant: Grant,
}

enum Credential {
    /// Tokens are compared by digest, so that the time it takes tells nothing about them.
    Static([u8; 32]),
    /// The secret that tokens are signed with.
    Shared(Vec<u8>),
    /// The keys that tokens are signed with, and what tokens have to say.
    Published(Box<Published>),
}

#[derive(Debug)]
struct Published {
    keys: Keys,
    issuers: Vec<String>,
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
}

/// A caller that was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recognised {
    pub(super) subject: String,
    pub(super) grant: Grant,
    /// When its token ends, in seconds.
    pub(super) ends: Option<i64>,
}

impl Callers {
    /// The callers of the configuration. One without a credential, for instance because the variable that
    /// holds it is not set, is none.
    ///
    /// # Errors
    /// If a credential or a restriction cannot be used.
    pub(super) fn new(
        auth: &AuthConfig,
        http: &reqwest::Client,
        patience: Duration,
    ) -> Result<Self, AccessError> {
        let mut callers = Vec::new();
        for access in &auth.external_access {
            if let Some(caller) = Caller::of(access, http, patience)? {
                callers.push(caller);
            }
        }
        for key in auth.keys.iter().filter_map(|key| key.secret.as_ref()) {
            let credential = Credential::Shared(secret("backend.auth.keys", key)?);
            let subject = "external:backstage-plugin".to_owned();
            callers.push(Caller { credential, subject, grant: Grant::default() });
        }
        Ok(Self(callers))
    }

    /// Adds somebody who may do everything.
    pub(super) fn trust(&mut self, token: &Secret, subject: &str) {
        let (credential, subject) = (Credential::Static(digest(token.expose())), subject.to_owned());
        self.0.push(Caller { credential, subject, grant: Grant::default() });
    }

    /// Whether there is nobody.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// If it is nobody's, is over, or its keys cannot be read.
    pub(super) async fn recognise(
        &self,
        token: &str,
        said: Option<&Unverified>,
    ) -> Result<Recognised, Refusal> {
        let digest = digest(token);
        let mut refusal = Refusal::invalid("Illegal token");
        for caller in &self.0 {
            match caller.recognise(token, &digest, said).await {
                None => {}
                Some(Ok(recognised)) => return Ok(recognised),
                Some(Err(cause)) => refusal = cause,
            }
        }
        Err(refusal)
    }
}

impl Caller {
    fn of(
        access: &ExternalAccess,
        http: &reqwest::Client,
        patience: Duration,
    ) -> Result<Option<Self>, AccessError> {
        let options = &access.options;
        let given = |secret: &Option<Secret>| secret.clone().filter(|text| !text.expose().is_empty());
        let (credential, subject) = match access.kind.as_str() {
            "static" => {
                let Some(token) = given(&options.token) else { return Ok(None) };
                (Credential::Static(digest(token.expose())), named(options.subject.as_deref()))
            }
            "legacy" => {
                let Some(text) = given(&options.secret) else { return Ok(None) };
                let subject = named(options.subject.as_deref());
                (Credential::Shared(secret(&subject, &text)?), subject)
            }
            "jwks" => {
                let Some(url) = options.url.clone() else { return Ok(None) };
                let algorithms = options.algorithm.0.iter().map(|name| {
                    name.parse().map_err(|_| AccessError::Credential {
                        subject: url.to_string(),
                        what: format!("{name} is not an algorithm of signatures"),
                    })
                });
                let published = Published {
                    algorithms: algorithms.collect::<Result<_, _>>()?,
                    issuers: options.issuer.0.clone(),
                    audiences: options.audience.0.clone(),
                    keys: Keys::new(url, http.clone(), patience),
                };
                let prefix = options.subject_prefix.as_ref().map(|prefix| format!("{prefix}:"));
                let subject = format!("external:{}", prefix.unwrap_or_default());
                (Credential::Published(Box::new(published)), subject)
            }
            _ => return Ok(None),
        };
        let grant = Grant::of(&subject, access.access_restrictions.as_deref())?;
        Ok(Some(Self { credential, subject, grant }))
    }

    /// `None`: the token is of another kind.
    async fn recognise(
        &self,
        token: &str,
        presented: &[u8; 32],
        said: Option<&Unverified>,
    ) -> Option<Result<Recognised, Refusal>> {
        let recognised = |subject: String, ends| Recognised { subject, grant: self.grant.clone(), ends };
        match &self.credential {
            Credential::Static(digest) => {
                (digest == presented).then(|| Ok(recognised(self.subject.clone(), None)))
            }
            Credential::Shared(secret) => {
                said.filter(|said| is_of_a_server(said))?;
                let claims = tokens::verify_shared(token, secret, &Demand::default());
                Some(claims.map(|claims| recognised(self.subject.clone(), claims.ends())))
            }
            Credential::Published(published) => {
                let said = said.filter(|said| said.header("kid").is_some())?;
                let claims = published.verify(token, said).await;
                let subject = |sub: &str| format!("{}{sub}", self.subject);
                Some(claims.map(|claims| recognised(subject(&claims.sub), claims.ends())))
            }
        }
    }
}

impl Published {
    async fn verify(&self, token: &str, said: &Unverified) -> Result<tokens::Claims, Refusal> {
        let mut key = self.keys.find(said.kid()?).await?;
        if !self.algorithms.is_empty() {
            key.algorithms.retain(|algorithm| self.algorithms.contains(algorithm));
        }
        let (audiences, issuers) = (borrowed(&self.audiences), borrowed(&self.issuers));
        tokens::verify(token, &key, &Demand { audiences: &audiences, issuers: &issuers, is_dated: false })
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Static(_) => "Static",
            Self::Shared(_) => "Shared",
            Self::Published(_) => "Published",
        })
    }
}

/// Old portals' tokens between servers.
fn is_of_a_server(said: &Unverified) -> bool {
    said.header("alg") == Some("HS256") && said.payload("sub") == Some("backstage-server") && !said.has("aud")
}

fn borrowed(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

fn named(subject: Option<&str>) -> String {
    format!("external:{}", subject.unwrap_or("unnamed"))
}

/// The bytes of a secret: base64 in either alphabet, as old portals read it.
fn secret(subject: &str, text: &Secret) -> Result<Vec<u8>, AccessError> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let text = text.expose().replace('+', "-").replace('/', "_");
    GeneralPurpose::new(&URL_SAFE, lenient).decode(text).map_err(|_| AccessError::Credential {
        subject: subject.to_owned(),
        what: "the secret is not base64".to_owned(),
    })
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
