//! Writes a value as YAML that people like to read: block style, quotes only where they are needed.

use serde_json::Value;

use super::scalar;

/// What YAML 1.1 takes for true or false. Readers of that version are still about.
const WORDS_OF_1_1: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "true", "false"];

/// How long a key may be, in bytes, to stand before its colon without a mark. YAML says 1,024 characters.
const LONGEST_IMPLICIT_KEY: usize = 1_000;

/// The text of `value`, with a line break at its end. Read again, it is the same value.
pub fn to_string(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(members) if !members.is_empty() => mapping(&mut out, members, 0),
        Value::Array(items) if !items.is_empty() => sequence(&mut out, items, 0),
        value => {
            // Indented, or a line of dots would be the end of the document.
            leaf(&mut out, value, 2);
            out.push('\n');
        }
    }
    out
}

/// The same on one line, without a line break at its end, for sentences about YAML. A text stands without
/// quotes wherever it reads the same.
pub(crate) fn on_one_line(value: &Value) -> String {
    let mut out = String::new();
    flow(&mut out, value);
    out
}

fn flow(out: &mut String, value: &Value) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (index, (name, value)) in members.iter().enumerate() {
                out.push_str(if index == 0 { "{ " } else { ", " });
                flow_text(out, name);
                out.push_str(": ");
                flow(out, value);
            }
            out.push_str(" }");
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                flow(out, item);
            }
            out.push(']');
        }
        Value::String(text) => flow_text(out, text),
        value => leaf(out, value, 0),
    }
}

fn flow_text(out: &mut String, text: &str) {
    match is_plain(text) || is_plain_ref(text) {
        true => out.push_str(text),
        false => quoted(out, text),
    }
}

/// Whether a text is like a ref, a path or a URL, in which colons and the like part words and mean nothing
/// to YAML.
fn is_plain_ref(text: &str) -> bool {
    let is_of_word =
        |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '@' | '+' | '=' | '~');
    let first = text.chars().next();
    first.is_some_and(|c| c.is_alphabetic() || c == '/')
        && text.chars().all(is_of_word)
        && !text.ends_with(':')
        && !is_word_of_1_1(text)
        && scalar::is_text(text)
        || ["./", "../"].iter().any(|up| text.strip_prefix(up).is_some_and(is_plain_ref))
}

fn is_word_of_1_1(text: &str) -> bool {
    WORDS_OF_1_1.iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn mapping(out: &mut String, members: &serde_json::Map<String, Value>, indent: usize) {
    for (index, (name, value)) in members.iter().enumerate() {
        if index > 0 {
            pad(out, indent);
        }
        key(out, name, indent);
        out.push(':');
        match value {
            Value::Object(members) if !members.is_empty() => {
                out.push('\n');
                pad(out, indent + 2);
                mapping(out, members, indent + 2);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                pad(out, indent + 2);
                sequence(out, items, indent + 2);
            }
            value => {
                out.push(' ');
                leaf(out, value, indent + 2);
                out.push('\n');
            }
        }
    }
}

/// The name of a member, so that a colon can follow.
fn key(out: &mut String, name: &str, indent: usize) {
    let start = out.len();
    match is_plain(name) {
        true => out.push_str(name),
        false => quoted(out, name),
    }
    if out.len() - start > LONGEST_IMPLICIT_KEY {
        out.insert_str(start, "? ");
        out.push('\n');
        pad(out, indent);
    }
}

fn sequence(out: &mut String, items: &[Value], indent: usize) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            pad(out, indent);
        }
        out.push_str("- ");
        match item {
            Value::Object(members) if !members.is_empty() => mapping(out, members, indent + 2),
            Value::Array(items) if !items.is_empty() => sequence(out, items, indent + 2),
            value => {
                leaf(out, value, indent + 2);
                out.push('\n');
            }
        }
    }
}

/// A value without children, without the line break behind it.
fn leaf(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::String(text) if is_plain(text) => out.push_str(text),
        Value::String(text) if is_block(text) => block(out, text, indent),
        Value::String(text) => quoted(out, text),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
        value => out.push_str(&value.to_string()),
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// JSON's quoting is YAML's too, but for some characters that may not stand there as they are.
fn quoted(out: &mut String, text: &str) {
    for c in Value::from(text).to_string().chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
}

/// A text of several lines, each on its own.
fn block(out: &mut String, text: &str, indent: usize) {
    let body = text.strip_suffix('\n');
    out.push_str(if body.is_some() { "|" } else { "|-" });
    for line in body.unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            pad(out, indent);
            out.push_str(line);
        }
    }
}

/// Whether a text may stand as it is and is still a text.
fn is_plain(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '/' | '$'));
    let rest =
        text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '$' | '+' | ' '));
    first && rest && !text.ends_with(' ') && !is_word_of_1_1(text) && scalar::is_text(text)
}

