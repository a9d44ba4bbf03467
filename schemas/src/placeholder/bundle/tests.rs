use serde_json::json;

use super::*;

/// Parts whose references are the names of the others.
fn parts(files: &[(&str, Value)]) -> Vec<Part> {
    let index: HashMap<_, _> = files.iter().enumerate().map(|(index, (name, _))| (*name, index)).collect();
    let links = |value: &Value| {
        files_of(value).into_iter().filter_map(|file| Some((index.get(&*file).copied()?, file)))
    };
    files
        .iter()
        .map(|(_, value)| Part {
            links: links(value).map(|(index, file)| (file, index)).collect(),
            value: value.clone(),
        })
        .collect()
}

fn check(files: &[(&str, Value)], expected: Value) {
    assert_eq!(bundle(&parts(files)), Ok(expected));
}

#[test]
fn what_stands_elsewhere_is_put_where_it_is_used_first() {
    check(
        &[
            (
                "api",
                json!({"a": {"x": {"$ref": "pet#/Pet"}}, "b": {"$ref": "pet#/Pet"}, "c": {"$ref": "#/b"}}),
            ),
            ("pet", json!({"Pet": {"tag": {"$ref": "#/Tag"}}, "Tag": {"n": 1}})),
        ],
        json!({"a": {"x": {"$ref": "#/b"}}, "b": {"tag": {"n": 1}}, "c": {"$ref": "#/b"}}),
    );
}

#[test]
fn parts_of_what_is_there_already_are_pointed_to() {
    check(
        &[
            ("api", json!({"a": {"$ref": "pet"}, "b": {"deep": {"$ref": "pet#/Tags/0"}}})),
            ("pet", json!({"Tags": [{"n": 1}], "More": {"$ref": "api#/a"}})),
        ],
        json!({"a": {"Tags": [{"n": 1}], "More": {"$ref": "#/a"}}, "b": {"deep": {"$ref": "#/a/Tags/0"}}}),
    );
}

#[test]
fn circles_stay_references() {
    check(
        &[
            ("api", json!({"a/b": {"$ref": "node#/Node"}})),
            (
                "node",
                json!({"Node": {"next": {"$ref": "node#/Node"}, "other": {"$ref": "#/Other"}},
                "Other": {"back": {"$ref": "#/Node"}}}),
            ),
        ],
        json!({"a/b": {"next": {"$ref": "#/a~1b"}, "other": {"back": {"$ref": "#/a~1b"}}}}),
    );
    let endless = parts(&[("api", json!({"a": {"$ref": "b#/x"}})), ("b", json!({"x": {"$ref": "#/x"}}))]);
    assert_eq!(bundle(&endless), Ok(json!({"a": {"$ref": "#/a"}})));
    let endless = parts(&[("api", json!({"a": {"$ref": "b#/x/y"}})), ("b", json!({"x": {"$ref": "#/x"}}))]);
    assert!(matches!(bundle(&endless), Err(BundleError::Endless(_))));
}

#[test]
fn what_stands_beside_a_reference_is_kept() {
    check(
        &[("api", json!({"a": {"$ref": "b", "title": "own"}})), ("b", json!({"title": "b", "type": "x"}))],
        json!({"a": {"title": "own", "type": "x"}}),
    );
}

#[test]
fn references_are_followed_through_references() {
    check(
        &[
            ("api", json!({"a": {"$ref": "b#/x/n"}})),
            ("b", json!({"x": {"$ref": "c"}})),
            ("c", json!({"n": {"m": 1}})),
        ],
        json!({"a": {"m": 1}}),
    );
}

#[test]
fn a_reference_to_nothing_is_an_error() {
    let missing = parts(&[("api", json!({"a": {"$ref": "b#/x"}})), ("b", json!({}))]);
    assert_eq!(bundle(&missing), Err(BundleError::Dangling("b#/x".to_owned())));
    let unread = parts(&[("api", json!({"a": {"$ref": "b"}}))]);
    assert_eq!(bundle(&unread), Err(BundleError::Dangling("b".to_owned())));
}

#[test]
fn asyncapi_3_keeps_its_references_between_channels_operations_messages_and_servers() {
    let api = json!({
        "asyncapi": "3.0.0",
        "channels": {"c": {"servers": [{"$ref": "x#/s"}], "messages": {"m": {"$ref": "x#/m"}}}},
        "operations": {"o": {"channel": {"$ref": "#/channels/c"}, "messages": [{"$ref": "x#/m"}]}},
    });
    let mut expected = api.clone();
    expected["channels"]["c"]["messages"]["m"] = json!({"payload": 1});
    check(&[("api", api.clone()), ("x", json!({"m": {"payload": 1}, "s": 1}))], expected);
    assert_eq!(files_of(&api), BTreeSet::from(["x".to_owned()]));
}

#[test]
fn a_bundle_that_multiplies_itself_is_refused() {
    let mut files = vec![("f0".to_owned(), json!({"a": {"$ref": "f1#/0"}, "b": {"$ref": "f1#/1"}}))];
    for level in 1..30 {
        let next = format!("f{}", level + 1);
        let both = json!({"a": {"$ref": format!("{next}#/0")}, "b": {"$ref": format!("{next}#/1")}});
        files.push((format!("f{level}"), json!([both.clone(), both])));
    }
    files.push(("f30".to_owned(), json!([1, 2])));
    let files: Vec<_> = files.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    // Each place of each file is put in once, however many ways lead there.
    let bundled = bundle(&parts(&files)).unwrap();
    assert!(bundled.to_string().len() < 10_000);
    let deep: Vec<_> = (0..=200)
        .map(|level| (format!("f{level}"), json!({"a": {"$ref": format!("f{}", level + 1)}})))
        .collect();
    let deep: Vec<_> = deep.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    assert_eq!(bundle(&parts(&deep)), Err(BundleError::TooLarge));
}
