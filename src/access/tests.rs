use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::any;
use axum::{Extension, Router};
use backstitch_ingest::http::Caller;
use serde_json::json;
use tower::ServiceExt;

use super::*;
use crate::config::AuthConfig;

fn callers(access: serde_json::Value) -> Callers {
    let auth: AuthConfig = serde_json::from_value(json!({"externalAccess": access})).unwrap();
    Callers::new(&auth).unwrap()
}

#[test]
fn reads_need_nothing_and_everything_else_does() {
    let need = |method: &str, path: &str| Need::of(&method.parse().unwrap(), path);
    let provider = |name: &str| Need::Provider(name.to_owned());
    assert_eq!(need("GET", "/"), Need::Nothing);
    assert_eq!(need("GET", "/api/catalog/entities"), Need::Nothing);
    assert_eq!(need("POST", "/API/catalog/entities/by-refs/"), Need::Nothing);
    assert_eq!(need("POST", "/api/catalog/refresh"), Need::Nothing);
    assert_eq!(need("OPTIONS", "/api/ingest/v1/providers"), Need::Nothing);
    assert_eq!(need("POST", "/api/catalog/locations"), Need::Operate);
    assert_eq!(need("DELETE", "/api/catalog/entities/by-uid/1"), Need::Operate);
    assert_eq!(need("GET", "/api/ingest/v1/providers"), Need::Operate);
    assert_eq!(need("POST", "/api/ingest/v1/providers/Inventory/mutations"), provider("Inventory"));
    assert_eq!(need("POST", "/api/ingest/v1/providers/a%20b%2Fc/mutations"), provider("a b/c"));
    assert_eq!(need("DELETE", "/api/ingest/v1/providers/inventory"), provider("inventory"));
    assert_eq!(need("POST", "/api/ingest/v1/providers/inventory/confirm"), Need::Operate);
    assert_eq!(need("POST", "/api/ingest/v1/providers/%ff/mutations"), Need::Operate);
    assert_eq!(need("POST", "/anything/new"), Need::Operate);
}

#[test]
fn a_token_permits_what_its_restrictions_say() {
    let callers = callers(json!([
        {"type": "static", "options": {"token": "all", "subject": "ops"}},
        {"type": "static", "options": {"token": "push", "subject": "inventory"},
         "accessRestrictions": [{"plugin": "catalog", "providers": ["inventory"]}]},
        {"type": "static", "options": {"token": "else"}, "accessRestrictions": [{"plugin": "scaffolder"}]},
        {"type": "jwks", "options": {"token": "ignored"}},
    ]));
    let inventory = Need::Provider("inventory".to_owned());
    let payroll = Need::Provider("payroll".to_owned());
    assert_eq!(callers.admit(None, &Need::Nothing), Ok(None));
    assert_eq!(callers.admit(None, &inventory), Err(Refusal::Unknown));
    assert_eq!(callers.admit(Some("ignored"), &inventory), Err(Refusal::Unknown));
    assert_eq!(callers.admit(Some("all"), &Need::Operate), Ok(Some("ops")));
    assert_eq!(callers.admit(Some("push"), &inventory), Ok(Some("inventory")));
    assert_eq!(callers.admit(Some("push"), &payroll), Err(Refusal::NotAllowed("inventory".to_owned())));
    assert_eq!(callers.admit(Some("push"), &Need::Operate), Err(Refusal::NotAllowed("inventory".to_owned())));
    assert!(matches!(callers.admit(Some("else"), &inventory), Err(Refusal::NotAllowed(_))));
}

#[test]
fn a_restriction_that_cannot_be_read_is_not_passed_over() {
    let auth: AuthConfig = serde_json::from_value(json!({"externalAccess": [
        {"type": "static", "options": {"token": "t"}, "accessRestrictions": [{"providers": ["inventory"]}]},
    ]}))
    .unwrap();
    assert!(matches!(Callers::new(&auth), Err(AccessError::Restriction { .. })));
}

#[tokio::test]
async fn the_guard_answers_as_backstage_does() {
    let routes = Router::new().fallback(any(async || "in"));
    let guarded = guard(routes, callers(json!([{"type": "static", "options": {"token": "all"}}])));
    let send = async |token: Option<&str>| {
        let mut request = Request::post("/api/catalog/locations?dryRun=true");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        guarded.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    };
    assert_eq!(send(Some("all")).await.status(), StatusCode::OK);
    let refused = send(None).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let body = axum::body::to_bytes(refused.into_body(), 10_000).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["error"]["name"], "AuthenticationError");
    assert_eq!(body["request"], json!({"method": "POST", "url": "/locations?dryRun=true"}));
    assert_eq!(body["response"]["statusCode"], 401);
}

#[tokio::test]
async fn the_guard_tells_the_scheme_and_handlers_learn_who_calls() {
    let subject = async |Extension(Caller(subject)): Extension<Caller>| subject;
    let access = json!([{"type": "static", "options": {"token": "all", "subject": "ops"}}]);
    let guarded = guard(Router::new().fallback(any(subject)), callers(access));
    let send = async |authorization: &str| {
        let request = Request::post("/api/ingest/v1/providers/cmdb/confirm");
        let request = request.header("authorization", authorization).body(Body::empty()).unwrap();
        guarded.clone().oneshot(request).await.unwrap()
    };
    assert_eq!(send("Basic all").await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(send("Bearer nobody").await.status(), StatusCode::UNAUTHORIZED);
    let answer = send("bearer all").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(axum::body::to_bytes(answer.into_body(), 100).await.unwrap(), "ops");
}

#[test]
fn without_tokens_nothing_needs_one() {
    assert_eq!(Callers::default().admit(None, &Need::Operate), Ok(None));
}
