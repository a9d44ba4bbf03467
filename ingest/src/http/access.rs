//! Who may call: static tokens, as in Backstage's `backend.auth.externalAccess`.
//!
//! Without any token configured nothing is checked, and the executable listens on loopback only.

use std::fmt;

use axum::{
    extract::{Request, State},
    http::header,
    middleware::Next,
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use super::{HttpState, error::ApiError};

/// Who may push and operate.
#[derive(Clone, Debug, Default)]
pub struct AccessConfig {
    /// The tokens; empty: everybody who can connect.
    pub tokens: Vec<Token>,
}

/// A token and what it is good for. Only its digest is kept.
#[derive(Clone)]
pub struct Token {
    digest: [u8; 32],
    /// Who it belongs to.
    subject: String,
    /// The providers it may push and operate; `None`: all.
    providers: Option<Vec<String>>,
}

/// Who calls, if tokens tell.
#[derive(Clone, Debug)]
pub(super) struct Caller(pub(super) Option<String>);

impl Token {
    /// A token with the name of its owner, bound to these providers if any are given.
    pub fn new(secret: &str, subject: impl Into<String>, providers: Option<Vec<String>>) -> Self {
        Self { digest: Sha256::digest(secret.as_bytes()).into(), subject: subject.into(), providers }
    }

    /// Who it belongs to.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Whether it may call the endpoints of this provider; of none: those that only read.
    fn allows(&self, provider: Option<&str>) -> bool {
        match (&self.providers, provider) {
            (Some(providers), Some(provider)) => providers.iter().any(|known| known == provider),
            (None, _) | (_, None) => true,
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("subject", &self.subject).field("providers", &self.providers).finish()
    }
}

impl AccessConfig {
    /// Whether a request with this `Authorization` header may speak of this provider.
    ///
    /// # Errors
    /// 401 without a token that is known, 403 with one that is not good for it.
    fn check(&self, authorization: Option<&str>, provider: Option<&str>) -> Result<Caller, ApiError> {
        if self.tokens.is_empty() {
            return Ok(Caller(None));
        }
        let secret = authorization.and_then(|text| {
            let (scheme, secret) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
        });
        // Comparing digests tells nothing about the tokens, however long the comparison takes.
        let digest: [u8; 32] = Sha256::digest(secret.ok_or(ApiError::Unauthenticated)?.as_bytes()).into();
        let token = self.tokens.iter().find(|token| token.digest == digest);
        let token = token.ok_or(ApiError::Unauthenticated)?;
        if token.allows(provider) {
            return Ok(Caller(Some(token.subject.clone())));
        }
        let named = provider.unwrap_or_default();
        Err(ApiError::Forbidden(format!(
            "the token of `{}` is not good for the provider `{named}`",
            token.subject
        )))
    }
}

/// Lets a request through if its token is good for it.
pub(super) async fn check_token(
    State(state): State<HttpState>,
    path: axum::extract::RawPathParams,
    mut request: Request,
    next: Next,
) -> Response {
    let provider = path.iter().find(|(key, _)| *key == "name").map(|(_, value)| value.to_owned());
    let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match state.access.check(authorization, provider.as_deref()) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(access: &AccessConfig, authorization: Option<&str>, provider: Option<&str>) -> u16 {
        match access.check(authorization, provider) {
            Ok(_) => 200,
            Err(error) => error.into_response().status().as_u16(),
        }
    }

    #[test]
    fn without_tokens_everybody_may() {
        assert_eq!(status(&AccessConfig::default(), None, Some("cmdb")), 200);
    }

    #[test]
    fn a_token_is_good_for_its_providers_only() {
        let access = AccessConfig {
            tokens: vec![
                Token::new("all", "operator", None),
                Token::new("one", "cmdb-sync", Some(vec!["cmdb".to_owned()])),
            ],
        };
        for (authorization, provider, expected) in [
            (None, Some("cmdb"), 401),
            (Some("Bearer nobody"), Some("cmdb"), 401),
            (Some("Basic all"), Some("cmdb"), 401),
            (Some("Bearer all"), Some("cmdb"), 200),
            (Some("bearer one"), Some("cmdb"), 200),
            (Some("Bearer one"), Some("other"), 403),
            (Some("Bearer one"), None, 200),
        ] {
            assert_eq!(status(&access, authorization, provider), expected, "{authorization:?} {provider:?}");
        }
    }
}
