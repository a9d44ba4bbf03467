//! The portal's permission backend as the policy.

use backstitch_query_api::{Condition, Decision, PermissionPolicy, permissions};

use super::*;

struct Setting {
    people: Signer,
    portal: Portal,
    access: Access,
    policy: Arc<dyn PermissionPolicy>,
}

async fn setting() -> Setting {
    let people = Signer::new("people-1");
    let portal = Portal::start(&[&people], &[]).await;
    let access = access(&config(json!({}), Some(&portal.url), true));
    let policy = access.policy().unwrap();
    Setting { people, portal, access, policy }
}

impl Setting {
    async fn person(&self, name: &str) -> Principal {
        read(&self.access, &self.people.user(name, now(), now() + 600)).await.unwrap()
    }

    fn decides(&self, decision: Value) {
        *self.portal.shared.decision.lock().unwrap() = decision;
    }
}

#[tokio::test]
async fn the_portal_is_asked_on_behalf_of_the_person_with_a_token_that_our_keys_vouch_for() {
    let setting = setting().await;
    let anne = setting.person("user:default/anne").await;
    assert_eq!(setting.policy.decide(&anne, permissions::ENTITY_READ).await, Ok(Decision::Allow));
    let (token, question) = setting.portal.shared.questions.lock().unwrap()[0].clone();
    let expected = json!([{"id": "1", "permission": {
        "type": "resource", "name": "catalog.entity.read", "attributes": {"action": "read"},
        "resourceType": "catalog-entity",
    }}]);
    assert_eq!(question["items"], expected);
    let token = token.unwrap();
    let token = token.strip_prefix("Bearer ").unwrap();
    let said = tokens::Unverified::read(token).unwrap();
    assert_eq!(said.kind(), tokens::Kind::Plugin("catalog".to_owned()));
    let key = setting.access.0.verifier.own.find(said.kid().unwrap()).unwrap();
    let demand = tokens::Demand { audiences: &["permission"], issuers: &[], is_dated: true };
    let claims = tokens::verify(token, &key, &demand).unwrap();
    let Principal::User { token: limited, .. } = anne else { panic!("a person") };
    assert_eq!((claims.sub.as_str(), claims.obo), ("catalog", Some(limited)));
}

#[tokio::test]
async fn a_decision_holds_for_the_person_and_for_nobody_else() {
    let setting = setting().await;
    let (anne, bob) = (setting.person("user:default/anne").await, setting.person("user:default/bob").await);
    for _ in 0..3 {
        setting.policy.decide(&anne, permissions::ENTITY_READ).await.unwrap();
    }
    setting.decides(json!({"result": "DENY"}));
    assert_eq!(setting.policy.decide(&anne, permissions::ENTITY_READ).await, Ok(Decision::Allow));
    assert_eq!(setting.policy.decide(&bob, permissions::ENTITY_READ).await, Ok(Decision::Deny));
    assert_eq!(setting.policy.decide(&anne, permissions::LOCATION_READ).await, Ok(Decision::Deny));
    assert_eq!(setting.portal.shared.questions.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn conditions_come_through_and_those_about_something_else_do_not() {
    let setting = setting().await;
    let anne = setting.person("user:default/anne").await;
    let conditions = json!({"rule": "HAS_LABEL", "resourceType": "catalog-entity", "params": {"label": "a"}});
    let decision = |plugin: &str| {
        json!({"result": "CONDITIONAL", "pluginId": plugin, "resourceType": "catalog-entity",
               "conditions": conditions})
    };
    setting.decides(decision("catalog"));
    let decided = setting.policy.decide(&anne, permissions::ENTITY_READ).await;
    assert_eq!(decided, Ok(Decision::Conditional(Condition(conditions.clone()))));
    setting.decides(decision("scaffolder"));
    assert!(setting.policy.decide(&anne, permissions::ENTITY_DELETE).await.is_err());
}

#[tokio::test]
async fn nobody_decides_where_the_portal_fails() {
    let setting = setting().await;
    let anne = setting.person("user:default/anne").await;
    setting.decides(Value::Null);
    assert!(setting.policy.decide(&anne, permissions::ENTITY_READ).await.is_err());
    setting.decides(json!({"result": "MAYBE"}));
    assert!(setting.policy.decide(&anne, permissions::ENTITY_DELETE).await.is_err());
}

#[test]
fn permissions_without_anybody_to_ask_stop_the_start_where_people_come_in() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let start = |config: &AppConfig| Access::new(config, Arc::new(SystemClock));
    let open = config(json!({"dangerouslyDisableDefaultAuthPolicy": true}), None, true);
    let mut elsewhere = config(json!({}), None, true);
    elsewhere.discovery = serde_json::from_value(json!({"endpoints": [
        {"target": "http://auth:8000/api/{{ pluginId }}", "plugins": ["auth"]},
    ]}))
    .unwrap();
    for config in [open, elsewhere] {
        let message = start(&config).unwrap_err().to_string();
        for told in ["permission.enabled is true", "backstitch.portal.baseUrl", "discovery.endpoints"] {
            assert!(message.contains(told), "{message}");
        }
    }
    // Services are not asked about.
    let auth = json!({"externalAccess": [{"type": "static", "options": {"token": "all"}}]});
    let services = start(&config(auth, None, true)).unwrap();
    assert!(services.policy().is_none() && services.notice().unwrap().contains("people cannot come in"));
}

#[tokio::test]
async fn without_permissions_nobody_is_asked() {
    let people = Signer::new("people-1");
    let portal = Portal::start(&[&people], &[]).await;
    assert!(access(&config(json!({}), Some(&portal.url), false)).policy().is_none());
    let unknown = access(&config(json!({}), None, true));
    assert!(unknown.policy().is_none() && unknown.notice().is_some());
}
