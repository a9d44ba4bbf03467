//! Every row of the table of relations, and how refs are read.

use serde_json::json;

use super::{super::*, entity, first_problem, sound_specs};

/// Each row of the table of relations: kind, field, what is written, type and target, reverse.
const RELATIONS: &[(&str, &str, &str, &str, &str, &str)] = &[
    ("Component", "owner", "x", "ownedBy", "group:ns/x", "ownerOf"),
    ("Component", "subcomponentOf", "x", "partOf", "component:ns/x", "hasPart"),
    ("Component", "providesApis", "x", "providesApi", "api:ns/x", "apiProvidedBy"),
    ("Component", "consumesApis", "x", "consumesApi", "api:ns/x", "apiConsumedBy"),
    ("Component", "dependsOn", "resource:x", "dependsOn", "resource:ns/x", "dependencyOf"),
    ("Component", "dependencyOf", "component:o/x", "dependencyOf", "component:o/x", "dependsOn"),
    ("Component", "system", "x", "partOf", "system:ns/x", "hasPart"),
    ("API", "owner", "user:X", "ownedBy", "user:ns/x", "ownerOf"),
    ("API", "system", "x", "partOf", "system:ns/x", "hasPart"),
    ("Resource", "owner", "x", "ownedBy", "group:ns/x", "ownerOf"),
    ("Resource", "dependsOn", "component:x", "dependsOn", "component:ns/x", "dependencyOf"),
    ("Resource", "dependencyOf", "component:x", "dependencyOf", "component:ns/x", "dependsOn"),
    ("Resource", "system", "x", "partOf", "system:ns/x", "hasPart"),
    ("User", "memberOf", "x", "memberOf", "group:ns/x", "hasMember"),
    ("Group", "parent", "x", "childOf", "group:ns/x", "parentOf"),
    ("Group", "children", "x", "parentOf", "group:ns/x", "childOf"),
    ("Group", "members", "x", "hasMember", "user:ns/x", "memberOf"),
    ("System", "owner", "x", "ownedBy", "group:ns/x", "ownerOf"),
    ("System", "domain", "x", "partOf", "domain:ns/x", "hasPart"),
    ("Domain", "owner", "x", "ownedBy", "group:ns/x", "ownerOf"),
    ("Domain", "subdomainOf", "x", "partOf", "domain:ns/x", "hasPart"),
    ("Template", "owner", "x", "ownedBy", "group:ns/x", "ownerOf"),
];

#[test]
fn each_row_of_the_table_gives_a_relation_and_its_reverse() {
    let model = Model::builtin();
    for (kind, field, written, forward, target, reverse) in RELATIONS {
        let source = EntityRef::new(kind, Some("ns"), "n");
        let kind_model = model.kinds.iter().find(|model| model.kind == *kind).unwrap();
        let target = EntityRef::from_canonical(target);
        let expected = vec![
            Relation { source: source.clone(), kind: (*forward).to_owned(), target: target.clone() },
            Relation { source: target, kind: (*reverse).to_owned(), target: source.clone() },
        ];
        // A lone text counts as a list, and the reverse.
        for value in [json!(written), json!([written])] {
            let related = relations_of(kind_model, &source, &json!({"spec": {*field: value}}));
            assert_eq!(related.as_ref(), Ok(&expected), "{kind} {field}");
        }
    }
}

#[test]
fn a_ref_without_kind_where_none_is_implied_is_an_error() {
    let mut spec = sound_specs().remove(0).1;
    spec["dependsOn"] = json!(["db"]);
    let problem = first_problem(&entity("Component", spec));
    assert_eq!(
        problem.message,
        "Processor BuiltinKindsEntityProcessor threw an error while postprocessing; caused by Error: Entity \
         reference \"db\" had missing or empty kind (e.g. did not start with \"component:\" or similar)"
    );
    assert_eq!(problem.path.as_deref(), Some("/spec/dependsOn/0"));
}

#[test]
fn lists_of_refs_are_sorted_unless_they_hold_something_else() {
    let mut sorted = json!({"spec": {"members": ["b", "A", "a"], "children": ["b", 1, "a"]}});
    sort_relation_fields(&mut sorted);
    assert_eq!(sorted, json!({"spec": {"members": ["A", "a", "b"], "children": ["b", 1, "a"]}}));
}

/// The relations of an entity, as `source type target`.
fn related(document: &Value) -> Vec<String> {
    let checked = check(&Model::builtin(), document);
    assert_eq!(checked.violations, [], "{document}");
    checked.relations.iter().map(|r| format!("{} {} {}", r.source, r.kind, r.target)).collect()
}

