//! The keys that our own tokens are signed with, for asking other plugins.

use std::sync::{Mutex, PoisonError};

use backstitch_query_api::PublicKeys;
use backstitch_schemas::{Clock, Timestamp};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::AccessError;
use super::keys::Key;
use super::restrictions::OUR_PLUGIN;
use super::tokens::PLUGIN;
use crate::config::Secret;

/// How long one of our tokens is good, in seconds.
const LIFE: i64 = 60 * 60;

/// How long a key is used that was made here, in milliseconds.
const ROTATED: i64 = 24 * 60 * 60 * 1_000;

/// Our keys: the one that signs, and before it the last one, whose tokens may still be under way.
pub(super) struct OwnKeys {
    keys: Mutex<Vec<OwnKey>>,
    /// A key of the configuration serves for ever, because other processes have it too.
    is_configured: bool,
}

struct OwnKey {
    id: String,
    signing: EncodingKey,
    public: Jwk,
    since: Timestamp,
}

impl OwnKeys {
    /// The key of the configuration, or one of this process's own.
    ///
    /// # Errors
    /// If the configured one is none.
    pub(super) fn new(configured: Option<&Secret>, now: Timestamp) -> Result<Self, AccessError> {
        let key = match configured {
            Some(pem) => {
                let signing = EncodingKey::from_ec_pem(pem.expose().as_bytes());
                let key = signing.map_err(|error| error.to_string()).and_then(|key| OwnKey::of(key, now));
                key.map_err(AccessError::SigningKey)?
            }
            None => OwnKey::made(now).map_err(AccessError::OwnKey)?,
        };
        Ok(Self { keys: Mutex::new(vec![key]), is_configured: configured.is_some() })
    }

    /// A token of ours for another plugin, on behalf of a person if a limited token is given.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub(super) fn token(
        &self,
        audience: &str,
        person: Option<&str>,
        clock: &dyn Clock,
    ) -> Result<String, String> {
        let now = clock.now();
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        self.rotate(&mut keys, now);
        let key = keys.last().expect("there is always a key");
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(PLUGIN.to_owned());
        header.kid = Some(key.id.clone());
        let issued = now.0 / 1_000;
        let mut claims = json!({"sub": OUR_PLUGIN, "aud": audience, "iat": issued, "exp": issued + LIFE});
        if let Some(person) = person {
            claims["obo"] = person.into();
        }
        jsonwebtoken::encode(&header, &claims, &key.signing).map_err(|error| error.to_string())
    }

    fn rotate(&self, keys: &mut Vec<OwnKey>, now: Timestamp) {
        let is_due = keys.last().is_some_and(|key| now.0 - key.since.0 > ROTATED);
        if self.is_configured || !is_due {
            return;
        }
        match OwnKey::made(now) {
            Ok(key) => {
                keys.push(key);
                let superfluous = keys.len().saturating_sub(2);
                keys.drain(..superfluous);
            }
            Err(error) => tracing::warn!(error, "no new signing key could be made; the last one serves on"),
        }
    }

    /// The public half of one of them.
    pub(super) fn find(&self, kid: &str) -> Option<Key> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let key = keys.iter().find(|key| key.id == kid)?;
        let decoding = DecodingKey::from_jwk(&key.public).ok()?;
        Some(Key { decoding, algorithms: vec![Algorithm::ES256] })
    }
}

impl PublicKeys for OwnKeys {
    fn published(&self) -> Vec<Value> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.iter().map(|key| json!(key.public)).collect()
    }
}

impl OwnKey {
    fn made(now: Timestamp) -> Result<Self, String> {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
        let key = key.map_err(|_| "the system has no randomness".to_owned())?;
        Self::of(EncodingKey::from_ec_der(key.as_ref()), now)
    }

    fn of(signing: EncodingKey, now: Timestamp) -> Result<Self, String> {
        let mut public =
            Jwk::from_encoding_key(&signing, Algorithm::ES256).map_err(|error| error.to_string())?;
        // The same key has the same name in every process.
        let text = serde_json::to_vec(&public.algorithm).map_err(|error| error.to_string())?;
        let id = URL_SAFE_NO_PAD.encode(Sha256::digest(text));
        public.common.key_id = Some(id.clone());
        Ok(Self { id, signing, public, since: now })
    }
}

impl std::fmt::Debug for OwnKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnKeys(…)")
    }
}

/// A token that nobody can guess.
///
/// # Errors
/// If the system has no randomness.
pub(super) fn secret_token() -> Result<Secret, AccessError> {
    let mut bytes = [0; 32];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| AccessError::OwnKey("the system has no randomness".to_owned()))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}
