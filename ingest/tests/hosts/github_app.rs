//! Private repositories read by a GitHub App.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{body::Body, http::Response};
use backstitch_ingest::{
    Follower,
    hosts::{App, AppKey, Credentials},
    locations::Config,
};
use backstitch_schemas::{Timestamp, scm::Scm};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use serde_json::{Value, json};

use crate::{
    github::{API, State, answer, entities_in},
    repository::Repository,
    server::{Asked, Server, json, status},
    support::{Reader, location, system},
};

/// The key of the App of the fake; it opens nothing else.
const KEY: &str = include_str!("app-key.pem");
const APP: &str = "4711";

/// A fake GitHub that gives short-lived tokens to the App.
struct Hub {
    state: State,
    lifetime: Duration,
    /// Tokens and when they end.
    tokens: Vec<(String, SystemTime)>,
    /// How often a token was shown after its end.
    refused: usize,
    suspended: bool,
}

fn now() -> SystemTime {
    SystemTime::now()
}

/// Whether a request shows the claim of the App, signed with its key and dated soundly.
fn is_the_app(asked: &Asked) -> bool {
    let shown = asked.headers.get("authorization").and_then(|shown| shown.to_str().ok());
    let Some(claim) = shown.and_then(|shown| shown.strip_prefix("Bearer ")) else { return false };
    let Some((signed, signature)) = claim.rsplit_once('.') else { return false };
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let PrivateKeyDer::Pkcs1(der) = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap() else {
        panic!("the key of the fake is PKCS#1, as GitHub's are");
    };
    let pair = ring::rsa::KeyPair::from_der(der.secret_pkcs1_der()).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref().to_vec());
    if public.verify(signed.as_bytes(), &decode(signature)).is_err() {
        return false;
    }
    let (head, body) = signed.split_once('.').unwrap();
    let head: Value = serde_json::from_slice(&decode(head)).unwrap();
    let body: Value = serde_json::from_slice(&decode(body)).unwrap();
    let seconds = now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (from, to) = (body["iat"].as_u64().unwrap(), body["exp"].as_u64().unwrap());
    head["alg"] == "RS256" && body["iss"] == APP && from <= seconds && seconds < to && to <= seconds + 600
}

fn respond(hub: &mut Hub, asked: &Asked) -> Response<Body> {
    match (asked.method.as_str(), &asked.path()[..]) {
        ("GET", ["api", "v3", "app", "installations"]) if is_the_app(asked) => json(&json!([
            {"id": 1, "account": {"login": "someone-else"}, "suspended_at": null},
            {"id": 2, "account": {"login": "O"}, "suspended_at": hub.suspended.then_some("2026-01-01T00:00:00Z")},
        ])),
        ("POST", ["api", "v3", "app", "installations", "2", "access_tokens"]) if is_the_app(asked) => {
            let (token, end) = (format!("ghs_{}", hub.tokens.len()), now() + hub.lifetime);
            let millis = end.duration_since(UNIX_EPOCH).unwrap().as_millis();
            hub.tokens.push((token.clone(), end));
            let expires_at = Timestamp(i64::try_from(millis).unwrap()).to_string();
            let mut response = json(&json!({"token": token, "expires_at": expires_at}));
            *response.status_mut() = axum::http::StatusCode::CREATED;
            response
        }
        (_, ["api", "v3", "app", ..]) => status(401),
        _ => {
            let shown = hub.tokens.iter().find(|(token, _)| asked.shows(&format!("Bearer {token}")));
            match shown {
                Some((_, end)) if *end > now() => answer(&hub.state, asked),
                Some(_) => {
                    hub.refused += 1;
                    status(401)
                }
                None => status(404),
            }
        }
    }
}