#[test]
fn every_kind_has_the_rows_of_the_table_and_no_others() {
    let rows =
        |kind: &str| RELATIONS.iter().filter(|(of, ..)| *of == kind).map(|row| row.1).collect::<Vec<_>>();
    for row in &Model::builtin().kinds {
        let mut fields: Vec<_> = row.relations.iter().map(|field| field.field.as_str()).collect();
        let mut expected = rows(&row.kind);
        fields.sort_unstable();
        expected.sort_unstable();
        assert_eq!(fields, expected, "{}", row.kind);
    }
}

#[test]
fn a_target_ignores_case_and_inherits_the_namespace() {
    let mut document = entity("System", json!({"owner": "USER:Team/Bob", "domain": "Shop"}));
    document["metadata"]["namespace"] = "ns".into();
    assert_eq!(
        related(&document),
        [
            "system:ns/n ownedBy user:team/bob",
            "user:team/bob ownerOf system:ns/n",
            "system:ns/n partOf domain:ns/shop",
            "domain:ns/shop hasPart system:ns/n",
        ]
    );
}

#[test]
fn an_entity_may_name_itself_and_what_does_not_exist() {
    assert_eq!(
        related(&entity("Domain", json!({"owner": "nobody", "subdomainOf": "n"}))),
        [
            "domain:default/n ownedBy group:default/nobody",
            "group:default/nobody ownerOf domain:default/n",
            "domain:default/n partOf domain:default/n",
            "domain:default/n hasPart domain:default/n",
        ]
    );
}

#[test]
fn a_ref_may_be_an_object_where_no_schema_forbids_it() {
    let mut spec = sound_specs().remove(2).1;
    spec["dependencyOf"] =
        json!([{"kind": "Component", "name": "Shop"}, {"kind": "API", "namespace": "o", "name": "x"}]);
    let related = related(&entity("Resource", spec));
    assert!(
        related.contains(&"resource:default/n dependencyOf component:default/shop".to_owned()),
        "{related:?}"
    );
    assert!(related.contains(&"api:o/x dependsOn resource:default/n".to_owned()), "{related:?}");
}

#[test]
fn what_is_no_ref_is_told_item_by_item() {
    let mut spec = sound_specs().remove(2).1;
    spec["dependencyOf"] = json!(["component:a", "b", "component:", 1, ["component:c"], ""]);
    let checked = check(&Model::builtin(), &entity("Resource", spec));
    let told: Vec<_> = checked
        .violations
        .iter()
        .map(|violation| {
            assert_eq!(violation.stage, Stage::Relations);
            let (name, cause) = violation.problem.cause().unwrap();
            (violation.problem.path.clone().unwrap(), format!("{name}: {cause}"))
        })
        .collect();
    let kindless = |written: &str| {
        format!(
            "Error: Entity reference \"{written}\" had missing or empty kind (e.g. did not start with \
             \"component:\" or similar)"
        )
    };
    let place = |index: usize| format!("/spec/dependencyOf/{index}");
    // The list holds more than texts, so it is not sorted.
    assert_eq!(told[0], (place(1), kindless("b")));
    assert_eq!(
        told[1],
        (
            place(2),
            "TypeError: Entity reference \"component:\" was not on the form [<kind>:][<namespace>/]<name>"
                .to_owned()
        )
    );
    assert_eq!((told[2].0.clone(), told[3].0.clone()), (place(3), place(4)));
    assert_eq!(told[4], (place(5), "Error: Entity reference must not be empty".to_owned()));
    assert_eq!(checked.relations, []);
}

#[test]
fn nothing_and_the_empty_text_relate_to_nothing() {
    let mut spec = sound_specs().remove(2).1;
    for nothing in [json!(null), json!(""), json!([])] {
        spec["dependencyOf"] = nothing;
        assert_eq!(related(&entity("Resource", spec.clone())).len(), 4);
    }
}

#[test]
fn wrong_refs_are_told_beside_wrong_fields_each_at_its_place() {
    let spec = json!({"lifecycle": "production", "owner": 7, "dependsOn": ["zoo", "component:ok", "bar"]});
    let entity = json!({"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": "a"}, "spec": spec});
    let problems = crate::model::check(&Model::builtin(), &entity).into_problems();
    let paths: Vec<_> = problems.iter().filter_map(|problem| problem.path.as_deref()).collect();
    // The owner is no text: said once, and not again as a ref.
    assert_eq!(paths, ["/spec/type", "/spec/owner", "/spec/dependsOn/2", "/spec/dependsOn/0"]);
}
