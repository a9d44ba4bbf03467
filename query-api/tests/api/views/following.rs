//! Following changes behind a policy: what is passed over while nobody decides, and what comes into sight.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backstitch_query_api::{Decision, Permission, PermissionPolicy, PolicyError, Principal};
use serde_json::json;

use crate::{
    fixture::{Fixture, component},
    stream::Client,
};

const CHANGES: &str = "/api/catalog/v1/changes";

/// Decides what it was last told to decide.
#[derive(Debug)]
struct Switch(Mutex<Result<Decision, PolicyError>>);

impl Switch {
    fn set(&self, decision: Result<Decision, PolicyError>) {
        *self.0.lock().unwrap() = decision;
    }
}

#[async_trait]
impl PermissionPolicy for Switch {
    async fn decide(&self, _: &Principal, _: Permission) -> Result<Decision, PolicyError> {
        self.0.lock().unwrap().clone()
    }
}

fn nobody_decides() -> Result<Decision, PolicyError> {
    Err(PolicyError("nobody listens".to_owned()))
}

async fn switched() -> (Arc<Switch>, Fixture) {
    let switch = Arc::new(Switch(Mutex::new(Ok(Decision::Allow))));
    let fixture = Fixture::decided_by(Some(switch.clone())).await;
    (switch, fixture)
}

#[tokio::test]
async fn a_stream_ends_where_it_is_while_nobody_decides() {
    let (switch, mut fixture) = switched().await;
    let mut client = Client::open(&fixture, "", None).await;
    let begun = client.next().await.unwrap();
    switch.set(nobody_decides());
    fixture.add(&[component("a", "service")]).await;
    let error = client.next().await.unwrap();
    assert_eq!((error.name.as_str(), error.id), ("error", None), "nothing moves the reader on");
    assert_eq!(error.data["error"]["name"], "ServiceUnavailableError");
    assert_eq!(client.next().await, None);

    switch.set(Ok(Decision::Allow));
    let mut client = Client::open(&fixture, "", begun.id).await;
    let told = client.until(fixture.revision()).await;
    assert_eq!(told[1].data["entityRef"], "component:default/a");
}

#[tokio::test]
async fn a_page_after_a_revision_is_refused_while_nobody_decides() {
    let (switch, mut fixture) = switched().await;
    let path = format!("{CHANGES}?since={}", fixture.revision());
    fixture.add(&[component("a", "service")]).await;
    switch.set(nobody_decides());
    let refused = fixture.get(&path).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, Some("1")));
    assert_eq!(refused.json().get("nextSince"), None);

    switch.set(Ok(Decision::Deny));
    let page = fixture.get(&path).await.json();
    assert_eq!(page, json!({"items": [], "nextSince": fixture.revision().0}), "somebody said so");
}
