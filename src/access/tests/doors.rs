//! What is open to whom, and callers from outside.

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::routing::any;
use axum::{Extension, Router};
use backstitch_ingest::http::Caller;
use tower::ServiceExt;

use super::*;

fn guarded_by(auth: Value) -> Access {
    access(&config(auth, None, false))
}

fn external(access: Value) -> Access {
    guarded_by(json!({ "externalAccess": access }))
}

fn service(subject: &str) -> Result<Principal, Refusal> {
    Ok(Principal::Service { subject: subject.to_owned(), restrictions: None })
}

#[tokio::test]
async fn nothing_is_needed_while_nothing_is_configured() {
    let access = guarded_by(json!({}));
    assert!(!access.is_guarded());
    for need in [Need::Read, Need::Write, Need::Operate, Need::Provider("a".to_owned())] {
        assert_eq!(access.admit(Credentials::default(), &need).await, Ok(Principal::Anonymous));
        assert_eq!(admit(&access, "whatever", &need).await, Ok(Principal::Anonymous));
    }
}

#[tokio::test]
async fn credentials_are_needed_once_somebody_has_them() {
    let access = external(json!([{"type": "static", "options": {"token": "all", "subject": "ops"}}]));
    assert!(access.is_guarded());
    for need in [Need::Read, Need::Write, Need::Operate] {
        assert_eq!(access.admit(Credentials::default(), &need).await, Err(Refusal::Missing));
        assert!(matches!(admit(&access, "other", &need).await, Err(Refusal::Invalid(_))));
        assert_eq!(admit(&access, "all", &need).await, service("external:ops"));
    }
    assert_eq!(access.admit(Credentials::default(), &Need::Nothing).await, Ok(Principal::Anonymous));
    // An empty token is nobody's: everybody could send it.
    assert!(!external(json!([{"type": "static", "options": {"token": ""}}])).is_guarded());
}

#[tokio::test]
async fn without_the_default_policy_strangers_come_in_and_bad_tokens_do_not() {
    let access = guarded_by(json!({
        "dangerouslyDisableDefaultAuthPolicy": true,
        "externalAccess": [{"type": "static", "options": {"token": "all"}}],
    }));
    assert_eq!(access.admit(Credentials::default(), &Need::Write).await, Ok(Principal::Anonymous));
    assert!(admit(&access, "other", &Need::Read).await.is_err());
    // Whoever pushes has a token, so others have to show theirs.
    assert_eq!(access.admit(Credentials::default(), &Need::Operate).await, Err(Refusal::Missing));
    let nobody_pushes = guarded_by(json!({"dangerouslyDisableDefaultAuthPolicy": true}));
    assert_eq!(nobody_pushes.admit(Credentials::default(), &Need::Operate).await, Ok(Principal::Anonymous));
}

/// The permission backend decides about people; pushes and metrics it is never asked about.
#[tokio::test]
async fn strangers_do_not_push_where_permissions_decide() {
    let auth = json!({"dangerouslyDisableDefaultAuthPolicy": true});
    let access = access(&config(auth, Some("http://portal.example"), true));
    assert_eq!(access.admit(Credentials::default(), &Need::Read).await, Ok(Principal::Anonymous));
    for need in [Need::Operate, Need::Provider("inventory".to_owned())] {
        assert_eq!(access.admit(Credentials::default(), &need).await, Err(Refusal::Missing));
    }
}

#[tokio::test]
async fn a_caller_from_outside_does_what_its_restrictions_permit() {
    let access = external(json!([
        {"type": "static", "options": {"token": "push", "subject": "inventory"},
         "accessRestrictions": [{"plugin": "catalog", "providers": ["inventory"]}]},
        {"type": "static", "options": {"token": "else"}, "accessRestrictions": [{"plugin": "scaffolder"}]},
        {"type": "static", "options": {"token": "read"},
         "accessRestrictions": [{"plugin": "catalog", "permissionAttribute": {"action": "read"}}]},
    ]));
    let (inventory, payroll) = (Need::Provider("inventory".to_owned()), Need::Provider("payroll".to_owned()));
    assert!(admit(&access, "push", &inventory).await.is_ok());
    assert!(matches!(admit(&access, "push", &payroll).await, Err(Refusal::NotAllowed(_))));
    assert!(matches!(admit(&access, "push", &Need::Operate).await, Err(Refusal::NotAllowed(_))));
    let refused = admit(&access, "else", &Need::Read).await.unwrap_err();
    assert_eq!(refused.to_string(), "This token's access is restricted to plugin(s) 'scaffolder'");
    let Ok(Principal::Service { restrictions: Some(limits), .. }) = read(&access, "read").await else {
        panic!("it may read");
    };
    assert_eq!(limits.permission_actions, ["read"]);
    assert!(matches!(admit(&access, "read", &inventory).await, Err(Refusal::NotAllowed(_))));
}

