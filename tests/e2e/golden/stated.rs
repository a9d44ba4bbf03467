//! What the documents of a group say, for entities that the recording has from another document, or not at all.

use std::{fs, path::Path};

use backstitch_schemas::{EntityRef, percent, yaml};
use serde_json::Value;

use super::{compare, place};

/// The laid out trees, and the host that serves them.
pub(super) struct Trees<'a> {
    pub(super) repos: &'a Path,
    pub(super) host: &'a str,
}

impl Trees<'_> {
    /// The documents with this ref in the file at this place.
    fn documents(&self, place: &str, entity_ref: &str) -> Vec<Value> {
        let path = place.strip_prefix(&format!("url:http://{}/", self.host));
        let Some(Ok(bytes)) = path.map(|path| fs::read(self.repos.join(percent::decoded(path)))) else {
            return Vec::new();
        };
        let documents = yaml::parse(place, &bytes).into_iter().filter_map(|document| document.outcome.ok());
        let is_named = |found: &EntityRef| found.as_str() == entity_ref;
        documents.filter(|document| EntityRef::of_entity(document).as_ref().is_some_and(is_named)).collect()
    }

    /// What differs between an entity and the document that it comes from.
    pub(super) fn unlike_document(&self, entity_ref: &str, seen: &Value) -> Vec<String> {
        let documents = self.documents(place(seen), entity_ref);
        let of_each = documents.iter().map(|document| {
            let mut differences = Vec::new();
            states(entity_ref, document, seen, &mut differences);
            differences
        });
        let least = of_each.min_by_key(Vec::len);
        least.unwrap_or_else(|| vec![format!("{entity_ref}: no document of {} has it", place(seen))])
    }

    /// What differs where several documents claim a ref and the recording may have any of them (decision 0003:
    /// with us the winner is a function of the claims, there it was the last to be written).
    pub(super) fn contested(&self, entity_ref: &str, expected: &Value, seen: &Value) -> Contested {
        if place(expected) == place(seen) {
            let mut differences = Vec::new();
            compare(entity_ref, &without_origin(expected), &without_origin(seen), &mut differences);
            return Contested { differences, another_won: false };
        }
        let mut differences = self.unlike_document(entity_ref, seen);
        if self.documents(place(expected), entity_ref).is_empty() {
            differences.push(format!("{entity_ref}: nothing at {} claims it", place(expected)));
        }
        Contested { differences, another_won: true }
    }
}

/// How a contested entity compares.
pub(super) struct Contested {
    pub(super) differences: Vec<String>,
    /// Whether it comes from another document than the recorded one.
    pub(super) another_won: bool,
}

/// Two roots may lead to one document.
fn without_origin(entity: &Value) -> Value {
    let mut entity = entity.clone();
    if let Some(annotations) = entity["metadata"]["annotations"].as_object_mut() {
        annotations.remove("backstage.io/managed-by-origin-location");
    }
    entity
}

/// Whether `seen` has all that `stated` says; the catalog may add to mappings. Placeholders stand for something
/// else, and lists of refs are sorted.
fn states(path: &str, stated: &Value, seen: &Value, differences: &mut Vec<String>) {
    match (stated, seen) {
        (Value::Object(members), seen) if is_placeholder(members) && !seen.is_null() => {}
        (Value::Object(stated), Value::Object(seen)) => {
            for (name, value) in stated {
                let seen = seen.get(name).unwrap_or(&Value::Null);
                states(&format!("{path}/{name}"), value, seen, differences);
            }
        }
        (Value::Array(stated), Value::Array(seen)) if sorted(stated) == sorted(seen) => {}
        _ if stated == seen => {}
        _ => differences.push(format!("{path}: {stated} stated, {seen} seen")),
    }
}

/// In an order that says nothing. Refs that are listed twice count twice.
fn sorted(items: &[Value]) -> Vec<String> {
    let mut sorted: Vec<String> = items.iter().map(Value::to_string).collect();
    sorted.sort_unstable();
    sorted
}

fn is_placeholder(members: &serde_json::Map<String, Value>) -> bool {
    members.len() == 1 && members.keys().all(|name| name.starts_with('$'))
}