async fn start(lifetime: Duration) -> (Server, Arc<Mutex<Hub>>) {
    let repository = Repository::new(&[("a.yaml", &system("a"))]);
    // Whoever shows a token is let in; whether it is good is looked at before.
    let authorizations = (0..1000).map(|index| format!("Bearer ghs_{index}")).collect();
    let state = State { repository, authorizations, ..State::default() };
    let hub = Hub { state, lifetime, tokens: Vec::new(), refused: 0, suspended: false };
    let hub = Arc::new(Mutex::new(hub));
    let served = Arc::clone(&hub);
    (Server::start(move |asked| respond(&mut served.lock().unwrap(), asked)).await, hub)
}

fn config(server: &Server, id: &str, owners: Option<Vec<String>>) -> Config {
    let app = App { id: id.to_owned(), key: AppKey::from_pem(KEY).unwrap(), owners };
    server.config(Scm::GitHub, API, Credentials::Apps { apps: vec![app], otherwise: None })
}

async fn first_failure(config: Config, url: &str) -> String {
    let mut reader = Reader::new(config);
    reader.follower.follow(vec![location("root", "url", &[url])], &[]).await;
    let document = format!("url:{url}");
    reader
        .until("the failure", |seen| seen.documents.get(&document).is_some_and(|d| d.last == "failed"))
        .await;
    reader.documents[&document].errors[0].advice.clone().unwrap()
}

#[tokio::test]
async fn a_private_repository_is_read_by_an_app_whose_tokens_are_renewed_before_they_end() {
    let (server, hub) = start(Duration::from_secs(2)).await;
    let url = format!("http://{}/o/r/blob/main/a.yaml", server.address);
    let mut reader = Reader::new(config(&server, APP, None));
    reader.follower.follow(vec![location("root", "url", &[&url])], &[]).await;
    reader.until("the file", |seen| entities_in(seen) == 1).await;
    while hub.lock().unwrap().tokens.len() < 3 {
        reader.until_for(Duration::from_millis(50)).await;
    }
    assert_eq!(hub.lock().unwrap().refused, 0, "no token is shown after its end");
    assert!(reader.documents.values().all(|document| document.last != "failed"));
    assert_eq!(server.count("GET /api/v3/app/installations"), 1, "installations are not listed each time");
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_renewed_at_once() {
    let (server, hub) = start(Duration::from_secs(3600)).await;
    let url = format!("http://{}/o/r/blob/main/a.yaml", server.address);
    let mut reader = Reader::new(config(&server, APP, None));
    reader.follower.follow(vec![location("root", "url", &[&url])], &[]).await;
    reader.until("the file", |seen| entities_in(seen) == 1).await;
    hub.lock().unwrap().tokens[0].1 = now();
    let change = |files: &mut BTreeMap<_, _>| drop(files.insert("a.yaml".to_owned(), system("b")));
    hub.lock().unwrap().state.repository.change(change);
    reader.until("the change", |seen| seen.submission("b").is_some()).await;
    assert_eq!(hub.lock().unwrap().tokens.len(), 2);
}

#[tokio::test]
async fn what_keeps_an_app_out_is_named() {
    let (server, hub) = start(Duration::from_secs(3600)).await;
    let url = format!("http://{}/o/r/blob/main/a.yaml", server.address);
    let another = first_failure(config(&server, "1", None), &url).await;
    assert!(another.contains("integrations.test[0].apps") && another.contains("401"), "{another}");
    let elsewhere = config(&server, APP, Some(vec!["someone-else".to_owned()]));
    let not_installed = "install an App of `integrations.test[0].apps` for `o`";
    assert!(first_failure(elsewhere, &url).await.contains(not_installed));
    hub.lock().unwrap().suspended = true;
    assert!(first_failure(config(&server, APP, None), &url).await.contains(not_installed));
}

#[test]
fn only_rsa_keys_in_pem_form_are_keys() {
    assert!(AppKey::from_pem(&KEY.replace('\n', "\\n")).is_ok(), "as it comes through a variable");
    assert!(AppKey::from_pem("").is_err());
    assert!(
        AppKey::from_pem("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----").is_err()
    );
    assert!(!format!("{:?}", AppKey::from_pem(KEY).unwrap()).contains("MII"));
}