/// Whether a text reads better, and reads the same, with its lines below each other.
fn is_block(text: &str) -> bool {
    let lines = text.strip_suffix('\n').unwrap_or(text);
    lines.contains('\n')
        && !lines.starts_with([' ', '\n', '\t'])
        && !lines.ends_with([' ', '\n', '\t'])
        && lines.split('\n').all(|line| line.is_empty() || !line.trim().is_empty())
        && text.chars().all(|c| {
            c == '\n' || c == '\t' || !(c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}'..))
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::yaml::parse_single;

    #[test]
    fn values_are_written_as_people_write_them() {
        let value = json!({
            "openapi": "3.0.0",
            "info": {"title": "The store: \"A\"", "description": "One\n\nTwo\n"},
            "paths": {"/pets/{id}": {"get": {"responses": {"200": {"$ref": "#/components/a"}}}}},
            "tags": [{"name": "a", "x": []}, ["b", "no"], {}, null, 1.5, true],
        });
        let expected = "info:\n  description: |\n    One\n\n    Two\n  title: \"The store: \\\"A\\\"\"\nopenapi: \"3.0.0\"\n\
                        paths:\n  \"/pets/{id}\":\n    get:\n      responses:\n        \"200\":\n          $ref: \
                        \"#/components/a\"\ntags:\n  - name: a\n    x: []\n  - - b\n    - \"no\"\n  - {}\n  - null\n  - \
                        1.5\n  - true\n";
        assert_eq!(to_string(&value), expected);
        assert_eq!(parse_single(expected).unwrap(), value);
    }

    #[test]
    fn on_one_line_refs_and_paths_need_no_quotes() {
        let value =
            json!({"a": ["group:default/a", "./b.yaml", "https://c.d/e"], "b": {}, "c": "true", "d": "e: f"});
        let expected = "{ a: [group:default/a, ./b.yaml, https://c.d/e], b: {}, c: \"true\", d: \"e: f\" }";
        assert_eq!(on_one_line(&value), expected);
    }

    #[test]
    fn a_text_by_itself_may_hold_what_ends_a_document() {
        for text in ["...\n )", "---\na"] {
            assert_eq!(parse_single(&to_string(&json!(text))).unwrap(), text);
        }
    }

    #[test]
    fn a_key_may_be_longer_than_a_line_may_search_for_its_colon() {
        for key in ["k".repeat(1_100), "\u{18}".repeat(200), "ä b".repeat(400)] {
            let value = json!([{"a": {&key: {"b": [1, {&key: "text"}]}}, "z": [{&key: []}]}]);
            assert_eq!(parse_single(&to_string(&value)).unwrap(), value);
        }
    }

    fn text() -> impl proptest::strategy::Strategy<Value = String> {
        let parts = proptest::sample::select(vec![
            "a",
            "b c",
            " ",
            "\n",
            "\n\n",
            ": ",
            "#",
            "-",
            "---",
            "null",
            "1",
            "e5",
            "\t",
            "\"",
            "'",
            "\\",
            "é",
            "\u{85}",
            "\u{feff}",
            "\r",
            "|",
            "%",
            "&x",
            "*x",
            "?",
            "[",
            "{",
            "\u{1f600}",
            "\u{2028}",
            "\u{7f}",
            "\0",
            "~",
            "<<",
            "...",
            "./",
            "/",
            "@",
            ":",
            "=",
            "true",
        ]);
        proptest::strategy::Strategy::prop_map(proptest::collection::vec(parts, 0..6), |parts| parts.concat())
    }

    fn value() -> impl proptest::strategy::Strategy<Value = Value> {
        use proptest::strategy::{Just, Strategy as _};
        let leaf = proptest::prop_oneof![
            Just(Value::Null),
            proptest::bool::ANY.prop_map(Value::from),
            (-5i64..5).prop_map(Value::from),
            text().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            proptest::prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(text(), inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_the_same(value in value()) {
            let written = to_string(&value);
            if !value.is_null() {
                proptest::prop_assert_eq!(parse_single(&written).map_err(|e| e.to_string()), Ok(value), "{}", written);
            }
        }

        #[test]
        fn what_is_written_on_one_line_is_read_the_same(value in value()) {
            let written = on_one_line(&value);
            proptest::prop_assert!(!written.contains(['\n', '\r']), "{}", written);
            // As an item and as a value, which is where examples stand.
            let placed = format!("a: {written}\nb:\n- {written}\n");
            let read = parse_single(&placed).map_err(|e| e.to_string());
            proptest::prop_assert_eq!(read, Ok(json!({"a": value, "b": [value]})), "{}", placed);
        }

        #[test]
        fn json_is_read_as_yaml_to_the_same_value(value in value()) {
            if !value.is_null() {
                let read = parse_single(&value.to_string()).map_err(|e| e.to_string());
                proptest::prop_assert_eq!(read, Ok(value.clone()), "{}", value);
            }
        }
    }
}
