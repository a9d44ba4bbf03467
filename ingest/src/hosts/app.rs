//! GitHub Apps: a signed claim buys a token for an installation, for an hour.
//!
//! <https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app>

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use backstitch_schemas::Timestamp;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use reqwest::{Method, header::HeaderValue};
use rustls::{
    SignatureScheme,
    crypto::ring::sign::any_supported_type,
    pki_types::{PrivateKeyDer, pem::PemObject as _},
    sign::SigningKey,
};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::{sync::Mutex, time::Instant};
use url::Url;

use super::{
    Credentials,
    api::{Answer, Request, Unintelligible, below, with},
    call::Call,
};
use crate::locations::fetch::{Again, Failure};

/// How long it is taken for granted where Apps are installed.
const INSTALLED: Duration = Duration::from_secs(600);
/// How long before its end a token is not used any more, in seconds.
const MARGIN: i64 = 300;

/// A GitHub App.
#[derive(Clone, Debug)]
pub struct App {
    /// Its id or client id.
    pub id: String,
    /// Its private key.
    pub key: AppKey,
    /// The owners that its installations are used for; all of them if not given.
    pub owners: Option<Vec<String>>,
}

/// The private key of a GitHub App. Debug output does not tell it.
#[derive(Clone)]
pub struct AppKey(Arc<dyn SigningKey>);

/// A text that is no private key of a GitHub App.
#[derive(Debug, thiserror::Error)]
#[error(
    "is not an RSA private key in PEM form, as GitHub gives it for download (`-----BEGIN RSA PRIVATE KEY-----`)"
)]
pub struct AppKeyError;

impl AppKey {
    /// Reads a key in PEM form.
    ///
    /// # Errors
    /// If it is none, or no RSA key.
    pub fn from_pem(pem: &str) -> Result<Self, AppKeyError> {
        // One line with `\n` written out is how keys come through variables.
        let pem = pem.replace("\\n", "\n");
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| AppKeyError)?;
        let key = any_supported_type(&der).map_err(|_| AppKeyError)?;
        key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).ok_or(AppKeyError)?;
        Ok(Self(key))
    }

    /// The claim that this is the App `id`, signed (a JWT with RS256), good for nine minutes.
    fn claim(&self, id: &str, now: Timestamp) -> Option<String> {
        let seconds = now.0 / 1000;
        // Clocks differ: it is dated back a little.
        let claims = serde_json::json!({"iat": seconds - 60, "exp": seconds + 540, "iss": id});
        let head = BASE64.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
        let signed = format!("{head}.{}", BASE64.encode(claims.to_string()));
        let signer = self.0.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])?;
        let signature = signer.sign(signed.as_bytes()).ok()?;
        Some(format!("{signed}.{}", BASE64.encode(signature)))
    }
}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppKey(…)")
    }
}

/// The installations and tokens of a host's Apps.
#[derive(Default)]
pub(super) struct Installations(Mutex<State>);

#[derive(Default)]
struct State {
    /// When the installations were listed.
    listed: Option<Instant>,
    /// By owner in lower case.
    installed: HashMap<String, Installation>,
    tokens: HashMap<String, Token>,
}

#[derive(Clone, Copy)]
struct Installation {
    /// Which of the Apps.
    app: usize,
    id: u64,
}

struct Token {
    header: HeaderValue,
    /// When it is not used any more.
    until: Timestamp,
}

#[derive(Deserialize)]
struct InstallationBody {
    id: u64,
    account: Option<Account>,
    suspended_at: Option<String>,
}

#[derive(Deserialize)]
struct Account {
    #[serde(alias = "slug")]
    login: String,
}

#[derive(Deserialize)]
struct TokenBody {
    token: String,
    expires_at: String,
}

impl Installations {
    /// What to show for the repository that `call` is about; nothing if none of `apps` is installed
    /// there.
    ///
    /// # Errors
    /// If GitHub does not answer, or does not accept an App.
    pub(super) async fn authorization(
        &self,
        apps: &[App],
        call: &Call<'_>,
    ) -> Result<Option<HeaderValue>, Failure> {
        let (owner, now) = (call.file.owner().to_lowercase(), call.upstream.now());
        // Whoever comes meanwhile waits, and finds what this one got.
        let mut state = self.0.lock().await;
        if let Some(token) = state.tokens.get(&owner).filter(|token| token.until > now) {
            return Ok(Some(token.header.clone()));
        }
        if state.listed.is_none_or(|listed| listed.elapsed() > INSTALLED) {
            state.installed = list(apps, call).await?;
            state.listed = Some(Instant::now());
        }
        let Some(installation) = state.installed.get(&owner).copied() else { return Ok(None) };
        let token = mint(&apps[installation.app], installation.id, call).await?;
        let header = token.header.clone();
        state.tokens.insert(owner, token);
        Ok(Some(header))
    }

