//! What is shown to the API of a git host.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use reqwest::header::HeaderValue;

use super::App;

/// What is shown to the API of a git host. Debug output does not tell secrets.
#[derive(Clone, Debug, Default)]
pub enum Credentials {
    /// Nothing: only what is public can be read.
    #[default]
    None,
    /// The same with each request.
    Fixed(HeaderValue),
    /// Tokens that GitHub gives to Apps, for each owner that one of them is installed for.
    Apps {
        /// The Apps; the first that is installed for an owner is used.
        apps: Vec<App>,
        /// What is shown where no App is installed.
        otherwise: Option<HeaderValue>,
    },
}

/// A token or a password that cannot be sent.
#[derive(Debug, thiserror::Error)]
#[error("it has characters that cannot be sent, such as line breaks")]
pub struct UnusableCredential;

impl Credentials {
    /// `Authorization: Bearer …`
    ///
    /// # Errors
    /// If the token cannot be sent.
    pub fn bearer(token: &str) -> Result<HeaderValue, UnusableCredential> {
        sensitive(&format!("Bearer {token}"))
    }

    /// `Authorization: Basic …`; hosts take a token for the password.
    pub fn basic(user: &str, password: &str) -> HeaderValue {
        let encoded = BASE64.encode(format!("{user}:{password}"));
        sensitive(&format!("Basic {encoded}")).expect("Base64 can be sent")
    }

    /// `Authorization: token …`, as Gitea wants it.
    ///
    /// # Errors
    /// If the token cannot be sent.
    pub fn token(token: &str) -> Result<HeaderValue, UnusableCredential> {
        sensitive(&format!("token {token}"))
    }

    /// Whether nothing is shown.
    pub(super) fn is_anonymous(&self) -> bool {
        matches!(self, Self::None)
    }
}

fn sensitive(text: &str) -> Result<HeaderValue, UnusableCredential> {
    let mut value = HeaderValue::from_str(text).map_err(|_| UnusableCredential)?;
    value.set_sensitive(true);
    Ok(value)
}
