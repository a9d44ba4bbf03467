//! Which rows of the search index an entity has: its JSON flattened into keys and terms.
//!
//! The rules, oddities included, are those of Backstage, because filters, facets and orders that
//! people have written depend on them.

use backstitch_schemas::DEFAULT_NAMESPACE;
use serde_json::Value;

use super::term::{Term, is_too_long, lower, scalar_text};

/// One row: a lower-cased key and, unless it is null or too long, a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchRow {
    /// E.g. `metadata.tags`.
    pub key: String,
    /// `None` for a key that exists but matches no value.
    pub term: Option<Term>,
}

/// Paths that are not walked; compared exactly and as a whole.
const SKIPPED: [&str; 7] = [
    "attachments",
    "relations",
    "status",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "metadata.etag",
];

/// Backstage keeps this value for itself and stores no row that has it.
const SENTINEL: &str = "\u{1}";

/// A row before keys are brought together.
struct Visited {
    key: String,
    /// `None` is null.
    text: Option<String>,
    /// A text in an array, as a key: it counts only if the key is new.
    is_item: bool,
}

/// The rows of an entity without those of its relations, sorted by key; within a key as they occur.
/// No two rows have the same key and value.
pub fn search_rows(entity: &Value) -> Vec<SearchRow> {
    let mut visited = Vec::with_capacity(64);
    visit(&mut String::new(), entity, &mut visited);
    append_names(entity, &mut visited);
    visited.sort_by(|a, b| a.key.cmp(&b.key));

    let mut rows: Vec<SearchRow> = Vec::with_capacity(visited.len());
    for group in visited.chunk_by(|a, b| a.key == b.key) {
        if is_too_long(&group[0].key) {
            continue;
        }
        let start = rows.len();
        for (position, row) in group.iter().enumerate() {
            let is_repeated_item = row.is_item && position > 0;
            if is_repeated_item || row.text.as_deref() == Some(SENTINEL) {
                continue;
            }
            let term = row.text.as_deref().and_then(Term::written);
            let value = term.as_ref().map(Term::value);
            if rows[start..].iter().all(|other| other.term.as_ref().map(Term::value) != value) {
                rows.push(SearchRow { key: row.key.clone(), term });
            }
        }
    }
    rows
}

/// The key of the rows that relations of one type make.
pub fn relation_key(kind: &str) -> String {
    format!("relations.{}", lower(kind))
}

fn visit(path: &mut String, value: &Value, out: &mut Vec<Visited>) {
    if SKIPPED.contains(&path.as_str()) {
        return;
    }
    match value {
        Value::Array(items) => {
            for item in items {
                visit(path, item, out);
                if let Value::String(text) = item {
                    let key = lower(&format!("{path}.{text}"));
                    out.push(Visited { key, text: Some("true".to_owned()), is_item: true });
                }
            }
        }
        Value::Object(members) => {
            let length = path.len();
            for (name, member) in members {
                if length > 0 {
                    path.push('.');
                }
                path.push_str(name);
                visit(path, member, out);
                path.truncate(length);
            }
        }
        scalar => out.push(Visited { key: lower(path), text: scalar_text(scalar), is_item: false }),
    }
}

