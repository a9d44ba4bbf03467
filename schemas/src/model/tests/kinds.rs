//! Every field of every built-in kind: missing, empty, and of every wrong type.

use serde_json::json;

use super::{super::*, causes, entity, sound_specs};

/// What a field may hold.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Holds {
    /// A text that is not empty.
    Text,
    /// A list of texts that are not empty; the list may be.
    Texts,
    /// An object.
    Object,
    /// One of these texts.
    OneOf(&'static str),
}
use Holds::{Object, OneOf, Text, Texts};

/// Kind, JSON pointer below the entity, what the field holds, whether it has to be there.
const FIELDS: &[(&str, &str, Holds, bool)] = &[
    ("Component", "/spec/type", Text, true),
    ("Component", "/spec/lifecycle", Text, true),
    ("Component", "/spec/owner", Text, true),
    ("Component", "/spec/system", Text, false),
    ("Component", "/spec/subcomponentOf", Text, false),
    ("Component", "/spec/providesApis", Texts, false),
    ("Component", "/spec/consumesApis", Texts, false),
    ("Component", "/spec/dependsOn", Texts, false),
    ("API", "/spec/type", Text, true),
    ("API", "/spec/lifecycle", Text, true),
    ("API", "/spec/owner", Text, true),
    ("API", "/spec/definition", Text, true),
    ("API", "/spec/system", Text, false),
    ("Resource", "/spec/type", Text, true),
    ("Resource", "/spec/owner", Text, true),
    ("Resource", "/spec/dependsOn", Texts, false),
    ("Resource", "/spec/system", Text, false),
    ("System", "/spec/owner", Text, true),
    ("System", "/spec/domain", Text, false),
    ("System", "/spec/type", Text, false),
    ("Domain", "/spec/owner", Text, true),
    ("Domain", "/spec/subdomainOf", Text, false),
    ("Domain", "/spec/type", Text, false),
    ("Group", "/spec/type", Text, true),
    ("Group", "/spec/children", Texts, true),
    ("Group", "/spec/profile", Object, false),
    ("Group", "/spec/profile/displayName", Text, false),
    ("Group", "/spec/profile/email", Text, false),
    ("Group", "/spec/profile/picture", Text, false),
    ("Group", "/spec/parent", Text, false),
    ("Group", "/spec/members", Texts, false),
    ("User", "/spec/memberOf", Texts, true),
    ("User", "/spec/profile", Object, false),
    ("User", "/spec/profile/displayName", Text, false),
    ("User", "/spec/profile/email", Text, false),
    ("User", "/spec/profile/picture", Text, false),
    ("Location", "/spec/type", Text, false),
    ("Location", "/spec/target", Text, false),
    ("Location", "/spec/targets", Texts, false),
    ("Location", "/spec/presence", OneOf("required,optional"), false),
    ("Template", "/spec/type", Text, true),
    ("Template", "/spec/owner", Text, false),
    ("Template", "/spec/lifecycle", Text, false),
    ("Template", "/spec/secrets", Object, false),
    ("Template", "/spec/secrets/schema", Object, false),
    ("Template", "/spec/presentation", Object, false),
    ("Template", "/spec/presentation/buttonLabels", Object, false),
    ("Template", "/spec/steps/0/input", Object, false),
];

/// A value of the right kind, where the tests put one.
fn right(holds: Holds) -> Value {
    match holds {
        // A ref that says its kind is right for every field that holds refs.
        Text => json!("component:a"),
        Texts => json!(["component:a"]),
        Object => json!({}),
        OneOf(texts) => texts.split(',').next().unwrap().into(),
    }
}

/// What cannot stand in the field, and what is said about it.
fn wrong(holds: Holds) -> Vec<(Value, String)> {
    let type_of = |kind: &str| format!("must be {kind} - type: {kind}");
    let types = |values: &[Value], kind: &str| -> Vec<(Value, String)> {
        values.iter().map(|value| (value.clone(), type_of(kind))).collect()
    };
    match holds {
        Text => {
            let mut wrong = types(&[json!(1), json!(true), json!(null), json!([]), json!({})], "string");
            wrong.push((json!(""), "must NOT have fewer than 1 characters - limit: 1".to_owned()));
            wrong
        }
        Texts => types(&[json!("component:a"), json!(1), json!(null), json!({})], "array"),
        Object => types(&[json!("a"), json!(1), json!(null), json!([])], "object"),
        OneOf(texts) => {
            let told = format!("must be equal to one of the allowed values - allowedValues: {texts}");
            [json!("maybe"), json!("")].map(|value| (value, told.clone())).into()
        }
    }
}

