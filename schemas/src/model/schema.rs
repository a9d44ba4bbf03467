//! JSON Schemas, with failures in the words of Backstage's validator (ajv).
//!
//! Clients match on those words, so text and order are those of ajv in all-errors mode: what is
//! wrong with a value comes before what is wrong inside of it, members in the order that the
//! schema gives with the keyword `propertyOrder`.

use jsonschema::{
    ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind},
};
use serde_json::Value;

use super::advice;
use crate::{
    Problem,
    json_pointer::{escape, segments},
};

/// A compiled schema. Its descriptions and examples word the advice.
#[derive(Debug)]
pub struct Schema {
    validator: Validator,
    json: Value,
}

/// One failure of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer of the value that the failing keyword looked at.
    pub instance_path: String,
    /// JSON pointer of the value that is wrong or missing.
    pub path: String,
    /// What ajv says, such as `must be string`.
    pub message: String,
    /// What ajv adds, such as `type: string`.
    pub params: String,
    /// What to do about it.
    pub advice: String,
    /// Orders failures of one value.
    rank: u8,
}

/// Why a text is no schema.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// It is no JSON.
    #[error("the schema is not JSON")]
    Json(#[from] serde_json::Error),
    /// It is no JSON Schema.
    #[error("not a JSON Schema: {0}")]
    Schema(String),
}

impl Schema {
    /// Compiles the text of a JSON Schema.
    ///
    /// # Errors
    /// If the text is no JSON Schema.
    pub fn compile(text: &str) -> Result<Self, SchemaError> {
        Self::of_json(serde_json::from_str(text)?)
    }

    /// Compiles a JSON Schema.
    ///
    /// # Errors
    /// If the value is no JSON Schema; the reason names the place in it.
    pub fn of_json(json: Value) -> Result<Self, SchemaError> {
        let validator = Validator::options().build(&json).map_err(|error| {
            let place = error.instance_path().as_str();
            let place = if place.is_empty() { String::new() } else { format!("at {place}: ") };
            SchemaError::Schema(format!("{place}{error}"))
        })?;
        Ok(Self { validator, json })
    }

    /// The schema itself.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// All failures of `value`, in the order of ajv.
    pub fn violations(&self, value: &Value) -> Vec<Violation> {
        if self.validator.is_valid(value) {
            return Vec::new();
        }
        let errors = self.validator.iter_errors(value);
        let mut violations: Vec<_> = errors.flat_map(|error| self.violations_of(&error)).collect();
        violations.sort_by_cached_key(|violation| (self.order_of(&violation.instance_path), violation.rank));
        violations
    }

    fn violations_of(&self, error: &ValidationError<'_>) -> Vec<Violation> {
        let instance_path = error.instance_path().as_str().to_owned();
        let single = |message: String, params: String, path: String| {
            let advice = advice::of_failure(&self.json, &path, error);
            Violation {
                rank: rank_of(error),
                instance_path: instance_path.clone(),
                path,
                message,
                params,
                advice,
            }
        };
        let here = instance_path.clone();
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => unexpected
                .iter()
                .map(|name| {
                    let path = format!("{here}/{}", escape(name));
                    let message = "must NOT have additional properties".to_owned();
                    single(message, format!("additionalProperty: {name}"), path)
                })
                .collect(),
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                let path = format!("{here}/{}", escape(name));
                let message = format!("must have required property '{name}'");
                vec![single(message, format!("missingProperty: {name}"), path)]
            }
            ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
                self.branches(context)
            }
            kind => {
                let schema = segments(&here).try_fold(&self.json, |schema, name| member(schema, &name));
                let (message, params) = words_of(kind, schema, error);
                vec![single(message, params, here)]
            }
        }
    }

    /// Of a choice, ajv speaks of the first branch first; a person is helped by what is wrong in
    /// the branch that came furthest. One failure is enough to say both.
    fn branches(&self, context: &[Vec<ValidationError<'static>>]) -> Vec<Violation> {
        let depth = |error: &&ValidationError<'_>| error.instance_path().as_str().matches('/').count();
        let furthest = context.iter().flatten().max_by_key(depth);
        let first = context.iter().flatten().next().map(|error| self.violations_of(error));
        let mut violations = first.unwrap_or_default();
        violations.truncate(1);
        if let (Some(violation), Some(furthest)) = (violations.first_mut(), furthest)
            && let Some(told) = self.violations_of(furthest).into_iter().next()
        {
            (violation.advice, violation.path) = (told.advice, told.path);
        }
        violations
    }

    /// Where a value stands among its siblings, level by level.
    fn order_of(&self, pointer: &str) -> Vec<(usize, String)> {
        let mut schema = Some(&self.json);
        let mut order = Vec::new();
        for name in segments(pointer) {
            let listed = schema.and_then(|schema| schema.get("propertyOrder")).and_then(Value::as_array);
            let position = listed.and_then(|names| names.iter().position(|listed| *listed == name.as_str()));
            let index = name.parse::<usize>().ok();
            schema = schema.and_then(|schema| member(schema, &name));
            order.push((position.or(index).unwrap_or(usize::MAX), name));
        }
        order
    }
}

