use serde_json::json;

use super::*;

fn check(text: &str, expected: Value) {
    let documents = parse("file:/a.yaml", text.as_bytes());
    let values: Vec<_> = documents.iter().map(|document| document.outcome.clone().unwrap()).collect();
    assert_eq!(Value::Array(values), expected, "{text:?}");
}

fn message(text: &str) -> String {
    parse("file:/a.yaml", text.as_bytes()).remove(0).outcome.unwrap_err().message
}

#[test]
fn scalars_are_those_of_the_core_schema() {
    check(
        "a: [1, 1.0, 1.5, 0o17, 0x1F, +3, -0.5, .5, 1e3, 1_000, 1.0.0, 12345678901234567890]\n\
         b: [true, True, no, yes, null, ~, \"1\", '~']\n\
         c: [.inf, -.Inf, .nan, ., 2020-01-01, 0o9]\n\
         d: [!!str 1, !!int \"1\", !mine 1]",
        json!([{
            "a": [1, 1, 1.5, 15, 31, 3, -0.5, 0.5, 1000, "1_000", "1.0.0", 12345678901234567000.0],
            "b": [true, true, "no", "yes", null, null, "1", "~"],
            "c": [null, null, null, ".", "2020-01-01", "0o9"],
            "d": ["1", 1, "1"],
        }]),
    );
}

#[test]
fn keys_become_texts_and_merge_keys_are_only_keys() {
    check("1: a\ntrue: b\n~: c\n1.50: d\n", json!([{"1": "a", "true": "b", "": "c", "1.5": "d"}]));
    check("a: &x {b: 1}\nc: {<<: *x}", json!([{"a": {"b": 1}, "c": {"<<": {"b": 1}}}]));
    check("name: {{ x }}", json!([{"name": {"{ x }": null}}]));
}

#[test]
fn every_kind_of_file_is_read() {
    check("\u{feff}a: 1\r\nb: |\r\n  x\r\n  y\r\n", json!([{"a": 1, "b": "x\ny\n"}]));
    check("{\"a\": [1, {\"b\": null}]}", json!([{"a": [1, {"b": null}]}]));
    check("%YAML 1.2\n---\na: 1\n...\n# end\n", json!([{"a": 1}]));
    check("# nothing\n", json!([]));
    check("", json!([]));
}

#[test]
fn a_tab_may_stand_between_key_and_value() {
    check("a:\tb\nc: \t 1\nd: |\n  e:\tf\n", json!([{"a": "b", "c": 1, "d": "e:\tf\n"}]));
    assert!(message("a:\n\tb: 1\n").contains("Tabs are not allowed as indentation"));
}

#[test]
fn a_control_character_is_told_as_one() {
    let advice = |bytes: &[u8]| parse("file:/a.yaml", bytes).remove(0).outcome.unwrap_err().advice.unwrap();
    for bytes in [
        b"kind: \0Component\n".as_slice(),
        b"\0",
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0",
        b"a: {{ \0 }}\n",
    ] {
        let advice = advice(bytes);
        assert!(advice.contains("a character that cannot stand in YAML"), "{bytes:?}: {advice}");
    }
    assert!(advice(b"a:\n\tb: 1\n").contains("not with tabs"));
    assert!(advice(b"a: |\n\tb\n").contains("not with tabs"));
}

#[test]
fn an_error_in_one_document_leaves_the_others() {
    let documents = parse("file:/a.yaml", b"a: 1\n---\nb: [\n---\n---\n- c\n---\nd: |\n  ---\n");
    let seen: Vec<_> = documents
        .iter()
        .map(|document| (document.index, document.line, document.outcome.as_ref().ok().cloned()))
        .collect();
    assert_eq!(seen[0], (1, 1, Some(json!({"a": 1}))));
    assert_eq!((seen[1].0, seen[1].2.is_none()), (2, true));
    assert_eq!(seen[2], (4, 6, None));
    assert_eq!(seen[3], (5, 8, Some(json!({"d": "---\n"}))));
}

#[test]
fn errors_say_where_and_what() {
    assert_eq!(
        message("a: 1\nb: 2\na: 3\n"),
        "YAML error at file:/a.yaml, YAMLParseError: Map keys must be unique at line 3, column 1"
    );
    assert_eq!(message("- a"), "Expected object at root, got object");
    assert_eq!(message("just text"), "Expected object at root, got string");
    assert!(message("a: *b").contains("YAML error at file:/a.yaml, YAMLParseError: "));
}

