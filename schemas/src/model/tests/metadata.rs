//! What all kinds have in common: metadata, formats, root fields, namespace.

use serde_json::json;

use super::{super::*, causes, entity};

fn system(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = entity("System", json!({"owner": "me"}));
    change(&mut document);
    document
}

#[test]
fn every_field_of_the_metadata_takes_its_type_only() {
    let texts = ["uid", "etag", "title", "namespace"];
    let text = |field: &str, value: &Value| {
        let document = system(|e| e["metadata"][field] = value.clone());
        causes(&document).remove(0)
    };
    for field in texts {
        for value in [json!(1), json!(null), json!([])] {
            let found = text(field, &value);
            assert!(found.contains(&format!("/metadata/{field} must be string")), "{found}");
        }
        assert!(text(field, &json!("")).contains("must NOT have fewer than 1 characters"));
    }
    assert!(text("description", &json!(1)).contains("/metadata/description must be string"));
    for (field, value, told) in [
        ("labels", json!([]), "/metadata/labels must be object"),
        ("labels", json!({"a": 1}), "/metadata/labels/a must be string"),
        ("annotations", json!("a"), "/metadata/annotations must be object"),
        ("annotations", json!({"a": null}), "/metadata/annotations/a must be string"),
        ("tags", json!("a"), "/metadata/tags must be array"),
        ("tags", json!([1]), "/metadata/tags/0 must be string"),
        ("tags", json!([""]), "/metadata/tags/0 must NOT have fewer than 1 characters"),
        ("links", json!({}), "/metadata/links must be array"),
        ("links", json!(["a"]), "/metadata/links/0 must be object"),
        ("links", json!([{}]), "/metadata/links/0 must have required property 'url'"),
        ("links", json!([{"url": ""}]), "/metadata/links/0/url must NOT have fewer than 1 characters"),
        ("links", json!([{"url": "https://a", "title": 1}]), "/metadata/links/0/title must be string"),
        ("links", json!([{"url": "https://a", "type": ""}]), "/metadata/links/0/type must NOT have fewer"),
    ] {
        let found = text(field, &value);
        assert!(found.starts_with(&format!("Error: Malformed envelope, {told}")), "{found}");
    }
}

#[test]
fn what_may_be_there_may_be_empty_where_backstage_lets_it() {
    let document = system(|e| {
        e["metadata"] = json!({
            "name": "n", "description": "", "labels": {"a": ""}, "annotations": {"a.b/c": "", "d": "x y"},
            "tags": [], "links": [{"url": "mailto:a@b.c", "type": " "}], "other": {"kept": [1]},
        });
    });
    let checked = check(&Model::builtin(), &document);
    assert_eq!(checked.violations, []);
    assert_eq!(checked.entity["metadata"]["other"], json!({"kept": [1]}));
}

#[test]
fn every_format_names_its_field_and_what_it_expects() {
    let check = |change: fn(&mut Value), field: &str, path: &str| {
        let problems = check(&Model::builtin(), &system(change)).into_problems();
        let start = "Policy check failed for ";
        let told = format!("; caused by Error: \"{field}\" is not valid; expected a ");
        let text = &problems[0].message;
        assert!(text.starts_with(start) && text.contains(&told), "{text}");
        assert!(
            text.contains(". To learn more about catalog file format, visit: https://github.com/"),
            "{text}"
        );
        assert_eq!(problems[0].path.as_deref(), Some(path));
    };
    check(|e| e["metadata"]["name"] = "a-".into(), "metadata.name", "/metadata/name");
    check(|e| e["metadata"]["namespace"] = "A".into(), "metadata.namespace", "/metadata/namespace");
    check(|e| e["apiVersion"] = "1.0".into(), "apiVersion", "/apiVersion");
    check(|e| e["kind"] = "A-b".into(), "kind", "/kind");
    check(|e| e["metadata"]["labels"] = json!({"a b": "x"}), "labels.a b", "/metadata/labels/a b");
    check(|e| e["metadata"]["labels"] = json!({"a.b/c": "x y"}), "labels.a.b/c", "/metadata/labels/a.b~1c");
    check(
        |e| e["metadata"]["annotations"] = json!({"A.b/c": ""}),
        "annotations.A.b/c",
        "/metadata/annotations/A.b~1c",
    );
    check(|e| e["metadata"]["tags"] = json!(["ok", "a_b"]), "tags.1", "/metadata/tags/1");
    let links = |part: &str| json!([{"url": "https://a", part: " "}]);
    check(move |e| e["metadata"]["links"] = json!([{"url": "a/b"}]), "links.0.url", "/metadata/links/0/url");
    for part in ["title", "icon"] {
        let problems =
            super::super::check(&Model::builtin(), &system(|e| e["metadata"]["links"] = links(part)));
        let told = format!("\"links.0.{part}\" is not valid; expected a non empty string but found \" \"");
        assert!(problems.into_problems()[0].message.contains(&told), "{part}");
    }
}

#[test]
fn policies_speak_in_their_order_and_all_of_them() {
    let document = system(|e| {
        e["metadata"]["title"] = 1.into();
        e["metadata"]["name"] = "not ok".into();
        e["metadata"]["tags"] = json!(["Bad"]);
        e["status"] = json!({});
        e["spec"] = json!({});
    });
    let causes = causes(&document);
    let starts = [
        "Error: Malformed envelope, /metadata/title must be string",
        "Error: Unknown field status",
        "Error: \"metadata.name\" is not valid",
        "Error: \"tags.0\" is not valid",
        "TypeError: /spec must have required property 'owner'",
    ];
    assert_eq!(causes.len(), starts.len(), "{causes:#?}");
    for (cause, start) in causes.iter().zip(starts) {
        assert!(cause.starts_with(start), "{cause}");
    }
}

#[test]
fn a_missing_namespace_is_written_as_default_and_a_given_one_is_kept() {
    let namespace = |change: fn(&mut Value)| {
        check(&Model::builtin(), &system(change)).entity["metadata"]["namespace"].clone()
    };
    assert_eq!(namespace(|_| {}), "default");
    assert_eq!(namespace(|e| e["metadata"]["namespace"] = "team-a".into()), "team-a");
}

#[test]
fn a_null_is_not_a_missing_value() {
    for pointer in ["/metadata/title", "/metadata/labels", "/metadata/tags", "/spec/domain"] {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let document = system(|e| e.pointer_mut(parent).unwrap()[name] = Value::Null);
        assert_eq!(causes(&document).len(), 1, "{pointer}");
    }
}
