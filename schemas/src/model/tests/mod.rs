mod combined;
mod configured;
mod kinds;
mod metadata;
mod relations;

use serde_json::json;

use super::*;

fn entity(kind: &str, spec: Value) -> Value {
    let api_version =
        if kind == "Template" { "scaffolder.backstage.io/v1beta3" } else { "backstage.io/v1alpha1" };
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "n"}, "spec": spec})
}

/// The texts of all problems, without what they are wrapped in.
fn causes(entity: &Value) -> Vec<String> {
    causes_in(&Model::builtin(), entity)
}

fn causes_in(model: &Model, entity: &Value) -> Vec<String> {
    let problems = check(model, entity).into_problems();
    let cause = |text: &str| text.split_once("; caused by ").map_or(text, |(_, cause)| cause).to_owned();
    problems.iter().map(|problem| cause(&problem.message)).collect()
}

fn first_problem(entity: &Value) -> Problem {
    check(&Model::builtin(), entity).into_problems().remove(0)
}

/// A sound spec of each kind, and its required fields.
fn sound_specs() -> Vec<(&'static str, Value, &'static [&'static str])> {
    vec![
        (
            "Component",
            json!({"type": "service", "lifecycle": "production", "owner": "a", "system": "s",
                "subcomponentOf": "c", "providesApis": ["p"], "consumesApis": [], "dependsOn": ["resource:r"]}),
            &["type", "lifecycle", "owner"],
        ),
        (
            "API",
            json!({"type": "openapi", "lifecycle": "production", "owner": "a", "definition": "x"}),
            &["type", "lifecycle", "owner", "definition"],
        ),
        ("Resource", json!({"type": "database", "owner": "a", "system": "s"}), &["type", "owner"]),
        ("System", json!({"owner": "a", "domain": "d"}), &["owner"]),
        ("Domain", json!({"owner": "a", "subdomainOf": "d"}), &["owner"]),
        (
            "Group",
            json!({"type": "team", "children": [], "profile": {"email": "a@b.c"}}),
            &["type", "children"],
        ),
        ("User", json!({"memberOf": [], "profile": {"displayName": "U"}}), &["memberOf"]),
        ("Location", json!({"targets": ["./a.yaml"], "presence": "optional"}), &[]),
        ("Template", json!({"type": "service", "steps": [{"action": "a", "if": true}]}), &["type", "steps"]),
    ]
}

#[test]
fn sound_entities_of_every_kind_pass_with_what_they_add() {
    for (kind, mut spec, _) in sound_specs() {
        spec["unknown"] = json!({"kept": true});
        let checked = check(&Model::builtin(), &entity(kind, spec));
        assert!(checked.is_sound(), "{kind}: {:?}", checked.violations);
        assert_eq!(checked.entity["metadata"]["namespace"], "default");
        assert_eq!(checked.entity["spec"]["unknown"]["kept"], true);
    }
}

#[test]
fn each_required_field_is_asked_for_in_ajvs_words() {
    for (kind, spec, required) in sound_specs() {
        for field in required {
            let mut without = spec.clone();
            without.as_object_mut().unwrap().remove(*field);
            let expected =
                format!("TypeError: /spec must have required property '{field}' - missingProperty: {field}");
            assert_eq!(causes(&entity(kind, without)), [expected]);
        }
        let mut bare = entity(kind, spec);
        bare.as_object_mut().unwrap().remove("spec");
        let expected = "TypeError: <root> must have required property 'spec' - missingProperty: spec";
        assert_eq!(causes(&bare), [expected]);
    }
}

#[test]
fn wrong_types_and_empty_texts_are_told_in_ajvs_words() {
    let component = |field: &str, value: Value| {
        let mut spec = sound_specs().remove(0).1;
        spec[field] = value;
        causes(&entity("Component", spec))
    };
    assert_eq!(component("owner", json!(1)), ["TypeError: /spec/owner must be string - type: string"]);
    assert_eq!(
        component("type", json!("")),
        ["TypeError: /spec/type must NOT have fewer than 1 characters - limit: 1"]
    );
    assert_eq!(
        component("providesApis", json!("a")),
        ["TypeError: /spec/providesApis must be array - type: array"]
    );
    assert_eq!(
        component("providesApis", json!([null])),
        ["TypeError: /spec/providesApis/0 must be string - type: string"]
    );
    let location = entity("Location", json!({"presence": "maybe"}));
    assert_eq!(
        causes(&location),
        [
            "TypeError: /spec/presence must be equal to one of the allowed values - allowedValues: required,optional"
        ]
    );
    let template = entity("Template", json!({"type": "a", "steps": [{"action": "a", "if": 1}]}));
    assert_eq!(
        causes(&template),
        ["TypeError: /spec/steps/0/if must be string,boolean - type: string,boolean"]
    );
    let template = entity("Template", json!({"type": "a", "steps": [], "parameters": "x"}));
    assert_eq!(causes(&template), ["TypeError: /spec/parameters must be object - type: object"]);
}

#[test]
fn all_problems_are_told_in_the_order_of_the_schema() {
    assert_eq!(
        causes(&entity("Component", json!({"type": 1, "lifecycle": 2}))),
        [
            "TypeError: /spec must have required property 'owner' - missingProperty: owner",
            "TypeError: /spec/type must be string - type: string",
            "TypeError: /spec/lifecycle must be string - type: string",
        ]
    );
}

#[test]
fn the_wrapped_text_is_that_of_backstage() {
    let problem = first_problem(&entity("Component", json!({"type": "service"})));
    assert_eq!(
        problem.headline(),
        "InputError: Processor BuiltinKindsEntityProcessor threw an error while validating the entity \
         component:default/n; caused by TypeError: /spec must have required property 'lifecycle' - \
         missingProperty: lifecycle"
    );
    let cause = "/spec must have required property 'lifecycle' - missingProperty: lifecycle";
    assert_eq!(problem.cause(), Some(("TypeError", cause)));
    assert_eq!(Problem::input("plain").cause(), None);
    let mut named = entity("Component", sound_specs().remove(0).1);
    named["metadata"]["name"] = json!("not ok");
    assert_eq!(
        first_problem(&named).headline(),
        "InputError: Policy check failed for component:default/not ok; caused by Error: \"metadata.name\" is not \
         valid; expected a string that is sequences of [a-zA-Z0-9] separated by any of [-_.], at most 63 \
         characters in total but found \"not ok\". To learn more about catalog file format, visit: \
         https://github.com/backstage/backstage/blob/master/docs/architecture-decisions/\
         adr002-default-catalog-file-format.md"
    );
}

#[test]
fn a_broken_envelope_ends_the_checks() {
    for (document, expected) in [
        (json!([]), "<root> must be object - type: object"),
        (json!({}), "<root> must have required property 'apiVersion' - missingProperty: apiVersion"),
        (
            json!({"apiVersion": "a", "kind": "b", "metadata": {}}),
            "/metadata must have required property 'name' - missingProperty: name",
        ),
        (
            json!({"apiVersion": "a", "kind": "b", "metadata": {"name": {"{ x }": null}}}),
            "/metadata/name must be string - type: string",
        ),
        (
            json!({"apiVersion": "a", "kind": "b", "metadata": {"name": "n", "namespace": ""}}),
            "/metadata/namespace must NOT have fewer than 1 characters - limit: 1",
        ),
    ] {
        let checked = check(&Model::builtin(), &document);
        assert_eq!(checked.violations[0].stage, Stage::Envelope);
        assert_eq!(checked.violations[0].problem.headline(), format!("TypeError: {expected}"));
    }
}

#[test]
fn what_all_kinds_have_in_common_is_checked_by_the_policies() {
    let with = |change: fn(&mut Value)| {
        let mut entity = entity("System", json!({"owner": "a"}));
        change(&mut entity);
        causes(&entity)
    };
    assert_eq!(
        with(|e| e["owner"] = json!("x")),
        ["Error: Malformed envelope, <root> must NOT have additional properties"]
    );
    assert_eq!(with(|e| e["relations"] = json!([])), ["Error: Unknown field relations"]);
    assert_eq!(
        with(|e| e["metadata"]["annotations"] = json!({"a.b/c": 1})),
        ["Error: Malformed envelope, /metadata/annotations/a.b~1c must be string"]
    );
    assert!(with(|e| e["metadata"]["tags"] = json!(["Ok"]))[0].starts_with("Error: \"tags.0\" is not valid"));
    assert!(
        with(|e| e["metadata"]["links"] = json!([{"url": "/x"}]))[0]
            .starts_with("Error: \"links.0.url\" is not valid; expected a string that is a valid url")
    );
}

#[test]
fn unknown_kinds_are_refused_and_near_ones_are_wrong() {
    for (kind, version, stage, advice) in [
        ("Widget", "backstage.io/v1alpha1", Stage::UnknownKind, "the kind Widget is not configured here"),
        ("Componnt", "backstage.io/v1alpha1", Stage::UnknownKind, "not known; did you mean Component?"),
        ("component", "backstage.io/v1alpha1", Stage::Kind, "write `kind: Component`"),
        ("Component", "backstage.io/v9", Stage::Kind, "`apiVersion: backstage.io/v1alpha1`"),
        ("Template", "backstage.io/v1alpha1", Stage::Kind, "scaffolder.backstage.io/v1beta3"),
    ] {
        let mut document = entity(kind, json!({}));
        document["apiVersion"] = json!(version);
        let checked = check(&Model::builtin(), &document);
        let last = checked.violations.last().unwrap();
        assert_eq!(last.stage, stage, "{kind} {version}");
        assert!(last.problem.message.starts_with(&format!(
            "No processor recognized the entity {}:default/n as valid",
            kind.to_lowercase()
        )));
        assert!(last.problem.advice.as_ref().unwrap().contains(advice), "{:?}", last.problem.advice);
    }
}

#[test]
fn a_version_that_is_none_is_told_once_with_those_that_the_kind_has() {
    let mut document = entity("System", json!({"owner": "a"}));
    document["apiVersion"] = json!("backstage.io");
    let problems = check(&Model::builtin(), &document).into_problems();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].message.contains("\"apiVersion\" is not valid"), "{problems:#?}");
    let advice = problems[0].advice.as_deref().unwrap();
    assert!(advice.contains("write `apiVersion: backstage.io/v1alpha1` or"), "{advice}");
}