#[tokio::test]
async fn a_shared_secret_signs_for_servers() {
    let secret = "c2VjcmV0LXNlY3JldA==";
    let access = guarded_by(json!({
        "externalAccess": [{"type": "legacy", "options": {"secret": secret, "subject": "old"}}],
        "keys": [{"secret": "b3RoZXItb3RoZXI="}],
    }));
    let signed = |secret: &[u8], claims: &Value| {
        let key = jsonwebtoken::EncodingKey::from_secret(secret);
        jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &key).unwrap()
    };
    let claims = json!({"sub": "backstage-server", "exp": now() + 600});
    assert_eq!(read(&access, &signed(b"secret-secret", &claims)).await, service("external:old"));
    assert_eq!(read(&access, &signed(b"other-other", &claims)).await, service("external:backstage-plugin"));
    assert!(read(&access, &signed(b"guessed", &claims)).await.is_err());
    let over = json!({"sub": "backstage-server", "exp": now() - 60});
    assert!(read(&access, &signed(b"secret-secret", &over)).await.is_err());
    let person = json!({"sub": "user:default/anne", "aud": "backstage", "iat": now(), "exp": now() + 600});
    assert!(read(&access, &signed(b"secret-secret", &person)).await.is_err());
}

#[tokio::test]
async fn a_caller_with_published_keys_says_who_it_is() {
    let signer = Signer::new("ci-1");
    let portal = Portal::start(&[&signer], &[]).await;
    let access = external(json!([{"type": "jwks", "options": {
        "url": format!("{}/api/auth/.well-known/jwks.json", portal.url),
        "issuer": "https://ci.example", "audience": ["catalog", "other"], "algorithm": "ES256",
        "subjectPrefix": "ci",
    }}]));
    let token = |iss: &str, aud: &str| {
        signer.sign(None, &json!({"sub": "build", "iss": iss, "aud": aud, "exp": now() + 600}))
    };
    assert_eq!(read(&access, &token("https://ci.example", "catalog")).await, service("external:ci:build"));
    assert!(refusal(&access, &token("https://evil.example", "catalog")).await.contains("Issuer"));
    assert!(refusal(&access, &token("https://ci.example", "elsewhere")).await.contains("Audience"));
}

#[tokio::test]
async fn credentials_that_cannot_be_used_stop_the_start() {
    drop(rustls::crypto::ring::default_provider().install_default());
    for auth in [
        json!({"externalAccess": [{"type": "static", "options": {"token": "t"},
               "accessRestrictions": [{"providers": ["inventory"]}]}]}),
        json!({"externalAccess": [{"type": "legacy", "options": {"secret": "no base64!"}}]}),
        json!({"externalAccess": [{"type": "jwks", "options": {"url": "http://x", "algorithm": "ROT13"}}]}),
    ] {
        let config = config(auth.clone(), None, false);
        assert!(Access::new(&config, Arc::new(SystemClock)).is_err(), "{auth}");
    }
}

async fn send(router: &Router, request: axum::http::request::Builder) -> Response<Body> {
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn the_guard_answers_as_backstage_does() {
    let access = external(json!([{"type": "static", "options": {"token": "all"}}]));
    let guarded = access.guard(Router::new().fallback(any(async || "in")));
    let post = || Request::post("/api/catalog/locations?dryRun=true");
    let admitted = send(&guarded, post().header("authorization", "bearer all")).await;
    assert_eq!(admitted.status(), StatusCode::OK);
    assert_eq!(send(&guarded, post().header("authorization", "Basic all")).await.status(), 401);
    let refused = send(&guarded, post()).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let body = axum::body::to_bytes(refused.into_body(), 10_000).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["error"], json!({"name": "AuthenticationError", "message": "Missing credentials"}));
    assert_eq!(body["request"], json!({"method": "POST", "url": "/locations?dryRun=true"}));
    assert_eq!(body["response"]["statusCode"], 401);
    assert_eq!(send(&guarded, Request::get("/livez")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn credentials_that_are_no_text_are_refused_and_not_taken_for_none() {
    for (auth, is_guarded) in
        [(json!({"dangerouslyDisableDefaultAuthPolicy": true}), true), (json!({}), false)]
    {
        let guarded = guarded_by(auth).guard(Router::new().fallback(any(async || "in")));
        let ask = |path: &str| Request::get(path).header("authorization", &b"Bearer \xc3\x28"[..]);
        assert_eq!(send(&guarded, ask("/livez")).await.status(), StatusCode::OK);
        let answer = send(&guarded, ask("/api/catalog/entities")).await;
        assert_eq!(answer.status() == StatusCode::UNAUTHORIZED, is_guarded);
        if is_guarded {
            let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            let message = body["error"]["message"].as_str().unwrap();
            assert!(message.contains("the Authorization header has bytes"), "{message}");
        }
    }
}

#[test]
fn only_the_public_half_of_our_keys_is_published() {
    let keys = guarded_by(json!({})).public_keys().published();
    assert_eq!((&keys[0]["kty"], keys[0].get("d")), (&json!("EC"), None));
}

#[tokio::test]
async fn handlers_learn_who_calls() {
    let names = async |Extension(Caller(name)): Extension<Caller>, Extension(who): Extension<Principal>| {
        format!("{name} {}", who.name().unwrap_or_default())
    };
    let access = external(json!([{"type": "static", "options": {"token": "all", "subject": "ops"}}]));
    let guarded = access.guard(Router::new().fallback(any(names)));
    let request =
        Request::post("/api/ingest/v1/providers/cmdb/confirm").header("authorization", "Bearer all");
    let answer = send(&guarded, request).await;
    assert_eq!(axum::body::to_bytes(answer.into_body(), 100).await.unwrap(), "external:ops external:ops");
}
