//! Turns a failure into a sentence that tells a person what to change. The words for each field
//! come from the description and the examples in its schema, so kinds that are added later are
//! explained as well as the built-in ones.

use jsonschema::{ValidationError, error::ValidationErrorKind};
use serde_json::Value;

use super::schema::member;
use crate::{
    json_pointer::{dotted, segments},
    yaml::on_one_line,
};

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
            let allowed: Vec<_> = options.as_array().into_iter().flatten().map(on_one_line).collect();
            format!("{field} is `{}`; allowed are `{}`", shown(value), allowed.join("`, `"))
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
        (Some("string"), Value::Object(members)) if members.keys().any(|key| key.starts_with('{')) => {
            format!(
                "{field} looks like a template mark; leave template skeletons out of the catalog, or put the value \
             in quotes"
            )
        }
        (Some("array"), Value::String(_)) => {
            format!("{field} is a text, but it has to be a list: `{name}: [{}]`", on_one_line(value))
        }
        _ => format!("{field} is {}; it has to be {meaning}", described_value(value)),
    }
}

/// What a field is for, with an example.
fn meaning(schema: Option<&Value>, name: &str) -> String {
    let description = schema.and_then(|schema| schema.get("description")).and_then(Value::as_str);
    let example = schema.and_then(|schema| schema.get("examples")).and_then(|examples| examples.get(0));
    let description = description.unwrap_or("a value");
    example.map_or_else(
        || description.to_owned(),
        |example| format!("{description}, such as {}", as_written(name, example)),
    )
}

/// How a person would write `example` as the field or the item `name`: read again, it is the same value.
fn as_written(name: &str, example: &Value) -> String {
    let before = match name.parse::<usize>() {
        Ok(_) => "-".to_owned(),
        Err(_) => format!("{}:", on_one_line(&Value::from(name))),
    };
    match example.as_str().and_then(|text| text.split_once('\n')) {
        Some((first_line, _)) => {
            format!("`{before} |` and the text indented below it, from `{first_line}` on")
        }
        None => format!("`{before} {}`", on_one_line(example)),
    }
}

/// A value as it was written, as far as that is known.
fn shown(value: &Value) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Model, policies},
        yaml::parse_single,
    };

    /// All schemas below `schema` that have examples.
    fn with_examples<'s>(schema: &'s Value, found: &mut Vec<&'s Value>) {
        match schema {
            Value::Object(members) => {
                found.extend(schema["examples"].as_array().into_iter().flatten());
                members.values().for_each(|member| with_examples(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| with_examples(item, found)),
            _ => {}
        }
    }

    /// What a person has who follows the advice.
    fn followed(name: &str, example: &Value) -> Value {
        let advice = as_written(name, example);
        let code = advice.strip_prefix('`').and_then(|rest| rest.split_once('`')).unwrap().0;
        let Some(text) = example.as_str().filter(|_| code.ends_with('|')) else {
            return parse_single(code).unwrap_or_else(|error| panic!("{advice}: {error}"));
        };
        assert!(text.lines().next().is_some_and(|line| advice.contains(line)), "{advice}");
        let below: String = text.lines().map(|line| format!("\n  {line}")).collect();
        parse_single(&format!("{code}{below}\n")).unwrap()
    }

    #[test]
    fn whoever_follows_an_example_has_its_value() {
        let model = Model::builtin();
        let mut examples = Vec::new();
        model.kinds.iter().for_each(|kind| with_examples(kind.schema.json(), &mut examples));
        with_examples(policies::entity_schema(), &mut examples);
        assert!(examples.len() > 80, "{}", examples.len());
        let odd = serde_json::json!(["", "yes", "1.0", "null", "a: b", "# a", "{{ a }}", "a, b", "*", {"a b": ["-"]}]);
        for example in examples.into_iter().chain(odd.as_array().unwrap()) {
            assert_eq!(followed("field", example), serde_json::json!({"field": example}));
            assert_eq!(followed("a.b/c: d", example), serde_json::json!({"a.b/c: d": example}));
            assert_eq!(followed("0", example), serde_json::json!([example]));
        }
    }
}
