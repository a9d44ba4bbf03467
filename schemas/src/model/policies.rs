//! What all kinds have in common: the entity schema, the fields at the root, the field formats.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::{
    formats::{Format, Formats},
    schema::Schema,
};
use crate::{
    Problem,
    entity_ref::DEFAULT_NAMESPACE,
    json_pointer::{dotted, escape},
};

const MORE: &str = "To learn more about catalog file format, visit: https://github.com/backstage/backstage/blob/\
                    master/docs/architecture-decisions/adr002-default-catalog-file-format.md";

static ENVELOPE: LazyLock<Schema> = LazyLock::new(|| {
    Schema::compile(include_str!("../../kinds/envelope.json")).expect("our own schema compiles")
});

static ENTITY: LazyLock<Schema> = LazyLock::new(|| {
    Schema::compile(include_str!("../../kinds/entity.json")).expect("our own schema compiles")
});

/// The schema of what all kinds have in common.
pub(super) fn entity_schema() -> &'static Value {
    ENTITY.json()
}

/// Whether a mapping is meant to be an entity, however wrong it is: something says what it is.
pub fn is_descriptor(document: &Value) -> bool {
    ["apiVersion", "kind", "metadata"].iter().any(|field| document.get(field).is_some())
}

/// What the envelope lacks. An entity with such a problem has no ref, so nothing else can be said.
pub fn envelope_problems(entity: &Value) -> Vec<Problem> {
    let violations = ENVELOPE.violations(entity).into_iter();
    let mut problems: Vec<_> = violations.map(|violation| violation.into_problem()).collect();
    // Three times nothing says that this is something else; a person needs to hear that once.
    if !is_descriptor(entity) {
        problems.truncate(1);
        let advice = "this is no descriptor: it has neither apiVersion, kind nor metadata; leave it out, or write \
                      an entity";
        problems = problems.into_iter().map(|problem| problem.with_advice(advice)).collect();
    }
    problems
}

/// The errors that Backstage's policies throw for an entity with a sound envelope, all of them.
pub(super) fn policy_problems(formats: &Formats, entity: &Value) -> Vec<Problem> {
    let mut problems: Vec<_> =
        ENTITY.violations(entity).into_iter().map(|violation| violation.into_policy_problem()).collect();
    for field in ["relations", "status"].into_iter().filter(|field| entity.get(field).is_some()) {
        let problem = Problem::new("Error", format!("Unknown field {field}"));
        let advice = format!("`{field}` is written by the catalog; remove it from the source");
        problems.push(problem.with_advice(advice).at_path(format!("/{field}")));
    }
    problems.extend(format_problems(formats, entity));
    problems
}

/// Writes `metadata.namespace` where the source left it out.
pub fn set_default_namespace(entity: &mut Value) {
    if let Some(metadata) = entity.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.entry("namespace").or_insert_with(|| DEFAULT_NAMESPACE.into());
    }
}

fn format_problems(formats: &Formats, entity: &Value) -> Vec<Problem> {
    let metadata = &entity["metadata"];
    let mut checks = Checks::default();
    for (field, value, format) in [
        ("apiVersion", entity.get("apiVersion"), &formats.api_version),
        ("kind", entity.get("kind"), &formats.kind),
        ("metadata.name", metadata.get("name"), &formats.name),
        ("metadata.namespace", metadata.get("namespace"), &formats.namespace),
    ] {
        checks.value(value, format, || (field.to_owned(), format!("/{}", field.replace('.', "/"))));
    }
    for (key, value) in members(metadata, "labels") {
        let place = || (format!("labels.{key}"), format!("/metadata/labels/{}", escape(key)));
        checks.text(key, &formats.label_key, place);
        checks.value(Some(value), &formats.label_value, place);
    }
    for (key, _) in members(metadata, "annotations") {
        let place = || (format!("annotations.{key}"), format!("/metadata/annotations/{}", escape(key)));
        checks.text(key, &formats.annotation_key, place);
    }
    for (index, tag) in items(metadata, "tags") {
        let place = || (format!("tags.{index}"), format!("/metadata/tags/{index}"));
        checks.value(Some(tag), &formats.tag, place);
    }
    for (index, link) in items(metadata, "links") {
        for (part, format) in [("url", &formats.url), ("title", &formats.filled), ("icon", &formats.filled)] {
            let place = || (format!("links.{index}.{part}"), format!("/metadata/links/{index}/{part}"));
            checks.value(link.get(part), format, place);
        }
    }
    checks.problems
}

#[derive(Default)]
struct Checks {
    problems: Vec<Problem>,
}

impl Checks {
    /// Looks at texts only: the entity schema has spoken about everything else. `place` gives the
    /// field's name in the message and its path; it is asked only when something is wrong.
    fn value(&mut self, value: Option<&Value>, format: &Format, place: impl Fn() -> (String, String)) {
        if let Some(text) = value.and_then(Value::as_str).filter(|text| !text.is_empty()) {
            self.text(text, format, place);
        }
    }

    fn text(&mut self, text: &str, format: &Format, place: impl Fn() -> (String, String)) {
        if (format.accepts)(text) {
            return;
        }
        let (field, path) = place();
        let expected = format.expected;
        let message = format!("\"{field}\" is not valid; expected {expected} but found \"{text}\". {MORE}");
        let advice = if text.contains("{{") || text.contains("{%") {
            "the value holds a template mark: leave template skeletons out of the catalog"
        } else {
            format.advice
        };
        let advice = format!("{} is `{text}`; {advice}", dotted(&path));
        self.problems.push(Problem::new("Error", message).with_advice(advice).at_path(path));
    }
}

fn members<'a>(metadata: &'a Value, field: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    metadata.get(field).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

fn items<'a>(metadata: &'a Value, field: &str) -> impl Iterator<Item = (usize, &'a Value)> {
    metadata.get(field).and_then(Value::as_array).into_iter().flatten().enumerate()
}
