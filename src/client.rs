//! The HTTP client of the commands that talk to a running Backstitch.

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::config::Secret;
use crate::status::{ProviderStatus, Status};

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Talks to one server.
#[derive(Clone, Debug)]
pub struct Client {
    server: Url,
    token: Option<Secret>,
    http: reqwest::Client,
}

impl Client {
    /// A client of the server at this address, with an operator's token if there is one.
    ///
    /// # Errors
    /// If the address is no URL or the HTTP client cannot be set up.
    pub fn new(server: &str, token: Option<Secret>) -> Result<Self> {
        let server = Url::parse(server).with_context(|| format!("--server {server} is not a URL"))?;
        let http = reqwest::Client::builder().timeout(REQUEST_TIMEOUT).build()?;
        Ok(Self { server, token, http })
    }

    /// What the server holds and does.
    ///
    /// # Errors
    /// If the server does not answer, or not as expected.
    pub async fn status(&self) -> Result<Status> {
        let value = self.request(Method::GET, &["api", "catalog", "v1", "status"]).await?;
        decode(value)
    }

    /// Why an entity or a document is as it is.
    ///
    /// # Errors
    /// If the server does not answer, or does not understand what is asked.
    pub async fn explain(&self, question: &Question) -> Result<Value> {
        let (name, value) = match question {
            Question::Entity(entity_ref) => ("ref", entity_ref),
            Question::Document(target) => ("target", target),
        };
        self.ask(Method::GET, &["api", "catalog", "v1", "explain"], &[(name, value)]).await
    }

    /// The server's providers.
    ///
    /// # Errors
    /// If the server does not answer, or not as expected.
    pub async fn providers(&self) -> Result<Vec<ProviderStatus>> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Listing {
            Bare(Vec<ProviderStatus>),
            Named { providers: Vec<ProviderStatus> },
        }
        let value = self.request(Method::GET, &["api", "ingest", "v1", "providers"]).await?;
        Ok(match decode(value)? {
            Listing::Bare(providers) | Listing::Named { providers } => providers,
        })
    }

    /// Lets held removals happen, or discards them.
    ///
    /// # Errors
    /// If the server refuses.
    pub async fn decide(&self, provider: &str, decision: Decision) -> Result<Value> {
        let decision = match decision {
            Decision::Confirm => "confirm",
            Decision::Discard => "discard",
        };
        self.request(Method::POST, &["api", "ingest", "v1", "providers", provider, decision]).await
    }

    /// Withdraws a provider with all that it claims.
    ///
    /// # Errors
    /// If the server refuses.
    pub async fn withdraw(&self, provider: &str) -> Result<Value> {
        self.request(Method::DELETE, &["api", "ingest", "v1", "providers", provider]).await
    }

    async fn request(&self, method: Method, path: &[&str]) -> Result<Value> {
        self.ask(method, path, &[]).await
    }

    async fn ask(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> Result<Value> {
        let mut url = self.server.clone();
        url.path_segments_mut()
            .map_err(|()| anyhow::anyhow!("--server {} cannot have a path", self.server))?
            .pop_if_empty()
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self.http.request(method, url.clone());
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        let response = request.send().await.with_context(|| {
            format!("no answer from {}; is `backstitch up` running there? choose with --server", self.server)
        })?;
        let status = response.status();
        let text = response.text().await.with_context(|| format!("the answer of {url} broke off"))?;
        if !status.is_success() {
            return Err(refusal(status, &text, &url).into());
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text)
            .with_context(|| format!("{url} did not answer with JSON; is this a Backstitch server?"))
    }
}

/// What is to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// An entity, by its ref.
    Entity(String),
    /// A document, by its URL or location ref.
    Document(String),
}

/// What becomes of held removals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// They happen.
    Confirm,
    /// They are forgotten until they are found again.
    Discard,
}

fn decode<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).context("the server's answer is not understood; is it of another version?")
}

/// The server answered, but not with what was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{url} answered {status}: {message}{hint}")]
pub struct Refusal {
    /// The status of the answer.
    pub status: StatusCode,
    url: Url,
    message: String,
    hint: &'static str,
}

/// A refusal in the server's own words where it has any.
fn refusal(status: StatusCode, text: &str, url: &Url) -> Refusal {
    let body: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    let message = body.pointer("/error/message").and_then(Value::as_str).unwrap_or(text.trim());
    let hint = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            " (give a token with --token or BACKSTITCH_TOKEN)"
        }
        _ => "",
    };
    let message = message.lines().next().unwrap_or_default().to_owned();
    Refusal { status, url: url.clone(), message, hint }
}