#[test]
fn what_a_file_may_cost_is_bounded() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let last = level - 1;
        let aliases = [format!("*a{last}"); 1].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![aliases; 10].join(", ")));
    }
    assert!(message(&bomb).contains("Excessive alias count"));
    assert!(message(&format!("a: {}", "[".repeat(150) + &"]".repeat(150))).contains("levels"));
    assert!(message(&"- ".repeat(200_000)).contains("YAML error"));
    assert!(message("a: &x [*x]").contains("YAML error"));
    assert!(message(&"? ".repeat(200_000)).contains("YAML error"), "keys nest as well");
    assert!(message(&"{".repeat(200_000)).contains("YAML error"));
    let kept = format!("a: {}{}", "&x [ ".repeat(90), "y, ".repeat(20_000) + &"]".repeat(90));
    assert!(message(&kept).contains("maxNodes"), "what is kept for aliases counts");
}

#[test]
fn what_is_missing_at_the_end_is_missed_on_the_last_line() {
    let documents = parse("file:/a.yaml", b"a: 1\nb");
    assert_eq!(documents[0].line, 2, "{:?}", documents[0].outcome);
}

#[test]
fn every_refusal_names_its_limit() {
    let limits = Limits { max_bytes: 60, max_documents: 2, max_depth: 3, max_nodes: 9, max_text: 30 };
    let refusal = |text: &str| {
        let documents = parse_within("file:/a.yaml", text.as_bytes(), &limits);
        documents.into_iter().find_map(|document| document.outcome.err()).unwrap()
    };
    for (text, part) in [
        (
            "a: ".to_owned() + &"x".repeat(60),
            "the file has more than 60 bytes, the limit of `backstitch.ingest.descriptors.maxBytes`",
        ),
        (
            "a: 1\n---\na: 2\n---\na: 3\n".to_owned(),
            "more than 2 documents, the limit of `backstitch.ingest.descriptors.maxDocuments`",
        ),
        (
            "a: {b: {c: {d: 1}}}".to_owned(),
            "more than 3 levels, the limit of `backstitch.ingest.descriptors.maxDepth`",
        ),
        (
            "[a, b, c, d, e, f, g, h, i, j]".to_owned(),
            "The document has more than 9 keys and values, the limit of `backstitch.ingest.descriptors.maxNodes`",
        ),
        ("a: &a [b, c, d]\ne: [*a, *a]".to_owned(), "Excessive alias count"),
        (
            "a: ".to_owned() + &"x".repeat(40),
            "more than 30 bytes of text, the limit of `backstitch.ingest.descriptors.maxText`",
        ),
    ] {
        let problem = refusal(&text);
        assert!(problem.message.contains(part), "{}", problem.message);
        assert!(problem.advice.is_some() && problem.line.is_some());
    }
    let documents = parse_within("file:/a.yaml", b"a: 1\n---\na: 2\n---\na: 3\n", &limits);
    assert!(documents[0].outcome.is_ok() && documents[1].outcome.is_ok() && documents.len() == 3);
}

#[test]
fn many_tabs_and_many_problems_cost_little() {
    let tabs = "a\t: 1\n".repeat(2_000);
    let long = format!("x: {}\n{tabs}", "y".repeat(1 << 20));
    assert_eq!(parse("file:/a.yaml", long.as_bytes()).len(), 1);
    let text = (0..20_000).map(|index| format!("k{index}: 1\n")).collect::<String>();
    let document = parse("file:/a.yaml", text.as_bytes()).remove(0);
    let pointers: Vec<_> = (0..20_000).map(|index| format!("/k{index}/x")).collect();
    let lines = document.lines_of(pointers.iter().map(String::as_str));
    assert_eq!((lines.len(), lines["/k19999/x"]), (20_000, 20_000));
}

#[test]
fn a_pointer_leads_to_its_line() {
    let text = "# head\n---\nkind: Component\nmetadata:\n  name: a\n  tags:\n    - x\n    - y\nspec:\n  owner:\n    \
                me\n";
    let document = parse("file:/a.yaml", text.as_bytes()).remove(0);
    for (pointer, line) in [
        ("", 3),
        ("/kind", 3),
        ("/metadata/tags", 6),
        ("/metadata/tags/1", 8),
        ("/spec/owner", 10),
        ("/spec/missing", 9),
        ("/nothing/at/all", 3),
    ] {
        assert_eq!(document.line_of(pointer), line, "{pointer}");
    }
}

proptest::proptest! {
    #[test]
    fn whatever_a_file_holds_reading_it_ends_and_places_are_within_it(
        parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "a", "b", ":", " ", ": ", "- ", "\n", "\n  ", "\n    ", "---", "...", "&x ", "*x", "{", "}", "[", "]",
                ",", "\"", "'", "|", ">", "#", "%", "!", "!!str ", "?", "\t", "\r\n", "é", "\u{feff}", "1", "~", "<<", "\\",
            ]),
            0..60,
        ),
    ) {
        let text = parts.concat();
        let lines = i32::try_from(text.lines().count()).unwrap() + 1;
        for document in parse("file:/a.yaml", text.as_bytes()) {
            let line = document.line_of("/a/0/b");
            proptest::prop_assert!((1..=lines).contains(&line) && (1..=lines).contains(&document.line), "{}", text);
        }
    }
}
