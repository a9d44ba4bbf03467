//! Kinds that an installation adds.

use serde_json::json;

use super::{super::*, causes_in};

/// The entry for a cluster, changed by `change`.
fn cluster(change: impl FnOnce(&mut Value)) -> KindConfig {
    let mut entry = json!({
        "kind": "Cluster",
        "apiVersions": ["acme.example/v1"],
        "schema": {
            "type": "object",
            "required": ["region"],
            "properties": {
                "region": {"$ref": "#/definitions/region"},
                "owner": {"type": "string", "minLength": 1},
                "nodes": {"type": "array", "items": {"type": "object"}},
                "twin": {"type": "string"},
            },
            "definitions": {"region": {"enum": ["north", "south"], "description": "where it stands"}},
        },
        "relations": [
            {"field": "owner", "defaultKind": "Group", "forward": "ownedBy", "reverse": "ownerOf"},
            {"field": "nodes.runs", "defaultKind": "Component", "defaultNamespace": "apps", "forward": "runs",
                "reverse": "runsOn"},
            {"field": "twin", "forward": "twinOf", "reverse": "twinOf"},
        ],
    });
    change(&mut entry);
    serde_json::from_value(entry).unwrap()
}

fn a_cluster(spec: Value) -> Value {
    json!({"apiVersion": "acme.example/v1", "kind": "Cluster", "metadata": {"name": "n", "namespace": "infra"},
        "spec": spec})
}

fn model() -> std::sync::Arc<Model> {
    Model::configured(&[cluster(|_| {})]).unwrap()
}

#[test]
fn a_configured_kind_is_let_in_with_relations_both_ways() {
    let spec = json!({
        "region": "north", "owner": "crew", "twin": "cluster:n2",
        "nodes": [{"runs": ["shop", "component:infra/agent"]}, {}, {"runs": "api:pay"}],
    });
    let checked = check(&model(), &a_cluster(spec));
    assert_eq!(checked.violations, []);
    let own = "cluster:infra/n";
    let mut expected = Vec::new();
    for (forward, target, reverse) in [
        ("ownedBy", "group:infra/crew", "ownerOf"),
        ("runs", "component:apps/shop", "runsOn"),
        ("runs", "component:infra/agent", "runsOn"),
        ("runs", "api:apps/pay", "runsOn"),
        ("twinOf", "cluster:infra/n2", "twinOf"),
    ] {
        expected.push(format!("{own} {forward} {target}"));
        expected.push(format!("{target} {reverse} {own}"));
    }
    let found = checked.relations.iter().map(|r| format!("{} {} {}", r.source, r.kind, r.target));
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn its_schema_is_checked_and_explained() {
    assert_eq!(
        causes_in(&model(), &a_cluster(json!({"owner": ""}))),
        [
            "TypeError: /spec must have required property 'region' - missingProperty: region",
            "TypeError: /spec/owner must NOT have fewer than 1 characters - limit: 1",
        ]
    );
    assert_eq!(
        causes_in(&model(), &a_cluster(json!({"region": "west"}))),
        ["TypeError: /spec/region must be equal to one of the allowed values - allowedValues: north,south"]
    );
    let kindless = check(&model(), &a_cluster(json!({"region": "north", "twin": "n2"})));
    assert_eq!(kindless.violations[0].stage, Stage::Relations);
    assert_eq!(kindless.violations[0].problem.path.as_deref(), Some("/spec/twin"));
}

#[test]
fn without_it_the_reason_names_the_setting() {
    let checked = check(&Model::builtin(), &a_cluster(json!({"region": "north"})));
    assert_eq!(checked.violations[0].stage, Stage::UnknownKind);
    let advice = checked.violations[0].problem.advice.as_deref().unwrap();
    assert!(advice.contains("the kind Cluster is not configured here"), "{advice}");
    assert!(advice.contains("`backstitch.kinds`"), "{advice}");
}

#[test]
fn a_built_in_kind_can_get_another_version_or_form() {
    let version = cluster(|entry| {
        entry["kind"] = "System".into();
        entry["schema"] = json!({"required": ["tier"]});
        entry["relations"] = json!([]);
    });
    let form = cluster(|entry| {
        *entry = json!({
            "kind": "API", "apiVersions": ["backstage.io/v1alpha1"], "specType": "mcp-server",
            "schema": {"required": ["remotes"], "properties": {"remotes": {"type": "array", "minItems": 1}}},
        });
    });
    let model = Model::configured(&[version, form]).unwrap();
    let entity = |version: &str, kind: &str, spec: Value| {
        let document = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "n"}, "spec": spec});
        causes_in(&model, &document)
    };
    assert_eq!(entity("acme.example/v1", "System", json!({"tier": 1})), Vec::<String>::new());
    assert_eq!(entity("backstage.io/v1beta1", "System", json!({"owner": "me"})), Vec::<String>::new());
    let server = json!({"type": "mcp-server", "remotes": [{}]});
    assert_eq!(entity("backstage.io/v1alpha1", "API", server), Vec::<String>::new());
    let missing = "TypeError: /spec must have required property 'lifecycle' - missingProperty: lifecycle";
    assert_eq!(entity("backstage.io/v1alpha1", "API", json!({"type": "grpc"}))[0], missing);
}

