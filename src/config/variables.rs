//! Configuration from environment variables.
//!
//! `APP_CONFIG_catalog_readonly=true` is Backstage's form: `_` separates keys, letters keep their
//! case. `BACKSTITCH_INGEST__MAX_ENTITY_BYTES=1000000` is ours: below `backstitch`, `__` separates
//! keys and `_` the words in one. A value is JSON where it is JSON, otherwise a text.

use std::collections::BTreeMap;

use super::node::{Node, Place, Value};
use super::{ConfigError, sections};

/// Variables that belong to client commands, not to the configuration. (Those of the project's own
/// tests begin with `BACKSTITCH_TEST_`.)
const CLIENT: &[&str] = &["BACKSTITCH_SERVER", "BACKSTITCH_TOKEN"];

/// What `APP_CONFIG_…` variables say.
pub(super) fn app_config(env: &BTreeMap<String, String>) -> Result<Node, ConfigError> {
    let mut root = Node::empty(place("environment"));
    for (variable, text) in env.iter().filter(|(_, text)| !text.is_empty()) {
        let Some(name) = variable.strip_prefix("APP_CONFIG_") else { continue };
        let keys: Vec<String> = name.split('_').map(str::to_owned).collect();
        // A variable for a section that is not ours may hold anything.
        if !sections::is_read(&keys[0]) {
            continue;
        }
        if !keys.iter().all(|key| is_key(key)) {
            return Err(refuse(variable, "is not made of keys joined by `_`"));
        }
        let value = value_of(variable, text);
        if value.value == Value::Null {
            return Err(refuse(variable, "a value may not be null"));
        }
        put(&mut root, &keys, value, variable)?;
    }
    Ok(root)
}

/// What our own variables say, under `backstitch`.
pub(super) fn own(env: &BTreeMap<String, String>) -> Result<Node, ConfigError> {
    let mut root = Node::empty(place("environment"));
    for (variable, text) in env.iter().filter(|(_, text)| !text.is_empty()) {
        let Some(name) = variable.strip_prefix("BACKSTITCH_") else { continue };
        if CLIENT.contains(&variable.as_str()) || name.starts_with("TEST_") {
            continue;
        }
        let mut keys = vec!["backstitch".to_owned()];
        keys.extend(name.split("__").map(camel_case));
        if keys.iter().any(String::is_empty) {
            return Err(refuse(variable, "is not made of keys joined by `__`"));
        }
        put(&mut root, &keys, value_of(variable, text), variable)?;
    }
    Ok(root)
}

/// `REMOVAL_HOLD` as the key `removalHold`.
fn camel_case(words: &str) -> String {
    let mut key = String::with_capacity(words.len());
    for word in words.split('_').filter(|word| !word.is_empty()) {
        let lower = word.to_lowercase();
        if key.is_empty() {
            key.push_str(&lower);
        } else {
            let mut letters = lower.chars();
            key.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            key.push_str(letters.as_str());
        }
    }
    key
}

/// A letter, then letters and digits, in parts joined by `-`.
fn is_key(key: &str) -> bool {
    key.split('-').all(|part| {
        part.starts_with(|first: char| first.is_ascii_alphabetic())
            && part.chars().all(|letter| letter.is_ascii_alphanumeric())
    })
}

fn value_of(variable: &str, text: &str) -> Node {
    let json = serde_json::from_str(text).unwrap_or_else(|_| serde_json::Value::String(text.to_owned()));
    Node::from_json(json, &place(&format!("environment variable {variable}")))
}

fn put(root: &mut Node, keys: &[String], value: Node, variable: &str) -> Result<(), ConfigError> {
    let Value::Object(fields) = &mut root.value else {
        return Err(refuse(variable, "lies below a key that another variable gives a value"));
    };
    let (key, below) = keys.split_first().expect("a variable's name has at least one key");
    let at = match fields.iter().position(|(name, _)| name == key) {
        Some(_) if below.is_empty() => {
            return Err(refuse(variable, "gives a key that another variable gives already"));
        }
        Some(at) => at,
        None if below.is_empty() => {
            fields.push((key.clone(), value));
            return Ok(());
        }
        None => {
            fields.push((key.clone(), Node::empty(value.place.clone())));
            fields.len() - 1
        }
    };
    put(&mut fields[at].1, below, value, variable)
}

fn place(source: &str) -> Place {
    Place { source: source.into(), line: None }
}

fn refuse(variable: &str, detail: &str) -> ConfigError {
    ConfigError::Variable { variable: variable.to_owned(), detail: detail.to_owned() }
}
