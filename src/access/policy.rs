//! The portal's permission backend as the policy.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use backstitch_query_api::{Condition, Decision, Permission, PermissionPolicy, PolicyError, Principal};
use backstitch_schemas::Clock;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

use super::keys::chain;
use super::own_key::OwnKeys;
use super::portal::Portal;
use super::restrictions::OUR_PLUGIN;

/// How long a decision holds.
const HOLDS: Duration = Duration::from_secs(10);

/// How long nobody is asked after nobody answered.
const PAUSE: Duration = Duration::from_secs(1);

/// Decisions that are remembered.
const REMEMBERED: usize = 10_000;

/// Asks the portal's permission backend, on behalf of whoever asks us.
#[derive(Debug)]
pub(super) struct PortalPolicy {
    /// Where it is asked.
    url: Url,
    own: Arc<OwnKeys>,
    http: reqwest::Client,
    clock: DebugClock,
    decided: Decided,
}

/// A clock has no form of its own for people.
struct DebugClock(Arc<dyn Clock>);

impl std::fmt::Debug for DebugClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

/// Whose permission it is: a person's limited token and the permission's name.
type Question = (Option<String>, &'static str);

/// What was decided, and when.
type Verdict = (Instant, Result<Decision, PolicyError>);

/// Decisions that were made a moment ago.
#[derive(Debug, Default)]
struct Decided(Mutex<HashMap<Question, Verdict>>);

#[derive(Debug, Deserialize)]
struct Answer {
    items: Vec<Item>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    id: String,
    result: String,
    plugin_id: Option<String>,
    resource_type: Option<String>,
    conditions: Option<Value>,
}

impl PortalPolicy {
    /// A policy that asks the permission backend of `portal`.
    ///
    /// # Errors
    /// If nobody says where that is.
    pub(super) fn new(
        portal: &Portal,
        own: Arc<OwnKeys>,
        http: reqwest::Client,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let url = portal.endpoint("permission", "authorize").map_err(|error| error.to_string())?;
        Ok(Self { url, own, http, clock: DebugClock(clock), decided: Decided::default() })
    }

    async fn ask(&self, person: Option<&str>, permission: Permission) -> Result<Decision, PolicyError> {
        let failed = |cause: String| PolicyError(cause);
        let url = &self.url;
        let body = json!({"items": [{"id": "1", "permission": permission.to_json()}]});
        let mut request = self.http.post(url.clone()).json(&body);
        if let Some(person) = person {
            let token = self.own.token("permission", Some(person), &*self.clock.0).map_err(failed)?;
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.map_err(|error| failed(chain(&error)))?;
        if !answer.status().is_success() {
            return Err(failed(format!("{url} answers {}", answer.status())));
        }
        let Answer { items } = answer.json().await.map_err(|error| failed(chain(&error)))?;
        match <[Item; 1]>::try_from(items) {
            Ok([item]) if item.id == "1" => item.decision(),
            _ => Err(failed(format!("{url} answers another question"))),
        }
    }
}

#[async_trait]
impl PermissionPolicy for PortalPolicy {
    async fn decide(&self, principal: &Principal, permission: Permission) -> Result<Decision, PolicyError> {
        let person = match principal {
            Principal::User { token, .. } => Some(token.clone()),
            Principal::Anonymous => None,
            // Not asked about services; if it were, nobody here would know them.
            Principal::Service { .. } => return Ok(Decision::Deny),
        };
        let question = (person, permission.name);
        if let Some(decision) = self.decided.get(&question) {
            return decision;
        }
        let decision = self.ask(question.0.as_deref(), permission).await;
        self.decided.put(question, decision.clone());
        decision
    }
}

impl Item {
    fn decision(self) -> Result<Decision, PolicyError> {
        match (self.result.as_str(), self.conditions) {
            ("ALLOW", _) => Ok(Decision::Allow),
            ("DENY", _) => Ok(Decision::Deny),
            ("CONDITIONAL", Some(conditions)) => {
                let is_ours = self.plugin_id.as_deref() == Some(OUR_PLUGIN)
                    && self.resource_type.as_deref() == Some("catalog-entity");
                match is_ours {
                    true => Ok(Decision::Conditional(Condition(conditions))),
                    false => Err(PolicyError("the conditions are not about entities".to_owned())),
                }
            }
            (other, _) => Err(PolicyError(format!("'{other}' is no decision"))),
        }
    }
}

impl Decided {
    fn get(&self, question: &Question) -> Option<Result<Decision, PolicyError>> {
        let decided = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, decision) = decided.get(question)?;
        let holds = if decision.is_ok() { HOLDS } else { PAUSE };
        (since.elapsed() < holds).then(|| decision.clone())
    }

    fn put(&self, question: Question, decision: Result<Decision, PolicyError>) {
        let mut decided = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if decided.len() >= REMEMBERED {
            decided.retain(|_, (since, _)| since.elapsed() < HOLDS);
            if decided.len() >= REMEMBERED {
                decided.clear();
            }
        }
        decided.insert(question, (Instant::now(), decision));
    }
}
