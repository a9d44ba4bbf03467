//! Configuration before it has types: YAML values that remember where they stand.

use std::fmt;
use std::sync::Arc;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use serde_json::{Number, Value as Json};

use super::ConfigError;

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's name as it was given, or the environment variable.
    pub source: Arc<str>,
    /// Line from 1; none where the source has no lines.
    pub line: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.source),
            None => f.write_str(&self.source),
        }
    }
}

/// One value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
}

/// A configuration value. Objects keep the order in which they were written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    /// Reads the one document of a YAML (or JSON) file. An empty file is an empty object.
    pub(super) fn parse(source: &str, text: &str) -> Result<Self, ConfigError> {
        let source: Arc<str> = source.into();
        let documents = MarkedYaml::load_from_str(text).map_err(|error| ConfigError::Syntax {
            place: Place { source: Arc::clone(&source), line: Some(error.marker().line()) },
            detail: error.info().to_owned(),
        })?;
        match documents.as_slice() {
            [] => Ok(Self::empty(Place { source, line: None })),
            [document] => from_yaml(document, &source),
            [_, second, ..] => Err(ConfigError::Syntax {
                place: Place { source, line: Some(second.span.start.line()) },
                detail: "a configuration file holds one document only".to_owned(),
            }),
        }
    }

    /// An object without keys.
    pub(super) fn empty(place: Place) -> Self {
        Self { value: Value::Object(Vec::new()), place }
    }

    /// The value under `key`, if this is an object that has it; `null` counts as absent.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Value::Object(fields) = &self.value else { return None };
        let (_, node) = fields.iter().find(|(name, _)| name == key)?;
        (node.value != Value::Null).then_some(node)
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Value::Object(fields) = &mut self.value else { return None };
        let (_, node) = fields.iter_mut().find(|(name, _)| name == key)?;
        (node.value != Value::Null).then_some(node)
    }

    /// The item of a list.
    pub(super) fn item(&self, index: usize) -> Option<&Self> {
        match &self.value {
            Value::Array(items) => items.get(index),
            _ => None,
        }
    }

    /// The names of an object's fields that have a value.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let fields: &[(String, Self)] = match &self.value {
            Value::Object(fields) => fields,
            _ => &[],
        };
        fields.iter().filter(|(_, node)| node.value != Value::Null).map(|(name, _)| name.as_str())
    }

    /// Puts `other` over this: objects field by field, everything else as a whole.
    pub(super) fn merge(&mut self, other: Self) {
        match (&mut self.value, other.value) {
            (Value::Object(ours), Value::Object(theirs)) => {
                for (key, node) in theirs {
                    match ours.iter_mut().find(|(name, _)| *name == key) {
                        Some((_, existing)) => existing.merge(node),
                        None => ours.push((key, node)),
                    }
                }
            }
            (slot, value) => {
                *slot = value;
                self.place = other.place;
            }
        }
    }

    /// The value that a JSON text of an environment variable stands for.
    pub(super) fn from_json(json: Json, place: &Place) -> Self {
        let value = match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(value),
            Json::Number(value) => Value::Number(value),
            Json::String(value) => Value::String(value),
            Json::Array(items) => {
                Value::Array(items.into_iter().map(|item| Self::from_json(item, place)).collect())
            }
            Json::Object(fields) => Value::Object(
                fields.into_iter().map(|(key, item)| (key, Self::from_json(item, place))).collect(),
            ),
        };
        Self { value, place: place.clone() }
    }
}

fn from_yaml(yaml: &MarkedYaml<'_>, source: &Arc<str>) -> Result<Node, ConfigError> {
    let place = Place { source: Arc::clone(source), line: Some(yaml.span.start.line()) };
    let refuse = |detail: &str| ConfigError::Syntax { place: place.clone(), detail: detail.to_owned() };
    let value = match &yaml.data {
        YamlData::Value(scalar) => from_scalar(scalar).ok_or_else(|| refuse("a number is not finite"))?,
        YamlData::Sequence(items) => {
            Value::Array(items.iter().map(|item| from_yaml(item, source)).collect::<Result<_, _>>()?)
        }
        YamlData::Mapping(fields) => {
            let mut object = Vec::with_capacity(fields.len());
            for (key, value) in fields {
                let name = key_name(key).ok_or_else(|| refuse("a key is not a plain text"))?;
                let mut node = from_yaml(value, source)?;
                // A block below its key starts on a later line; people look for the key.
                node.place.line = Some(key.span.start.line());
                object.push((name, node));
            }
            Value::Object(object)
        }
        YamlData::Tagged(_, inner) => return from_yaml(inner, source),
        YamlData::Representation(..) | YamlData::Alias(_) | YamlData::BadValue => {
            return Err(refuse("this value cannot be read"));
        }
    };
    Ok(Node { value, place })
}

fn from_scalar(scalar: &Scalar<'_>) -> Option<Value> {
    Some(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::Bool(*value),
        Scalar::Integer(value) => Value::Number((*value).into()),
        Scalar::FloatingPoint(value) => Value::Number(Number::from_f64(value.into_inner())?),
        Scalar::String(value) => Value::String(value.to_string()),
    })
}

fn key_name(key: &MarkedYaml<'_>) -> Option<String> {
    match &key.data {
        YamlData::Value(scalar) => match from_scalar(scalar)? {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            _ => None,
        },
        _ => None,
    }
}
