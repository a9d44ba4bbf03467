//! Following changes behind a policy: what is passed over while nobody decides, and what comes into sight.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backstitch_query_api::{Condition, Decision, Permission, PermissionPolicy, PolicyError, Principal};
use backstitch_read_model::Revision;
use serde_json::{Value, json};

use super::{
    pair::{comparable, strip},
    world::rule,
};
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

/// A component that is open and of team-a, or closed and of a team that must not be named.
fn crossing(is_open: bool, kind: &str) -> Value {
    let mut entity = component("x", kind);
    let (tier, owner, needs) =
        if is_open { ("open", "team-a", "lib") } else { ("closed", "secret-team", "secret-lib") };
    entity["metadata"]["labels"] = json!({"tier": tier});
    entity["spec"]["owner"] = owner.into();
    entity["spec"]["dependsOn"] = json!([format!("component:{needs}")]);
    entity
}

/// The catalog behind a policy, and the one that has only what the policy lets through.
struct Border {
    limited: Fixture,
    rest: Fixture,
    /// Where the rest lost what came to be hidden. Behind the policy that is not told.
    left: Vec<i64>,
}

impl Border {
    async fn with(condition: Value) -> Self {
        let (switch, mut limited) = switched().await;
        switch.set(Ok(Decision::Conditional(Condition(condition))));
        let mut rest = Fixture::empty().await;
        // It shows what a neighbour says of it, which no change of its own tells.
        let mut neighbour = component("neighbour", "service");
        neighbour["spec"]["dependsOn"] = json!(["component:x"]);
        for side in [&mut limited, &mut rest] {
            side.absent = vec![neighbour.clone()];
        }
        Self { limited, rest, left: Vec::new() }
    }

    /// Puts it where it was not before.
    async fn cross(&mut self, is_open: bool, kind: &str) {
        self.limited.add(&[crossing(is_open, kind)]).await;
        match is_open {
            true => self.rest.add(&[crossing(true, kind)]).await,
            false if self.limited.revision().counter() > 1 => {
                self.rest.remove("component:default/x").await;
                self.left.push(self.rest.revision().0);
            }
            false => {}
        }
    }

    async fn agree(&self) {
        let since = Revision::start_of(1);
        for path in [
            CHANGES.to_owned(),
            format!("{CHANGES}?since={since}"),
            format!("{CHANGES}?since={since}&filter=relations.ownedBy=group:default/team-a"),
            "/api/catalog/v1/history/component/default/x".to_owned(),
        ] {
            let limited = comparable(&self.limited.get(&path).await).1;
            let mut rest = self.rest.get(&path).await.json();
            if let Some(items) = rest["items"].as_array_mut() {
                items.retain(|item| !self.left.contains(&item["revision"].as_i64().unwrap()));
            }
            strip(&mut rest);
            assert_eq!(limited, rest, "{path}");
            assert!(!limited.to_string().contains("secret"), "{path}: {limited}");
        }
        let whole = self.limited.get(&format!("{CHANGES}?since={since}")).await.json()["items"].clone();
        assert_eq!(self.page_by_page().await, whole, "wherever a reader goes on");
        let mut client = Client::open(&self.limited, &format!("?since={since}"), None).await;
        let events = client.until(self.limited.revision()).await.into_iter();
        let streamed: Value = events.filter(|event| event.name == "change").map(|event| event.data).collect();
        assert_eq!(streamed, whole);
    }

    async fn page_by_page(&self) -> Value {
        let (mut since, mut items) = (Revision::start_of(1).0, Vec::new());
        while since < self.limited.revision().0 {
            let page = self.limited.get(&format!("{CHANGES}?since={since}&limit=1")).await.json();
            items.extend(page["items"].as_array().unwrap().clone());
            since = page["nextSince"].as_i64().unwrap();
        }
        items.into()
    }
}

#[tokio::test]
async fn what_comes_into_sight_is_told_as_made_and_nothing_of_what_it_was() {
    for condition in [
        rule("HAS_LABEL", json!({"label": "tier", "value": "open"})),
        rule("IS_ENTITY_OWNER", json!({"claims": ["group:default/team-a"]})),
    ] {
        let mut border = Border::with(condition).await;
        border.cross(false, "service").await;
        for kind in ["service", "library"] {
            for is_open in [true, false] {
                border.cross(is_open, kind).await;
                border.agree().await;
            }
        }
        border.cross(true, "website").await;
        for side in [&mut border.limited, &mut border.rest] {
            side.add(&[crossing(true, "tool")]).await;
        }
        border.agree().await;
        for side in [&mut border.limited, &mut border.rest] {
            side.remove("component:default/x").await;
        }
        border.agree().await;
        let history = border.limited.get("/api/catalog/v1/history/component/default/x").await.json();
        let operations: Vec<_> =
            history["items"].as_array().unwrap().iter().map(|i| &i["operation"]).collect();
        assert_eq!(operations, ["deleted", "updated", "created", "created", "created"]);
        assert!(history["items"][2]["relationsAdded"].to_string().contains("dependencyOf"), "{history}");
    }
}