/// Name, namespace and uid count as they are, at the end.
fn append_names(entity: &Value, out: &mut Vec<Visited>) {
    let metadata = entity.get("metadata");
    let member = |name: &str| metadata.and_then(|metadata| metadata.get(name));
    let mut append = |name: &str, text: Option<String>| {
        out.push(Visited { key: format!("metadata.{name}"), text, is_item: false });
    };
    for name in ["name", "namespace", "uid"] {
        append(name, member(name).and_then(scalar_text));
    }
    if member("namespace").and_then(Value::as_str).is_none_or(str::is_empty) {
        append("namespace", Some(DEFAULT_NAMESPACE.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows_of(entity: &Value, prefix: &str) -> Vec<(String, Option<String>)> {
        let rows = search_rows(entity).into_iter().filter(|row| row.key.starts_with(prefix));
        rows.map(|row| (row.key, row.term.map(|term| term.original().to_owned()))).collect()
    }

    fn row(key: &str, text: &str) -> (String, Option<String>) {
        (key.to_owned(), Some(text.to_owned()))
    }

    #[test]
    fn nested_values_give_the_rows_that_backstage_gives() {
        let entity = json!({"spec": {"nested": {"arr": [1, true, null, {"x": "Y"}, ["q"]]}}});
        let expected = vec![
            row("spec.nested.arr", "1"),
            row("spec.nested.arr", "true"),
            ("spec.nested.arr".to_owned(), None),
            row("spec.nested.arr", "q"),
            row("spec.nested.arr.q", "true"),
            row("spec.nested.arr.x", "Y"),
        ];
        assert_eq!(rows_of(&entity, "spec"), expected);
    }

    #[test]
    fn tags_and_annotations_are_flat_keys() {
        let entity = json!({"metadata": {"tags": ["java", "Java"], "annotations": {"backstage.io/X": "1"}}});
        assert_eq!(
            rows_of(&entity, "metadata.tags"),
            [row("metadata.tags", "java"), row("metadata.tags.java", "true")]
        );
        assert_eq!(rows_of(&entity, "metadata.ann"), [row("metadata.annotations.backstage.io/x", "1")]);
    }

    #[test]
    fn numbers_are_written_as_javascript_does() {
        let entity = json!({"spec": {"a": 7.50, "b": 1e21, "c": 1.0, "d": "", "e": []}});
        assert_eq!(
            rows_of(&entity, "spec"),
            [row("spec.a", "7.5"), row("spec.b", "1e+21"), row("spec.c", "1"), row("spec.d", "")]
        );
    }

    #[test]
    fn skipped_paths_are_exact_and_names_come_back_as_rows() {
        let entity = json!({
            "relations": [{"type": "x"}], "status": {"items": []}, "attachments": {"a": 1},
            "metadata": {"name": "N", "etag": "e", "Etag": "kept"},
        });
        let expected = vec![
            row("metadata.etag", "kept"),
            row("metadata.name", "N"),
            ("metadata.namespace".to_owned(), None),
            row("metadata.namespace", "default"),
            ("metadata.uid".to_owned(), None),
        ];
        assert_eq!(rows_of(&entity, ""), expected);
    }

    /// Computed with the published packages; a missing value has no key in JSON.
    #[test]
    fn a_whole_entity_gives_the_rows_that_backstage_gives() {
        let entity = json!({
            "kind": "b", "metadata": {"name": "n", "namespace": "d"},
            "spec": {"a": ["x", "X", {"y": ["z"]}], "n": 1.0, "f": -0.0, "d": {}},
        });
        let mut expected = vec![
            row("kind", "b"),
            row("spec.a", "x"),
            row("spec.a.x", "true"),
            row("spec.a.y", "z"),
            row("spec.a.y.z", "true"),
            row("spec.n", "1"),
            row("spec.f", "0"),
            row("metadata.name", "n"),
            row("metadata.namespace", "d"),
            ("metadata.uid".to_owned(), None),
        ];
        expected.sort();
        let mut found = rows_of(&entity, "");
        found.sort();
        assert_eq!(found, expected);
        let entity = json!({"spec": {"a": ["X", "x"]}});
        assert_eq!(rows_of(&entity, "spec"), [row("spec.a", "X"), row("spec.a.x", "true")]);
    }

    /// Backstage cannot stitch such an entity, and tries for ever.
    #[test]
    fn keys_that_differ_in_case_only_are_one_key() {
        let entity = json!({"spec": {"Owner": "a", "owner": "b"}});
        assert_eq!(rows_of(&entity, "spec"), [row("spec.owner", "a"), row("spec.owner", "b")]);
    }

    #[test]
    fn long_keys_are_dropped_and_long_values_only_exist() {
        let entity = json!({"spec": {"a".repeat(195): 1, "a".repeat(196): 1, "v": "b".repeat(201)}});
        let rows = rows_of(&entity, "spec.");
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1], ("spec.v".to_owned(), None));
    }
}
