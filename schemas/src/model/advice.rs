//! Turns a failure into a sentence that tells a person what to change. The words for each field
//! come from the description and the examples in its schema, so kinds that are added later are
//! explained as well as the built-in ones.

use jsonschema::{ValidationError, error::ValidationErrorKind};
use serde_json::Value;

use super::schema::member;
use crate::json_pointer::{dotted, segments};

/// What to do about `error`; `path` is the value that is wrong or missing.
pub(super) fn of_failure(schema: &Value, path: &str, error: &ValidationError<'_>) -> String {
    let field = dotted(path);
    let described = segments(path).try_fold(schema, |schema, name| member(schema, &name));
    let name = segments(path).last().unwrap_or_default();
    let meaning = meaning(described, &name);
    let value = error.instance();
    match error.kind() {
        ValidationErrorKind::Required { .. } => format!("{field} is missing; add {meaning}"),
        ValidationErrorKind::AdditionalProperties { .. } => format!(
            "`{name}` is not a field that can stand here; move it under `metadata` or `spec`, or check its \
             indentation"
        ),
        ValidationErrorKind::Enum { options } => {
            let allowed: Vec<_> = options.as_array().into_iter().flatten().map(as_yaml).collect();
            format!("{field} is `{}`; allowed are `{}`", as_yaml(value), allowed.join("`, `"))
        }
        ValidationErrorKind::MinLength { .. } => format!("{field} is empty; give {meaning}"),
        ValidationErrorKind::Type { .. } if value.is_null() => {
            format!("{field} has no value; give {meaning}, or remove the line if it is optional")
        }
        ValidationErrorKind::Type { .. } => wrong_type(&field, &name, described, value, &meaning),
        _ => format!("{field} is not valid; it has to be {meaning}"),
    }
}

fn wrong_type(field: &str, name: &str, schema: Option<&Value>, value: &Value, meaning: &str) -> String {
    let expected = schema.and_then(|schema| schema.get("type")).and_then(Value::as_str);
    match (expected, value) {
        (Some("string"), Value::Number(_) | Value::Bool(_)) => {
            format!("{field} is read as {}; put it in quotes: `{name}: \"{value}\"`", described_value(value))
        }
        (Some("string"), Value::Object(_)) if as_yaml(value).contains("{ ") => format!(
            "{field} looks like a template mark; leave template skeletons out of the catalog, or put the value \
             in quotes"
        ),
        (Some("array"), Value::String(_)) => {
            format!("{field} is a text, but it has to be a list: `{name}: [{}]`", as_yaml(value))
        }
        _ => format!("{field} is {}; it has to be {meaning}", described_value(value)),
    }
}

/// What a field is for, with an example.
fn meaning(schema: Option<&Value>, name: &str) -> String {
    let description = schema.and_then(|schema| schema.get("description")).and_then(Value::as_str);
    let example = schema.and_then(|schema| schema.get("examples")).and_then(|examples| examples.get(0));
    let description = description.unwrap_or("a value");
    match example {
        Some(example) if name.parse::<usize>().is_ok() => {
            format!("{description}, such as `- {}`", as_yaml(example))
        }
        Some(example) => format!("{description}, such as `{name}: {}`", as_yaml(example)),
        None => description.to_owned(),
    }
}

/// A value as it could stand in a descriptor, on one line.
fn as_yaml(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn described_value(value: &Value) -> String {
    match value {
        Value::Null => "empty".to_owned(),
        Value::Bool(flag) => format!("the truth value {flag}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.chars().count() <= 40 => format!("the text `{text}`"),
        Value::String(_) => "a text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}