/// A sound entity with `value` in the field, and what leads to it.
fn with(kind: &str, pointer: &str, value: Value) -> Value {
    let spec = sound_specs().into_iter().find(|(known, ..)| *known == kind).unwrap().1;
    let mut document = entity(kind, spec);
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    if document.pointer(parent).is_none() {
        document = with(kind, parent, json!({}));
    }
    document.pointer_mut(parent).unwrap()[name] = value;
    document
}

fn without(kind: &str, pointer: &str) -> Value {
    let mut document = with(kind, pointer, Value::Null);
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
    document
}

#[test]
fn every_field_takes_what_it_is_for_and_nothing_else() {
    for &(kind, pointer, holds, required) in FIELDS {
        assert_eq!(causes(&with(kind, pointer, right(holds))), Vec::<String>::new(), "{kind} {pointer}");
        for (value, told) in wrong(holds) {
            let found = causes(&with(kind, pointer, value.clone()));
            assert_eq!(found, [format!("TypeError: {pointer} {told}")], "{kind} {pointer} {value}");
        }
        let missing = causes(&without(kind, pointer));
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let asked =
            format!("TypeError: {parent} must have required property '{name}' - missingProperty: {name}");
        let expected: Vec<String> = if required { vec![asked] } else { Vec::new() };
        assert_eq!(missing, expected, "{kind} {pointer}");
    }
}

#[test]
fn the_items_of_every_list_are_texts_that_are_not_empty() {
    for &(kind, pointer, ..) in FIELDS.iter().filter(|(_, _, holds, _)| *holds == Texts) {
        for (item, told) in wrong(Text) {
            let found = causes(&with(kind, pointer, json!(["component:a", item])));
            // Lists of refs are sorted, but what is wrong in them is named by its place as written.
            assert_eq!(found, [format!("TypeError: {pointer}/1 {told}")], "{kind} {pointer} {item}");
        }
        assert_eq!(causes(&with(kind, pointer, json!([]))), Vec::<String>::new(), "{kind} {pointer}");
    }
}

#[test]
fn every_kind_is_known_in_its_api_versions_and_its_spelling_only() {
    for (kind, spec, _) in sound_specs() {
        let of = |version: &str, kind: &str| {
            let mut document = entity(kind, spec.clone());
            document["apiVersion"] = version.into();
            let checked = check(&Model::builtin(), &document);
            checked.violations.first().map(|violation| violation.stage)
        };
        let versions: &[&str] = match kind {
            "Template" => &["scaffolder.backstage.io/v1beta3", "backstage.io/v1beta2"],
            _ => &["backstage.io/v1alpha1", "backstage.io/v1beta1"],
        };
        for version in versions {
            assert_eq!(of(version, kind), None, "{version} {kind}");
            assert_eq!(of(version, &kind.to_lowercase()), Some(Stage::Kind), "{version} {kind}");
            assert_eq!(of(version, &format!("{kind}s")), Some(Stage::UnknownKind), "{version} {kind}");
        }
        for version in ["backstage.io/v1alpha2", "scaffolder.backstage.io/v1beta2", "v1"] {
            assert_eq!(of(version, kind), Some(Stage::Kind), "{version} {kind}");
        }
    }
}

#[test]
fn a_template_has_steps_that_are_objects_and_forms_in_one_or_several_parts() {
    let check = |pointer: &str, value: Value, expected: &[&str]| {
        assert_eq!(causes(&with("Template", pointer, value.clone())), expected, "{pointer} {value}");
    };
    check("/spec/steps", json!("a"), &["TypeError: /spec/steps must be array - type: array"]);
    check("/spec/steps", json!([1]), &["TypeError: /spec/steps/0 must be object - type: object"]);
    check("/spec/steps", json!([]), &[]);
    let asked = "TypeError: /spec/steps/0 must have required property 'action' - missingProperty: action";
    check("/spec/steps", json!([{"id": "a"}]), &[asked]);
    check(
        "/spec/steps/0/action",
        json!(1),
        &["TypeError: /spec/steps/0/action must be string - type: string"],
    );
    check("/spec/parameters", json!({"title": "a"}), &[]);
    check("/spec/parameters", json!([{"title": "a"}, {}]), &[]);
    check("/spec/output", json!({"links": [{"url": "u"}], "text": [{"content": "c"}], "any": "text"}), &[]);
    check("/spec/output", json!({"any": 1}), &["TypeError: /spec/output/any must be string - type: string"]);
    for condition in [json!(true), json!("${{ a }}")] {
        check("/spec/steps/0/if", condition, &[]);
    }
}