    /// Forgets the token of an owner, and where the Apps are installed: GitHub did not take it.
    pub(super) async fn forget(&self, owner: &str) {
        let mut state = self.0.lock().await;
        state.tokens.remove(&owner.to_lowercase());
        state.listed = None;
    }
}

/// Where the Apps are installed. An App whose key is not taken fails all: it would be silent else.
async fn list(apps: &[App], call: &Call<'_>) -> Result<HashMap<String, Installation>, Failure> {
    let (api, mut installed) = (&call.host.config.api_base_url, HashMap::new());
    for (index, app) in apps.iter().enumerate() {
        let mut next = Some(with(below(api, ["app", "installations"]), &[("per_page", "100")]));
        while let Some(url) = next {
            let answer = ask_as(app, Method::GET, url, call).await?;
            let what = format!("the installations of App {}", app.id);
            let bodies: Vec<InstallationBody> = understood(&what, &answer, call)?;
            next = answer.next_link().filter(|next| next.origin() == api.origin());
            for body in bodies.into_iter().filter(|body| body.suspended_at.is_none()) {
                let Some(account) = body.account else { continue };
                let login = account.login.to_lowercase();
                let wanted = |owners: &Vec<String>| owners.iter().any(|owner| owner.to_lowercase() == login);
                if app.owners.as_ref().is_none_or(wanted) {
                    installed.entry(login).or_insert(Installation { app: index, id: body.id });
                }
            }
        }
    }
    Ok(installed)
}

async fn mint(app: &App, installation: u64, call: &Call<'_>) -> Result<Token, Failure> {
    let (id, now) = (installation.to_string(), call.upstream.now());
    let url = below(&call.host.config.api_base_url, ["app", "installations", &id, "access_tokens"]);
    let answer = ask_as(app, Method::POST, url, call).await?;
    let what = format!("the token of App {} for installation {id}", app.id);
    let body: TokenBody = understood(&what, &answer, call)?;
    let end = Timestamp::parse(&body.expires_at)
        .ok_or_else(|| no_token(call, &format!("{what} ends at `{}`", body.expires_at)))?;
    let header = Credentials::bearer(&body.token)
        .map_err(|cause| no_token(call, &format!("{what} cannot be used: {cause}")))?;
    // It is renewed early, but one that is short-lived is not thrown away at once.
    let lifetime = (end.0 - now.0).max(0);
    Ok(Token { header, until: Timestamp(end.0 - (MARGIN * 1000).min(lifetime / 4)) })
}

/// Asks as the App itself.
async fn ask_as(app: &App, method: Method, url: Url, call: &Call<'_>) -> Result<Answer, Failure> {
    let claim = app.key.claim(&app.id, call.upstream.now());
    let header = claim.and_then(|claim| Credentials::bearer(&claim).ok());
    let header =
        header.ok_or_else(|| no_token(call, &format!("the private key of App {} does not sign", app.id)))?;
    let accept = "application/vnd.github+json";
    let request = Request { method, accept, authorization: Some(header), ..Request::get(url) };
    call.upstream.send(request, call.url, call.wake).await
}

fn understood<T: DeserializeOwned>(what: &str, answer: &Answer, call: &Call<'_>) -> Result<T, Failure> {
    if answer.status.is_server_error() {
        return Err(call.refusal(answer.status));
    }
    if !answer.status.is_success() {
        return Err(no_token(call, &format!("GitHub answered {} when asked for {what}", answer.status)));
    }
    answer.json().map_err(|Unintelligible(cause)| no_token(call, &format!("{what}: {cause}")))
}

fn no_token(call: &Call<'_>, why: &str) -> Failure {
    let advice = format!("check `{}.apps`: {why}", call.host.config.setting);
    call.failure("there is no token for the GitHub App", None, Again::Regularly, advice)
}