impl Violation {
    /// The text of the error that Backstage's kind validators throw.
    pub fn text(&self) -> String {
        let place = if self.instance_path.is_empty() { "<root>" } else { &self.instance_path };
        if self.params.is_empty() {
            return format!("{place} {}", self.message);
        }
        format!("{place} {} - {}", self.message, self.params)
    }

    /// The same as a problem.
    pub fn into_problem(self) -> Problem {
        Problem::new("TypeError", self.text()).with_advice(self.advice).at_path(self.path)
    }

    /// As a problem in the words of the policy that checks what all kinds have in common.
    pub fn into_policy_problem(self) -> Problem {
        let place = if self.instance_path.is_empty() { "<root>" } else { &self.instance_path };
        let text = format!("Malformed envelope, {place} {}", self.message);
        Problem::new("Error", text).with_advice(self.advice).at_path(self.path)
    }
}

/// The schema of the member `name` of what `schema` describes.
pub(super) fn member<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    let own = schema.get("properties").and_then(|properties| properties.get(name));
    let item = || schema.get("items").filter(|_| name.parse::<usize>().is_ok());
    let other = || schema.get("additionalProperties").filter(|other| other.is_object());
    let branch = || schema.get("oneOf")?.as_array()?.iter().find_map(|branch| member(branch, name));
    own.or_else(item).or_else(other).or_else(branch)
}

/// Makes the local references of a schema right for a schema that it stands in, at the JSON pointer
/// `place` (such as `#/definitions/a`).
pub(super) fn rebase_refs(schema: &mut Value, place: &str) {
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(reference) if name == "$ref" && reference.starts_with('#') => {
                        *reference = format!("{place}{}", &reference[1..]);
                    }
                    member => rebase_refs(member, place),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rebase_refs(item, place)),
        _ => {}
    }
}

/// The keyword's place in ajv's order of evaluation.
fn rank_of(error: &ValidationError<'_>) -> u8 {
    match error.kind() {
        ValidationErrorKind::Type { .. } => 0,
        ValidationErrorKind::Required { .. } => 2,
        ValidationErrorKind::AdditionalProperties { .. } => 3,
        _ => 1,
    }
}

/// Message and parameters of ajv for the keywords that need no special care.
fn words_of(
    kind: &ValidationErrorKind,
    schema: Option<&Value>,
    error: &ValidationError<'_>,
) -> (String, String) {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match kind {
        ValidationErrorKind::Type { kind } => {
            // The set has lost the order in which the schema names the types.
            let listed = schema.and_then(|schema| schema.get("type")).and_then(Value::as_array);
            let names = match (kind, listed) {
                (TypeKind::Single(name), _) => name.to_string(),
                (_, Some(names)) => names.iter().map(plain).collect::<Vec<_>>().join(","),
                (TypeKind::Multiple(names), None) => {
                    names.iter().map(|name| name.to_string()).collect::<Vec<_>>().join(",")
                }
            };
            (format!("must be {names}"), format!("type: {names}"))
        }
        ValidationErrorKind::MinLength { limit } => {
            (format!("must NOT have fewer than {limit} characters"), format!("limit: {limit}"))
        }
        ValidationErrorKind::MaxLength { limit } => {
            (format!("must NOT have more than {limit} characters"), format!("limit: {limit}"))
        }
        ValidationErrorKind::MinItems { limit } => {
            (format!("must NOT have fewer than {limit} items"), format!("limit: {limit}"))
        }
        ValidationErrorKind::MaxItems { limit } => {
            (format!("must NOT have more than {limit} items"), format!("limit: {limit}"))
        }
        ValidationErrorKind::Minimum { limit } => {
            (format!("must be >= {limit}"), format!("comparison: >=, limit: {limit}"))
        }
        ValidationErrorKind::Maximum { limit } => {
            (format!("must be <= {limit}"), format!("comparison: <=, limit: {limit}"))
        }
        ValidationErrorKind::Format { format } => {
            (format!("must match format \"{format}\""), format!("format: {format}"))
        }
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array().map(|o| o.iter().map(plain).collect::<Vec<_>>());
            let allowed = options.unwrap_or_default().join(",");
            ("must be equal to one of the allowed values".to_owned(), format!("allowedValues: {allowed}"))
        }
        ValidationErrorKind::Constant { expected_value } => {
            ("must be equal to constant".to_owned(), format!("allowedValue: {}", plain(expected_value)))
        }
        ValidationErrorKind::Pattern { pattern } => {
            (format!("must match pattern \"{pattern}\""), format!("pattern: {pattern}"))
        }
        _ => (format!("must satisfy {}: {error}", kind.keyword()), String::new()),
    }
}
