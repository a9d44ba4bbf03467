//! Tokens as portals write them: what kind one is, and whether it is what it says.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Number, Value};

use super::Refusal;
use super::keys::Key;

/// `typ` of a person's token.
pub(super) const USER: &str = "vnd.backstage.user";
/// `typ` of a token that stands for a person and is worth less.
pub(super) const LIMITED_USER: &str = "vnd.backstage.limited-user";
/// `typ` of a plugin's token.
pub(super) const PLUGIN: &str = "vnd.backstage.plugin";
/// The audience of a person's token.
const PEOPLE: &str = "backstage";

/// Clocks may differ by this many seconds.
const LEEWAY: u64 = 10;

/// What a token says of itself, before anybody has checked it.
#[derive(Clone, Debug, Default)]
pub(super) struct Unverified {
    header: Value,
    payload: Value,
}

/// What kind of token one says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A person's, of a current or an old portal.
    User {
        /// An old one has no type.
        is_old: bool,
    },
    /// One that stands for a person and is worth less.
    LimitedUser,
    /// The named plugin's.
    Plugin(String),
    /// Somebody else's.
    Other,
}

/// Claims that were checked.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Claims {
    /// Whose token it is.
    pub(super) sub: String,
    /// When it was made.
    pub(super) iat: Option<Number>,
    /// When it ends, in seconds; absent in old shared-secret tokens only.
    pub(super) exp: Option<Number>,
    /// The limited token of the person on whose behalf a plugin calls.
    pub(super) obo: Option<String>,
    /// The signature of the limited token that stands for a person.
    uip: Option<String>,
}

impl Claims {
    /// When it ends, in whole seconds.
    pub(super) fn ends(&self) -> Option<i64> {
        let ends = self.exp.as_ref()?;
        ends.as_i64().or_else(|| Some(ends.as_f64()? as i64))
    }
}

/// What a token has to be.
#[derive(Clone, Debug, Default)]
pub(super) struct Demand<'a> {
    /// One of these audiences; any if empty.
    pub(super) audiences: &'a [&'a str],
    /// One of these issuers; any if empty.
    pub(super) issuers: &'a [&'a str],
    /// Whether it must say when it was made and when it ends.
    pub(super) is_dated: bool,
}

impl Unverified {
    /// What a token says, if it has the form of one.
    pub(super) fn read(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let mut part = || serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok();
        let read = Self { header: part()?, payload: part()? };
        (parts.next().is_some() && parts.next().is_none()).then_some(read)
    }

    /// What kind it is.
    pub(super) fn kind(&self) -> Kind {
        match self.header("typ") {
            Some(USER) => Kind::User { is_old: false },
            Some(LIMITED_USER) => Kind::LimitedUser,
            Some(PLUGIN) => Kind::Plugin(self.payload("sub").unwrap_or_default().to_owned()),
            _ if self.payload["aud"] == PEOPLE => Kind::User { is_old: true },
            _ => Kind::Other,
        }
    }

    /// A text of the header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.header.get(name)?.as_str()
    }

    /// A text of the payload.
    pub(super) fn payload(&self, name: &str) -> Option<&str> {
        self.payload.get(name)?.as_str()
    }

    /// Whether the payload has this member.
    pub(super) fn has(&self, name: &str) -> bool {
        self.payload.get(name).is_some()
    }

    /// The key that it names.
    ///
    /// # Errors
    /// If it names none.
    pub(super) fn kid(&self) -> Result<&str, Refusal> {
        self.header("kid").ok_or_else(|| Refusal::invalid("it names no key"))
    }

    /// The limited token that stands for the same person, of a user's token that was checked. An old token
    /// has none, so it stands for itself.
    ///
    /// Members stand in the order in which the portal signed them.
    pub(super) fn limited(&self, token: &str, claims: &Claims) -> String {
        let (Some(uip), Some(iat), Some(exp)) = (&claims.uip, &claims.iat, &claims.exp) else {
            return token.to_owned();
        };
        let text = |text: Option<&str>| Value::from(text.unwrap_or_default());
        let header = format!(
            r#"{{"typ":"{LIMITED_USER}","alg":{},"kid":{}}}"#,
            text(self.header("alg")),
            text(self.header("kid"))
        );
        let payload = format!(r#"{{"sub":{},"iat":{iat},"exp":{exp}}}"#, Value::from(claims.sub.as_str()));
        format!("{}.{}.{uip}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
    }
}

/// Checks a token against a public key.
///
/// # Errors
/// If it is not signed with that key, is over, or is not what is demanded.
pub(super) fn verify(token: &str, key: &Key, demand: &Demand<'_>) -> Result<Claims, Refusal> {
    check(token, &key.decoding, key.algorithms.clone(), demand)
}

/// Checks a token against a shared secret.
///
/// # Errors
/// As [`verify`].
pub(super) fn verify_shared(token: &str, secret: &[u8], demand: &Demand<'_>) -> Result<Claims, Refusal> {
    check(token, &DecodingKey::from_secret(secret), vec![Algorithm::HS256], demand)
}

fn check(
    token: &str,
    key: &DecodingKey,
    algorithms: Vec<Algorithm>,
    demand: &Demand<'_>,
) -> Result<Claims, Refusal> {
    let Some(first) = algorithms.first() else { return Err(Refusal::invalid("its key has no algorithm")) };
    let mut validation = Validation::new(*first);
    validation.algorithms = algorithms;
    validation.leeway = LEEWAY;
    validation.validate_nbf = true;
    validation.validate_aud = !demand.audiences.is_empty();
    let mut required = vec!["sub"];
    if demand.is_dated {
        required.push("exp");
    }
    if !demand.audiences.is_empty() {
        validation.set_audience(demand.audiences);
        required.push("aud");
    }
    if !demand.issuers.is_empty() {
        validation.set_issuer(demand.issuers);
        required.push("iss");
    }
    validation.set_required_spec_claims(&required);
    let claims: Claims = jsonwebtoken::decode(token, key, &validation)
        .map_err(|error| Refusal::invalid(error.to_string()))?
        .claims;
    if demand.is_dated && claims.iat.is_none() {
        return Err(Refusal::invalid("it does not say when it was made"));
    }
    if claims.sub.is_empty() {
        return Err(Refusal::invalid("it has no subject"));
    }
    Ok(claims)
}
