//! The relations that an entity implies, both directions.

use serde_json::Value;

use super::kinds::{KindModel, RelationField};
use crate::{
    CompoundRef, EntityRef, Problem, RefContext, RefError,
    json_pointer::{dotted, escape},
    processed::Relation,
};

/// The spec fields whose lists of texts are stored sorted, whatever their order in the source.
const SORTED: [&str; 7] =
    ["providesApis", "consumesApis", "dependsOn", "dependencyOf", "memberOf", "children", "members"];

/// Sorts the lists of refs by UTF-16 code unit, as JavaScript does. Lists that hold anything but
/// texts stay as they are.
pub fn sort_relation_fields(entity: &mut Value) {
    let Some(spec) = entity.get_mut("spec").and_then(Value::as_object_mut) else { return };
    for field in SORTED {
        if let Some(Value::Array(items)) = spec.get_mut(field)
            && items.iter().all(Value::is_string)
        {
            items.sort_by(|a, b| code_units(a).cmp(code_units(b)));
        }
    }
}

fn code_units(text: &Value) -> impl Iterator<Item = u16> {
    text.as_str().unwrap_or_default().encode_utf16()
}

/// The relations that `entity` implies by the rules of its kind: each field's, in both directions,
/// in the order of the table and of the source.
///
/// # Errors
/// For each value that is no entity ref.
pub fn relations_of(
    model: &KindModel,
    entity_ref: &EntityRef,
    entity: &Value,
) -> Result<Vec<Relation>, Vec<Problem>> {
    let (mut relations, mut problems) = (Vec::new(), Vec::new());
    for field in &model.relations {
        let mut wrong = Vec::new();
        let values = values(&entity["spec"], &field.field);
        let all_are_texts = values.iter().all(|(_, written)| written.is_string());
        for (path, written) in values {
            match target_of(field, entity_ref, written) {
                Ok(target) => relations.extend(both_ways(field, entity_ref, target)),
                Err(error) => wrong.push((written.as_str(), problem(field, path, written, &error))),
            }
        }
        if all_are_texts {
            // Backstage sorts such a list before it looks at it, so it complains about the least first.
            wrong.sort_by_key(|(text, _)| *text);
        }
        problems.extend(wrong.into_iter().map(|(_, problem)| problem));
    }
    if problems.is_empty() { Ok(relations) } else { Err(problems) }
}

fn both_ways(field: &RelationField, source: &EntityRef, target: EntityRef) -> [Relation; 2] {
    let relation = |source, kind: &str, target| Relation { source, kind: kind.to_owned(), target };
    [
        relation(source.clone(), &field.forward, target.clone()),
        relation(target, &field.reverse, source.clone()),
    ]
}

/// The values of a field with their places. A single value counts as a list of one; nothing and the
/// empty text are passed over.
fn values<'a>(spec: &'a Value, field: &str) -> Vec<(String, &'a Value)> {
    let mut found = vec![("/spec".to_owned(), spec)];
    for name in field.split('.') {
        let within = found.into_iter().flat_map(items_of);
        found = within
            .filter_map(|(path, value)| Some((format!("{path}/{}", escape(name)), value.get(name)?)))
            .collect();
    }
    let is_filled = |(_, value): &(String, &Value)| !value.is_null() && value.as_str() != Some("");
    found.into_iter().filter(is_filled).flat_map(items_of).collect()
}

/// The items of a list with their places; anything else is taken as it is.
fn items_of((path, value): (String, &Value)) -> Vec<(String, &Value)> {
    match value {
        Value::Array(items) => {
            let places = items.iter().enumerate();
            places.map(|(index, item)| (format!("{path}/{index}"), item)).collect()
        }
        value => vec![(path, value)],
    }
}

fn target_of(field: &RelationField, source: &EntityRef, written: &Value) -> Result<EntityRef, RefError> {
    let context = RefContext {
        default_kind: field.default_kind.as_deref(),
        default_namespace: Some(field.default_namespace.as_deref().unwrap_or(source.namespace())),
    };
    match written {
        Value::String(text) => EntityRef::parse(text, context),
        Value::Object(parts) => {
            let part = |name: &str| parts.get(name).and_then(Value::as_str).map(str::to_owned);
            let name = part("name").ok_or_else(|| RefError::MissingKind(written.to_string()))?;
            CompoundRef { kind: part("kind"), namespace: part("namespace"), name }.resolve(context)
        }
        Value::Null => Err(RefError::Empty),
        other => Err(RefError::MissingKind(other.to_string())),
    }
}

fn problem(field: &RelationField, path: String, written: &Value, error: &RefError) -> Problem {
    let name = if matches!(error, RefError::Form(_)) { "TypeError" } else { "Error" };
    let written = written.as_str().map_or_else(|| written.to_string(), str::to_owned);
    let place = dotted(&path);
    let advice = match error {
        RefError::MissingKind(_) if field.default_kind.is_none() => {
            format!(
                "{place} does not say which kind it means; write `component:{written}` or `resource:{written}`"
            )
        }
        _ => format!("{place} is `{written}`, which is no entity ref; write `kind:namespace/name`"),
    };
    Problem::new(name, error.to_string()).with_advice(advice).at_path(path)
}