#[test]
fn advice_says_what_to_change() {
    let advice = |spec| first_problem(&entity("Component", spec)).advice.unwrap();
    insta::assert_snapshot!(
        advice(json!({"type": "a", "lifecycle": "b"})),
        @"spec.owner is missing; add the group or user that owns it, such as `owner: group:default/team-a`"
    );
    insta::assert_snapshot!(
        advice(json!({"type": "a", "lifecycle": 1.5, "owner": "c"})),
        @r#"spec.lifecycle is read as the number 1.5; put it in quotes: `lifecycle: "1.5"`"#
    );
    insta::assert_snapshot!(
        advice(json!({"type": "a", "lifecycle": "b", "owner": "c", "system": null})),
        @"spec.system has no value; give the system that it is part of, such as `system: system:default/shop`, or remove the line if it is optional"
    );
    insta::assert_snapshot!(
        advice(json!({"type": "a", "lifecycle": "b", "owner": "c", "dependsOn": "component:x"})),
        @"spec.dependsOn is a text, but it has to be a list: `dependsOn: [component:x]`"
    );
    insta::assert_snapshot!(
        first_problem(&entity("Group", json!({"type": "team"}))).advice.unwrap(),
        @"spec.children is missing; add the groups that are part of it, `[]` if there are none, such as `children: []`"
    );
    insta::assert_snapshot!(
        first_problem(&entity("API", json!({"type": "a", "lifecycle": "b", "owner": "c"}))).advice.unwrap(),
        @"spec.definition is missing; add the text of the interface's definition, often read from a file with `$text: ./openapi.yaml`, such as `definition: |` and the text indented below it, from `openapi: 3.1.0` on"
    );
    let mut annotated = entity("System", json!({"owner": "c"}));
    annotated["metadata"]["annotations"] = json!({"catalog": null});
    insta::assert_snapshot!(
        first_problem(&annotated).advice.unwrap(),
        @r#"metadata.annotations.catalog has no value; give a text, such as `catalog: "true"`, or remove the line if it is optional"#
    );
    let bare = json!({"apiVersion": "backstage.io/v1alpha1", "kind": "System", "spec": {"owner": "c"}});
    insta::assert_snapshot!(
        envelope_problems(&bare).remove(0).advice.unwrap(),
        @"metadata is missing; add the entity's name and what else is known about it, such as `metadata: { name: orders }`"
    );
}
