//! The JSON Schema for editors.

use serde_json::json;

use super::{
    super::{Schema, *},
    entity, sound_specs,
};

fn editor(model: &Model) -> Schema {
    Schema::of_json(model.json_schema()).unwrap()
}

/// The places where an editor would draw a line.
fn marked(schema: &Schema, document: &Value) -> Vec<String> {
    schema.violations(document).into_iter().map(|violation| violation.path).collect()
}

#[test]
fn sound_entities_of_every_kind_are_valid() {
    let schema = editor(&Model::builtin());
    for (kind, spec, _) in sound_specs() {
        let document = entity(kind, spec);
        assert_eq!(marked(&schema, &document), Vec::<String>::new(), "{kind}");
    }
}

#[test]
fn a_mistake_is_marked_where_it_is_and_nowhere_else() {
    let schema = editor(&Model::builtin());
    let check = |change: fn(&mut Value), expected: &[&str]| {
        let mut document = entity("Component", sound_specs().remove(0).1);
        change(&mut document);
        assert_eq!(marked(&schema, &document), expected, "{document}");
    };
    check(|e| e["kind"] = "Widget".into(), &["/kind"]);
    check(|e| e["apiVersion"] = "backstage.io/v1".into(), &["/apiVersion"]);
    check(|e| e["metadata"]["name"] = "not ok".into(), &["/metadata/name"]);
    check(|e| e["metadata"]["tags"] = json!(["ok", "Bad"]), &["/metadata/tags/1"]);
    check(|e| e["metadata"]["labels"] = json!({"a": "not ok"}), &["/metadata/labels/a"]);
    check(|e| e["metadata"]["links"] = json!([{"url": "/x"}]), &["/metadata/links/0/url"]);
    check(|e| e["relations"] = json!([]), &["/relations"]);
    check(|e| drop(e["spec"].as_object_mut().unwrap().remove("owner")), &["/spec/owner"]);
    check(|e| drop(e.as_object_mut().unwrap().remove("spec")), &["/spec"]);
    check(|e| e["spec"]["providesApis"] = json!([1]), &["/spec/providesApis/0"]);
    check(|e| e["spec"]["system"] = Value::Null, &["/spec/system"]);
}

#[test]
fn a_placeholder_may_stand_for_any_value_of_the_spec() {
    let schema = editor(&Model::builtin());
    let mut api = entity("API", sound_specs().remove(1).1);
    for (value, expected) in [
        (json!({"$text": "./openapi.yaml"}), vec![]),
        (json!({"$openapi": "./openapi.yaml"}), vec![]),
        (json!({"$texd": "./openapi.yaml"}), vec!["/spec/definition".to_owned()]),
        (json!({"openapi": "3.0.0"}), vec!["/spec/definition".to_owned()]),
    ] {
        api["spec"]["definition"] = value;
        assert_eq!(marked(&schema, &api), expected, "{api}");
    }
    let mut group = entity("Group", json!({"type": "team", "children": {"$yaml": "./children.yaml"}}));
    assert_eq!(marked(&schema, &group), Vec::<String>::new());
    group["spec"]["children"] = json!([{"$text": "./child.txt"}]);
    assert_eq!(marked(&schema, &group), Vec::<String>::new());
}

#[test]
fn configured_kinds_are_part_of_it() {
    let kinds = json!([
        {"kind": "Cluster", "apiVersions": ["acme.example/v1"], "schema": {
            "required": ["region"], "properties": {"region": {"$ref": "#/definitions/region"}},
            "definitions": {"region": {"enum": ["north"]}}}},
        {"kind": "API", "apiVersions": ["backstage.io/v1alpha1"], "specType": "mcp-server",
            "schema": {"required": ["remotes"]}},
        {"kind": "System", "apiVersions": ["acme.example/v1"], "schema": {"required": ["tier"]}},
    ]);
    let kinds: Vec<KindConfig> = serde_json::from_value(kinds).unwrap();
    let schema = editor(&Model::configured(&kinds).unwrap());
    let check = |version: &str, kind: &str, spec: Value, expected: &[&str]| {
        let document = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "n"}, "spec": spec});
        assert_eq!(marked(&schema, &document), expected, "{document}");
    };
    check("acme.example/v1", "Cluster", json!({"region": "north"}), &[]);
    check("acme.example/v1", "Cluster", json!({"region": {"$text": "./region"}}), &[]);
    check("acme.example/v1", "Cluster", json!({"region": "west"}), &["/spec/region"]);
    check("backstage.io/v1alpha1", "API", json!({"type": "mcp-server", "remotes": []}), &[]);
    check("backstage.io/v1alpha1", "API", json!({"type": "mcp-server"}), &["/spec/remotes"]);
    let openapi = json!({"type": "openapi", "lifecycle": "a", "owner": "b"});
    check("backstage.io/v1beta1", "API", openapi, &["/spec/definition"]);
    check("acme.example/v1", "System", json!({}), &["/spec/tier"]);
    check("backstage.io/v1alpha1", "System", json!({}), &["/spec/owner"]);
}
