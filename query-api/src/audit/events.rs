//! Which operation is which event, and what its path and query say about it.

use axum::http::Uri;
use serde_json::{Map, Value, json};

use crate::{endpoints::is_dry_run, openapi::Operation, params::Params};

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It read, or tried.
    Low,
    /// It changed something.
    Medium,
}

/// What an operation is to an auditor.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEvent {
    /// Its name, such as `entity-mutate`.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub meta: Value,
}

impl Severity {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
        }
    }
}

impl AuditEvent {
    /// The event that a request to `operation` is; `None` for what tells nothing of the catalog.
    pub(super) fn of(operation: &Operation, uri: &Uri) -> Option<Self> {
        let low = |id, meta| Some(Self { id, severity: Severity::Low, meta });
        let medium = |id, meta| Some(Self { id, severity: Severity::Medium, meta });
        let part = |name: &str| Value::from(part(operation.path, uri.path(), name).unwrap_or_default());
        let named = || {
            let text = |name| part_text(operation.path, uri.path(), name);
            format!("{}:{}/{}", text("kind"), text("namespace"), text("name")).to_lowercase()
        };
        match operation.id {
            "getEntities" => low("entity-fetch", json!({"queryType": "all", "query": query(uri)})),
            "getEntitiesByQuery" | "queryEntities" => low("entity-fetch", json!({"queryType": "by-query"})),
            "getEntityByUid" => low("entity-fetch", json!({"queryType": "by-uid", "uid": part("uid")})),
            "getEntityByName" => low("entity-fetch", json!({"queryType": "by-name", "entityRef": named()})),
            "getEntityAncestry" => {
                low("entity-fetch", json!({"actionType": "ancestry", "entityRef": named()}))
            }
            "getEntitiesByRefs" => low("entity-fetch", json!({"queryType": "by-refs"})),
            "getEntityFacets" | "queryEntityFacets" => low("entity-facets", json!({})),
            "deleteEntityByUid" => {
                medium("entity-mutate", json!({"actionType": "delete", "uid": part("uid")}))
            }
            "refreshEntity" => medium("entity-mutate", json!({"queryType": "refresh"})),
            "deleteUnprocessedEntity" => {
                medium("entity-mutate", json!({"actionType": "delete", "entityId": part("entityId")}))
            }
            "validateEntity" => low("entity-validate", json!({})),
            "analyzeLocation" => low("location-analyze", json!({})),
            "getLocations" => low("location-fetch", json!({"queryType": "all"})),
            "queryLocations" => low("location-fetch", json!({"queryType": "by-query"})),
            "getLocation" => low("location-fetch", json!({"queryType": "by-id", "id": part("id")})),
            "getLocationByEntity" => {
                low("location-fetch", json!({"queryType": "by-entity", "locationRef": named()}))
            }
            "createLocation" => {
                let is_dry_run = is_dry_run(&Params::read(uri.query()));
                let meta = json!({"actionType": "create", "isDryRun": is_dry_run});
                if is_dry_run { low("location-mutate", meta) } else { medium("location-mutate", meta) }
            }
            "updateLocation" => medium("location-mutate", json!({"actionType": "update", "id": part("id")})),
            "deleteLocation" => medium("location-mutate", json!({"actionType": "delete", "id": part("id")})),
            _ => None,
        }
    }
}

/// The part of a path that stands where the template has `{name}`.
fn part<'a>(template: &str, path: &'a str, name: &str) -> Option<&'a str> {
    // The template is below a mount, so both are read from their ends.
    let mut parts = template.rsplit('/').zip(path.trim_end_matches('/').rsplit('/'));
    let found =
        parts.find(|(part, _)| part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) == Some(name));
    found.map(|(_, part)| part)
}

fn part_text<'a>(template: &str, path: &'a str, name: &str) -> &'a str {
    part(template, path, name).unwrap_or_default()
}

/// The query parameters, several values of one as a list.
fn query(uri: &Uri) -> Value {
    let mut members: Map<String, Value> = Map::new();
    for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        let value = Value::from(value.into_owned());
        match members.get_mut(&*name) {
            None => drop(members.insert(name.into_owned(), value)),
            Some(Value::Array(values)) => values.push(value),
            Some(one) => *one = json!([one.take(), value]),
        }
    }
    members.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::Group;

    fn event(id: &'static str, path: &'static str, uri: &'static str) -> AuditEvent {
        let operation = Operation::get(Group::Entities, path, id, "");
        AuditEvent::of(&operation, &Uri::from_static(uri)).unwrap()
    }

    #[test]
    fn what_the_path_and_the_query_say_is_told() {
        let by_name = "/entities/by-name/{kind}/{namespace}/{name}";
        let read = event("getEntityByName", by_name, "/api/catalog/entities/by-name/API/default/A/");
        assert_eq!(read.meta, json!({"queryType": "by-name", "entityRef": "api:default/a"}));
        assert_eq!((read.id, read.severity), ("entity-fetch", Severity::Low));
        let all = event("getEntities", "/entities", "/api/catalog/entities?filter=a&filter=b&limit=2");
        assert_eq!(all.meta["query"], json!({"filter": ["a", "b"], "limit": "2"}));
        let deleted = event("deleteEntityByUid", "/entities/by-uid/{uid}", "/api/catalog/entities/by-uid/u");
        assert_eq!(deleted.meta, json!({"actionType": "delete", "uid": "u"}));
        assert_eq!(deleted.severity, Severity::Medium);
        let dry = event("createLocation", "/locations", "/api/catalog/locations?dryRun=Yes");
        assert_eq!((dry.severity, &dry.meta["isDryRun"]), (Severity::Low, &json!(true)));
        assert_eq!(
            event("createLocation", "/locations", "/api/catalog/locations").severity,
            Severity::Medium
        );
    }
}