#[test]
fn an_unknown_type_of_a_kind_that_has_types_only_is_told() {
    let typed = cluster(|entry| entry["specType"] = "kubernetes".into());
    let model = Model::configured(&[typed]).unwrap();
    let checked = check(&model, &a_cluster(json!({"type": "nomad", "region": "north"})));
    let violation = &checked.violations[0];
    assert_eq!((violation.stage, violation.problem.path.as_deref()), (Stage::Kind, Some("/spec/type")));
    assert_eq!(
        violation.problem.advice.as_deref(),
        Some("spec.type is `nomad`; Cluster is known with `kubernetes`")
    );
}

#[test]
fn entries_that_cannot_be_used_are_refused_with_place_and_advice() {
    let check = |change: fn(&mut Value), field: &str, told: &str| {
        let error = Model::configured(&[cluster(|_| {}), cluster(change)]).unwrap_err();
        assert_eq!((error.index, error.field.as_str()), (1, field), "{error}");
        assert!(error.to_string().contains(told), "{error}");
    };
    check(|_| {}, "apiVersions[0]", "Cluster in `acme.example/v1` is configured twice");
    check(|e| e["kind"] = "1x".into(), "kind", "`1x` is not valid; use at most 63 letters and digits");
    check(|e| e["kind"] = "cluster".into(), "kind", "write `kind: Cluster`");
    check(|e| e["kind"] = "group".into(), "kind", "write `kind: Group`");
    check(
        |e| {
            e["kind"] = "Group".into();
            e["apiVersions"] = json!(["x.y/v2", "backstage.io/v1beta1"]);
        },
        "apiVersions[1]",
        "Group in `backstage.io/v1beta1` is built in; give an API version or a `specType`",
    );
    check(|e| e["apiVersions"] = json!(["1.0"]), "apiVersions[0]", "`1.0` is not valid; write it as");
    check(|e| e["apiVersions"] = json!([]), "apiVersions", "names no API version");
    let own = |change: fn(&mut Value)| {
        let other = cluster(|entry| {
            entry["kind"] = "Node".into();
            change(entry);
        });
        let error = Model::configured(&[other]).unwrap_err();
        format!("{}: {error}", error.field)
    };
    let told = own(|e| e["schema"]["required"] = 1.into());
    assert!(told.starts_with("schema: not a JSON Schema: at /properties/spec/required: "), "{told}");
    let told = own(|e| e["schema"]["$schema"] = "https://json-schema.org/draft/2020-12/schema".into());
    assert!(told.contains("draft/2020-12") && told.contains("(draft-07)"), "{told}");
    let told = own(|e| e["schema"]["$ref"] = "https://acme.example/other.json".into());
    assert!(told.starts_with("schema: ") && told.contains("self-contained"), "{told}");
    let told = own(|e| e["relations"][0]["forward"] = "owned by".into());
    assert!(told.starts_with("relations[0].forward: `owned by` is not valid; use letters"), "{told}");
    let told = own(|e| e["relations"][1]["defaultNamespace"] = "No".into());
    assert!(told.starts_with("relations[1].defaultNamespace: `No` is not valid"), "{told}");
    let told = own(|e| e["relations"][0]["field"] = "onwer".into());
    assert!(
        told.starts_with("relations[0].field: spec.onwer is no property of the schema; correct"),
        "{told}"
    );
    let told = own(|e| e["relations"][0]["field"] = "a..b".into());
    assert!(told.starts_with("relations[0].field: `a..b` is not valid; name a field below"), "{told}");
}

#[test]
fn every_part_of_an_entry_enters_the_fingerprint() {
    let fingerprint =
        |change: fn(&mut Value)| Model::configured(&[cluster(change)]).unwrap().fingerprint().to_owned();
    let changes: [fn(&mut Value); 8] = [
        |_| {},
        |e| e["kind"] = "Node".into(),
        |e| e["apiVersions"] = json!(["acme.example/v1", "acme.example/v2"]),
        |e| e["specType"] = "a".into(),
        |e| e["schema"]["properties"]["owner"]["minLength"] = 2.into(),
        |e| e["relations"][0]["defaultKind"] = "User".into(),
        |e| e["relations"][0]["defaultNamespace"] = "x".into(),
        |e| e["relations"][0]["reverse"] = "x".into(),
    ];
    let mut seen: Vec<String> = changes.into_iter().map(fingerprint).collect();
    seen.push(Model::builtin().fingerprint().to_owned());
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
    assert_eq!(fingerprint(|_| {}), fingerprint(|_| {}));
}
