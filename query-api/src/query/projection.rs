//! Projections: the `fields` of a request, and what of an entity they leave.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::QueryError;

/// How many fields may be asked for: each is a walk through each entity.
const MAX_FIELDS: usize = 1_000;

/// Which fields of an entity are answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection(Vec<String>);

impl Projection {
    /// The projection of some dot paths; `None` if there is none, which means the whole entity.
    ///
    /// # Errors
    /// If a path means an item of an array.
    pub fn parse<'a>(fields: impl IntoIterator<Item = &'a str>) -> Result<Option<Self>, QueryError> {
        let (mut paths, mut seen) = (Vec::<String>::new(), HashSet::new());
        for field in fields.into_iter().map(str::trim).filter(|field| !field.is_empty()) {
            if field.contains('[') {
                let message = format!("Invalid field \"{field}\", array type fields are not supported");
                return Err(QueryError(message));
            }
            if seen.insert(field) {
                paths.push(field.to_owned());
            }
            if paths.len() > MAX_FIELDS {
                let message =
                    format!("Invalid fields, more than {MAX_FIELDS} were asked for; ask for whole entities");
                return Err(QueryError(message));
            }
        }
        Ok(if paths.is_empty() { None } else { Some(Self(paths)) })
    }

    /// The entity with nothing but the projected fields.
    pub fn of(&self, entity: &Value) -> Value {
        let mut projected = Value::Object(Map::new());
        for path in &self.0 {
            if let Some((keys, value)) = find(entity, path) {
                set(&mut projected, &keys, value);
            }
        }
        projected
    }
}

/// Puts a value at a path. A missing parent of an array index becomes an array.
fn set(place: &mut Value, keys: &[&str], value: &Value) {
    let Some((key, rest)) = keys.split_first() else {
        *place = value.clone();
        return;
    };
    let index = key.parse::<usize>().ok();
    if let (Value::Null, Some(_)) = (&*place, index) {
        *place = Value::Array(Vec::new());
    }
    let child = match (place, index) {
        (Value::Array(items), Some(index)) => {
            if items.len() <= index {
                items.resize(index + 1, Value::Null);
            }
            &mut items[index]
        }
        (Value::Object(members), _) => members.entry(*key).or_insert(Value::Null),
        (other, _) => {
            *other = Value::Object(Map::new());
            &mut other[*key]
        }
    };
    set(child, rest, value);
}

/// Walks from the root. A key may have dots: the shortest that exists is taken, without return.
fn find<'a, 'p>(root: &'a Value, path: &'p str) -> Option<(Vec<&'p str>, &'a Value)> {
    let mut keys = Vec::new();
    let mut value = root;
    let mut rest = path;
    loop {
        let (key, behind, found) = step(value, rest)?;
        keys.push(key);
        match behind {
            None => return Some((keys, found)),
            Some(behind) => (value, rest) = (found, behind),
        }
    }
}

/// The shortest leading part of `path` that is a member of `value`, and what follows it.
fn step<'a, 'p>(value: &'a Value, path: &'p str) -> Option<(&'p str, Option<&'p str>, &'a Value)> {
    let dots = path.match_indices('.').map(|(at, _)| (&path[..at], Some(&path[at + 1..])));
    for (key, behind) in dots.chain([(path, None)]) {
        let found = match value {
            Value::Object(members) => members.get(key),
            Value::Array(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
            _ => None,
        };
        if let Some(found) = found {
            return Some((key, behind, found));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(fields: &[&str], expected: Value) {
        let entity = json!({
            "kind": "Component",
            "metadata": {"name": "a", "annotations": {"backstage.io/orphan": "true"}, "tags": ["x", "y"]},
            "spec": {"n": null, "deep": {"a": 1, "b": 2}},
        });
        let projection = Projection::parse(fields.iter().copied()).unwrap();
        let projected = projection.map_or(entity.clone(), |projection| projection.of(&entity));
        assert_eq!(projected, expected, "{fields:?}");
    }

    #[test]
    fn paths_are_walked_with_dots_in_keys() {
        check(&["kind", "metadata.name"], json!({"kind": "Component", "metadata": {"name": "a"}}));
        check(
            &["metadata.annotations.backstage.io/orphan"],
            json!({"metadata": {"annotations": {"backstage.io/orphan": "true"}}}),
        );
        check(&["spec.n", "spec.deep.b"], json!({"spec": {"n": null, "deep": {"b": 2}}}));
        check(&["spec.nope", "Kind"], json!({}));
        check(&["metadata.tags.0"], json!({"metadata": {"tags": ["x"]}}));
    }

    /// Computed with the published packages.
    #[test]
    fn dotted_keys_gaps_and_nulls_are_projected_as_in_backstage() {
        let entity = json!({
            "kind": "K",
            "metadata": {"name": "n", "annotations": {"a.b/c": "1", "a": {"b/c": "2"}}, "tags": ["x", "y"]},
            "spec": {"a.b": {"c": 1}, "arr": [{"k": 1}], "nul": null, "emp": ""},
        });
        for (fields, expected) in [
            ("metadata.annotations.a.b/c", json!({"metadata": {"annotations": {"a": {"b/c": "2"}}}})),
            ("spec.a.b.c", json!({"spec": {"a.b": {"c": 1}}})),
            ("spec.a.b", json!({"spec": {"a.b": {"c": 1}}})),
            ("spec.arr.k", json!({})),
            ("spec.nul", json!({"spec": {"nul": null}})),
            ("spec.emp", json!({"spec": {"emp": ""}})),
            ("spec.missing", json!({})),
            (" kind , spec.emp ", json!({"kind": "K", "spec": {"emp": ""}})),
        ] {
            let projection = Projection::parse(fields.split(',')).unwrap().unwrap();
            assert_eq!(projection.of(&entity), expected, "{fields:?}");
        }
    }

    #[test]
    fn blank_fields_are_none_and_arrays_are_an_error() {
        assert_eq!(Projection::parse([" ", ""]), Ok(None));
        let error = Projection::parse(["a[0]"]).unwrap_err();
        assert_eq!(error.0, "Invalid field \"a[0]\", array type fields are not supported");
    }
}
