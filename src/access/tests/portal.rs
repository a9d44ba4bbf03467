//! A portal on this machine: signs tokens, publishes its keys, decides.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};

/// A signing key with its name.
pub(super) struct Signer {
    kid: String,
    key: EncodingKey,
}

impl Signer {
    pub(super) fn new(kid: &str) -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        Self { kid: kid.to_owned(), key: EncodingKey::from_ec_der(pkcs8.unwrap().as_ref()) }
    }

    pub(super) fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, Algorithm::ES256).unwrap();
        jwk.common.key_id = Some(self.kid.clone());
        serde_json::to_value(jwk).unwrap()
    }

    /// A token with these claims; `typ` as given.
    pub(super) fn sign(&self, typ: Option<&str>, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = typ.map(str::to_owned);
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }

    /// The limited token of a person, written as a portal writes it.
    pub(super) fn limited(&self, sub: &str, iat: i64, exp: i64) -> String {
        let header = format!(r#"{{"typ":"vnd.backstage.limited-user","alg":"ES256","kid":"{}"}}"#, self.kid);
        let payload = format!(r#"{{"sub":"{sub}","iat":{iat},"exp":{exp}}}"#);
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, Algorithm::ES256).unwrap();
        format!("{signed}.{signature}")
    }

    /// A person's token, with the signature of the limited one in it.
    pub(super) fn user(&self, sub: &str, iat: i64, exp: i64) -> String {
        let limited = self.limited(sub, iat, exp);
        let uip = limited.rsplit('.').next().unwrap();
        let claims = json!({"iss": "http://portal/api/auth", "sub": sub, "aud": "backstage",
                            "iat": iat, "exp": exp, "uip": uip});
        self.sign(Some("vnd.backstage.user"), &claims)
    }

    /// A plugin's token, perhaps on behalf of the person whose limited token is given.
    pub(super) fn plugin(&self, sub: &str, aud: &str, iat: i64, exp: i64, obo: Option<&str>) -> String {
        let mut claims = json!({"sub": sub, "aud": aud, "iat": iat, "exp": exp});
        if let Some(obo) = obo {
            claims["obo"] = obo.into();
        }
        self.sign(Some("vnd.backstage.plugin"), &claims)
    }
}

/// What the portal publishes and decides, and how often it was asked.
pub(super) struct Portal {
    pub(super) url: String,
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    /// The keys of people's tokens.
    pub(super) people: Mutex<Vec<Value>>,
    /// The keys of the plugin `scaffolder`.
    pub(super) scaffolder: Mutex<Vec<Value>>,
    /// What `authorize` answers, without the id.
    pub(super) decision: Mutex<Value>,
    pub(super) key_requests: AtomicUsize,
    /// The tokens that `authorize` was asked with, and the questions.
    pub(super) questions: Mutex<Vec<(Option<String>, Value)>>,
}

impl Portal {
    /// Listens on a port of its own.
    pub(super) async fn start(people: &[&Signer], scaffolder: &[&Signer]) -> Self {
        let jwks = |signers: &[&Signer]| Mutex::new(signers.iter().map(|signer| signer.jwk()).collect());
        let shared = Arc::new(Shared {
            people: jwks(people),
            scaffolder: jwks(scaffolder),
            decision: Mutex::new(json!({"result": "ALLOW"})),
            key_requests: AtomicUsize::new(0),
            questions: Mutex::default(),
        });
        let router = Router::new()
            .route("/api/auth/.well-known/jwks.json", get(people_keys))
            .route("/api/{plugin}/.backstage/auth/v1/jwks.json", get(plugin_keys))
            .route("/api/permission/authorize", post(authorize))
            .with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }
}

async fn people_keys(State(shared): State<Arc<Shared>>) -> Json<Value> {
    shared.key_requests.fetch_add(1, Ordering::Relaxed);
    let keys = shared.people.lock().unwrap().clone();
    Json(json!({ "keys": keys }))
}

async fn plugin_keys(
    State(shared): State<Arc<Shared>>,
    Path(plugin): Path<String>,
) -> Result<Json<Value>, StatusCode> {
    shared.key_requests.fetch_add(1, Ordering::Relaxed);
    let keys = shared.scaffolder.lock().unwrap().clone();
    if plugin == "scaffolder" { Ok(Json(json!({ "keys": keys }))) } else { Err(StatusCode::NOT_FOUND) }
}

async fn authorize(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    let token = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    shared.questions.lock().unwrap().push((token, body.clone()));
    let mut item = shared.decision.lock().unwrap().clone();
    if item.is_null() {
        return Err(StatusCode::INTERNAL_SERVER_ERROR);
    }
    item["id"] = body["items"][0]["id"].clone();
    Ok(Json(json!({ "items": [item] })))
}
