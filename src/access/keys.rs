//! The public keys of somebody who signs tokens, read from where they are published.
//!
//! Keys are remembered. They are read again when a token names one that is not known, but not more often
//! than every few seconds, one request at a time, and now and then so that withdrawn ones go. Whoever has a
//! token of a known key never waits for anybody.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::StatusCode;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::Refusal;

/// How long a key may be used without looking whether it is still published.
const LOOK_AGAIN: Duration = Duration::from_secs(10 * 60);

/// How long keys may be used while nobody can say whether they are still published.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// A public key, and what it is used with.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) decoding: DecodingKey,
    /// Never a symmetric one: a public key must not serve as a shared secret.
    pub(super) algorithms: Vec<Algorithm>,
}

/// The keys that are published at one address.
pub(super) struct Keys {
    url: Url,
    http: reqwest::Client,
    /// The least time between two looks.
    patience: Duration,
    known: RwLock<Known>,
    looking: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Known {
    keys: Arc<HashMap<String, Key>>,
    read_at: Option<Instant>,
}

impl Keys {
    /// The keys at `url`, of which none are known yet.
    pub(super) fn new(url: Url, http: reqwest::Client, patience: Duration) -> Self {
        Self { url, http, patience, known: RwLock::default(), looking: Mutex::default() }
    }

    /// The key that a token names.
    ///
    /// # Errors
    /// If there is no such key, or nobody can be asked.
    pub(super) async fn find(&self, kid: &str) -> Result<Key, Refusal> {
        let (key, age) = self.known(kid);
        match key {
            Some(key) if age < LOOK_AGAIN => return Ok(key),
            _ => {}
        }
        let looked = self.look(kid).await;
        match (self.known(kid), looked) {
            ((Some(key), age), _) if age < KEPT => Ok(key),
            (_, Ok(())) => {
                Err(Refusal::invalid(format!("its key '{kid}' is not among those of {}", self.url)))
            }
            (_, Err(cause)) => {
                tracing::warn!(url = %self.url, cause, "the keys that tokens are signed with cannot be read");
                Err(Refusal::Unreachable(format!("the keys at {} cannot be read: {cause}", self.url)))
            }
        }
    }

    fn known(&self, kid: &str) -> (Option<Key>, Duration) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let age = known.read_at.map_or(Duration::MAX, |read_at| read_at.elapsed());
        (known.keys.get(kid).cloned(), age)
    }

    /// Reads the keys, unless that was done a moment ago.
    async fn look(&self, kid: &str) -> Result<(), String> {
        let mut last = self.looking.lock().await;
        // Somebody else may have looked while we waited for our turn.
        let (key, age) = self.known(kid);
        if key.is_some() && age < LOOK_AGAIN {
            return Ok(());
        }
        if last.is_some_and(|last| last.elapsed() < self.patience) {
            return if age < LOOK_AGAIN {
                Ok(())
            } else {
                Err("they could not be read a moment ago".to_owned())
            };
        }
        *last = Some(Instant::now());
        let keys = self.read().await?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Known { keys: Arc::new(keys), read_at: Some(Instant::now()) };
        Ok(())
    }

    async fn read(&self) -> Result<HashMap<String, Key>, String> {
        let answer = self.http.get(self.url.clone()).send().await.map_err(|error| chain(&error))?;
        match answer.status() {
            // There is no such plugin, so it has no keys.
            StatusCode::NOT_FOUND => return Ok(HashMap::new()),
            status if !status.is_success() => return Err(format!("the answer is {status}")),
            _ => {}
        }
        let set: JwkSet = answer.json().await.map_err(|error| chain(&error))?;
        Ok(set.keys.iter().filter_map(|jwk| Some((jwk.common.key_id.clone()?, key(jwk)?))).collect())
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

/// An error with its causes, which is where reqwest says what happened.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

/// A key that we can use; `None` for others, which may be for something else.
fn key(jwk: &Jwk) -> Option<Key> {
    use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve};
    let algorithms = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => vec![Algorithm::ES256],
            EllipticCurve::P384 => vec![Algorithm::ES384],
            _ => return None,
        },
        AlgorithmParameters::RSA(_) => vec![
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        AlgorithmParameters::OctetKeyPair(_) => vec![Algorithm::EdDSA],
        _ => return None,
    };
    // What it is used with, if it says so; a key for encryption is none of ours.
    let said: Option<Algorithm> =
        jwk.common.key_algorithm.map(|algorithm| algorithm.to_string().parse()).transpose().ok()?;
    let algorithms = algorithms.into_iter().filter(|one| said.is_none_or(|said| said == *one)).collect();
    Some(Key { decoding: DecodingKey::from_jwk(jwk).ok()?, algorithms })
}
