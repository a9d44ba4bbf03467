//! The JSON text of a whole entity, put together from its stored parts without parsing them.

use super::Relations;

/// What the stored body lacks.
pub(super) struct Whole<'a> {
    pub etag: &'a str,
    pub relations: &'a Relations,
}

impl Whole<'_> {
    /// Appends `body` with etag and relations in their places. `metadata_at` is what
    /// [`behind_metadata_brace`] says about this body.
    pub(super) fn write(&self, body: &str, metadata_at: Option<usize>, out: &mut Vec<u8>) {
        let Some(inner) = body.strip_suffix('}') else {
            // Not an object, so nothing can be added to it.
            out.extend_from_slice(body.as_bytes());
            return;
        };
        out.reserve(body.len() + self.relations.len() * 64 + 80);
        match metadata_at {
            None => out.extend_from_slice(inner.as_bytes()),
            Some(at) => {
                out.extend_from_slice(&inner.as_bytes()[..at]);
                out.extend_from_slice(b"\"etag\":");
                write_text(self.etag, out);
                if inner.as_bytes().get(at) != Some(&b'}') {
                    out.push(b',');
                }
                out.extend_from_slice(&inner.as_bytes()[at..]);
            }
        }
        if inner.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(b"\"relations\":[");
        for (position, relation) in self.relations.iter().enumerate() {
            out.extend_from_slice(if position == 0 { b"{\"type\":" } else { b",{\"type\":" });
            write_text(&relation.kind, out);
            out.extend_from_slice(b",\"targetRef\":");
            write_text(relation.target.as_str(), out);
            out.push(b'}');
        }
        out.extend_from_slice(b"]}");
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a string always serialises");
}

/// The place just behind the brace of the root's `metadata` object, in compact JSON.
pub(super) fn behind_metadata_brace(body: &str) -> Option<usize> {
    const OPENING: &[u8] = b"\"metadata\":{";
    let bytes = body.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let is_member = depth == 1 && matches!(bytes.get(at.wrapping_sub(1)), Some(b'{' | b','));
                if is_member && bytes[at..].starts_with(OPENING) {
                    return Some(at + OPENING.len());
                }
                at = end_of_text(bytes, at);
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The closing quote of the text that opens at `at`.
fn end_of_text(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at
}

#[cfg(test)]
mod tests {
    use backstitch_schemas::EntityRef;
    use serde_json::{Value, json};

    use super::*;
    use crate::index::Relation;

    fn check(body: &Value, expected: &Value) {
        let text = body.to_string();
        let relation =
            Relation { kind: "ownedBy".into(), target: EntityRef::from_canonical("group:default/a\"b") };
        let whole = Whole { etag: "e1", relations: &[relation].into_iter().collect() };
        let mut out = Vec::new();
        whole.write(&text, behind_metadata_brace(&text), &mut out);
        let written: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(written, *expected, "{text}");
    }

    #[test]
    fn etag_and_relations_are_spliced_in_without_parsing() {
        let relations = json!([{"type": "ownedBy", "targetRef": "group:default/a\"b"}]);
        check(
            &json!({"kind": "x", "metadata": {"name": "n"}}),
            &json!({"kind": "x", "metadata": {"name": "n", "etag": "e1"}, "relations": relations}),
        );
        check(&json!({"metadata": {}}), &json!({"metadata": {"etag": "e1"}, "relations": relations}));
        check(&json!({}), &json!({"relations": relations}));
    }

    #[test]
    fn only_the_metadata_of_the_root_is_meant() {
        let relations = json!([{"type": "ownedBy", "targetRef": "group:default/a\"b"}]);
        let other = json!({"metadata": {"a": 1}});
        check(
            &json!({"a": other, "b": "\"metadata\":{", "c": "\\", "metadata": {"name": "n"}}),
            &json!({"a": other, "b": "\"metadata\":{", "c": "\\",
                    "metadata": {"name": "n", "etag": "e1"}, "relations": relations}),
        );
    }
}
