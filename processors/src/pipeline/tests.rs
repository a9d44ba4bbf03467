use backstitch_schemas::{
    change::{Cause, CauseKind, Change, PathLine, Position, Substitution},
    processed::{FormState, Processed},
    rules::Allowance,
    *,
};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn component(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": name},
        "spec": spec,
    })
}

fn sound() -> Value {
    component("shop", json!({"type": "service", "lifecycle": "production", "owner": "team-a"}))
}

fn content(entity: &Value) -> Content {
    Content {
        entity: canonical::to_string(entity),
        location: "url:https://github.com/o/r/blob/main/catalog-info.yaml".to_owned(),
        origin: "url:https://github.com/o/r/blob/main/all.yaml".to_owned(),
        position: Some(Position { document: 2, line: 10, lines: Vec::new() }),
        substitutions: Vec::new(),
        listing_errors: Vec::new(),
    }
}

fn change(content: Option<Content>) -> Change {
    Change {
        identity: Identity::mint(),
        created_at: Timestamp(1),
        location_key: Some("key".to_owned()),
        location_id: None,
        digest: String::new(),
        released: false,
        content,
        cause: Cause { kind: CauseKind::Read, detail: None, at: Timestamp(2) },
    }
}

fn own(name: &str) -> ClaimKey {
    ClaimKey::own(EntityRef::new("component", None, name), ProviderName::new("p"))
}

fn listed(name: &str) -> ClaimKey {
    let listing = Listing {
        location: EntityRef::new("location", None, "root"),
        document: "".into(),
        listed: "url:https://github.com/o/r/blob/main/catalog-info.yaml".into(),
    };
    ClaimKey::listed(EntityRef::new("component", None, name), ProviderName::new("p"), listing)
}

fn result(pipeline: &Pipeline, claim: ClaimKey, content: Content) -> Processed {
    pipeline.result_of(claim, Version(7), change(Some(content))).unwrap()
}

fn good(processed: Processed) -> (Value, Vec<String>, Vec<Problem>) {
    match processed {
        Processed::Form(_, backstitch_schemas::processed::Form { state: FormState::Good(form), .. }) => {
            let relations =
                form.relations.iter().map(|r| format!("{} {} {}", r.source, r.kind, r.target)).collect();
            (serde_json::from_str(&form.entity).unwrap(), relations, form.errors)
        }
        other => panic!("not good: {other:?}"),
    }
}

fn errors(processed: Processed) -> Vec<Problem> {
    match processed {
        Processed::Errors(_, errors) => errors.errors,
        other => panic!("not invalid: {other:?}"),
    }
}

fn refusal(processed: Processed) -> Problem {
    match processed {
        Processed::Form(
            _,
            backstitch_schemas::processed::Form { state: FormState::Refused(problem), .. },
        ) => problem,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_sound_entity_is_completed_and_related() {
    let (entity, relations, errors) = good(result(&Pipeline::default(), listed("shop"), content(&sound())));
    assert_eq!(
        entity["metadata"],
        json!({
            "name": "shop",
            "namespace": "default",
            "annotations": {
                "backstage.io/managed-by-location": "url:https://github.com/o/r/blob/main/catalog-info.yaml",
                "backstage.io/managed-by-origin-location": "url:https://github.com/o/r/blob/main/all.yaml",
                "backstage.io/view-url": "https://github.com/o/r/blob/main/catalog-info.yaml",
                "backstage.io/edit-url": "https://github.com/o/r/edit/main/catalog-info.yaml",
                "backstage.io/source-location": "url:https://github.com/o/r/tree/main/",
            },
        })
    );
    assert_eq!(
        relations,
        [
            "component:default/shop ownedBy group:default/team-a",
            "group:default/team-a ownerOf component:default/shop",
        ]
    );
    assert_eq!(errors, []);
}

#[test]
fn annotations_of_the_source_win_but_a_listed_document_cannot_lie_about_its_place() {
    let mut entity = sound();
    entity["metadata"]["annotations"] = json!({
        "backstage.io/managed-by-location": "url:https://mine",
        "backstage.io/view-url": "\u{1}java\nscript:alert(1)",
        "backstage.io/edit-url": "https://mine",
    });
    let annotation = |claim, name: &str| {
        let (entity, _, _) = good(result(&Pipeline::default(), claim, content(&entity)));
        entity["metadata"]["annotations"][format!("backstage.io/{name}")].as_str().unwrap().to_owned()
    };
    assert_eq!(annotation(own("shop"), "managed-by-location"), "url:https://mine");
    assert!(annotation(listed("shop"), "managed-by-location").ends_with("/catalog-info.yaml"));
    assert_eq!(annotation(own("shop"), "edit-url"), "https://mine");
    assert_eq!(
        annotation(own("shop"), "view-url"),
        "https://backstage.io/annotation-rejected-for-security-reasons"
    );
}

#[test]
fn what_the_catalog_assigns_is_not_taken_from_the_source() {
    let mut entity = sound();
    entity["metadata"]["uid"] = json!("mine");
    entity["metadata"]["etag"] = json!("mine");
    let (entity, _, _) = good(result(&Pipeline::default(), own("shop"), content(&entity)));
    assert_eq!((entity["metadata"].get("uid"), entity["metadata"].get("etag")), (None, None));
}

#[test]
fn a_wrong_entity_becomes_errors_with_their_places() {
    let entity = component("shop", json!({"type": 1, "owner": "a"}));
    let mut content = content(&entity);
    let line = |path: &str, line| PathLine { path: path.to_owned(), line };
    content.position.as_mut().unwrap().lines = vec![line("/spec/type", 15), line("/spec", 14)];
    let errors = errors(result(&Pipeline::default(), listed("shop"), content));
    let places: Vec<_> = errors.iter().map(|e| (e.path.as_deref().unwrap(), e.document, e.line)).collect();
    assert_eq!(places, [("/spec/lifecycle", Some(2), Some(14)), ("/spec/type", Some(2), Some(15))]);
    assert_eq!(errors[0].location.as_deref(), Some("url:https://github.com/o/r/blob/main/catalog-info.yaml"));
    assert!(errors[0].message.ends_with("missingProperty: lifecycle"));
}

#[test]
fn rules_apply_to_what_a_location_lists_and_to_nothing_else() {
    let group = json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Group",
        "metadata": {"name": "a"},
        "spec": {"type": "team", "children": []},
    });
    let content = content(&group);
    let (key, listed_key) = (own("x"), listed("x"));
    good(result(&Pipeline::default(), key, content.clone()));
    let refusal = refusal(result(&Pipeline::default(), listed_key.clone(), content.clone()));
    assert_eq!(refusal.name, "NotAllowedError");
    let mut rules = Rules::default();
    rules.add_location(&LocationRef::parse(&content.origin).unwrap(), Allowance::All);
    good(result(&Pipeline::new(Settings { rules, ..Settings::default() }), listed_key, content));
}

#[test]
fn an_unknown_kind_is_refused_and_a_misspelt_one_is_wrong() {
    let mut entity = sound();
    entity["kind"] = json!("Widget");
    let refusal = refusal(result(&Pipeline::default(), own("shop"), content(&entity)));
    assert!(refusal.message.starts_with("No processor recognized the entity widget:default/shop"));
    entity["kind"] = json!("Componnt");
    let refusal = self::refusal(result(&Pipeline::default(), listed("shop"), content(&entity)));
    assert_eq!(refusal.name, "NotAllowedError");
    assert!(refusal.advice.unwrap().starts_with("the kind Componnt is not known; did you mean Component?"));
    entity["kind"] = json!("component");
    assert_eq!(errors(result(&Pipeline::default(), own("shop"), content(&entity))).len(), 1);
}

#[test]
fn placeholders_are_substituted_or_told() {
    let api = |spec| json!({"apiVersion": "backstage.io/v1alpha1", "kind": "API", "metadata": {"name": "a"}, "spec": spec});
    let entity = api(json!({
        "type": "openapi", "lifecycle": "production", "owner": "a", "definition": {"$text": "./x.yaml"},
    }));
    let mut with = content(&entity);
    let substitution = |text: Option<&str>, error: Option<&str>| Substitution {
        value: "./x.yaml".to_owned(),
        text: text.map(str::to_owned),
        error: error.map(str::to_owned),
    };
    with.substitutions = vec![substitution(Some("openapi: 3.1.0"), None)];
    let (entity, _, _) = good(result(&Pipeline::default(), own("a"), with.clone()));
    assert_eq!(entity["spec"]["definition"], "openapi: 3.1.0");
    with.substitutions = vec![substitution(None, Some("NotFoundError: gone"))];
    let errors = errors(result(&Pipeline::default(), own("a"), with));
    assert_eq!(
        errors[0].headline(),
        "InputError: Processor PlaceholderProcessor threw an error while preprocessing; caused by Error: \
         Placeholder $text could not read location ./x.yaml, NotFoundError: gone"
    );
    assert_eq!(errors[0].path.as_deref(), Some("/spec/definition"));
}

#[test]
fn errors_of_what_a_location_lists_do_not_spoil_it() {
    let location = json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Location",
        "metadata": {"name": "root"},
        "spec": {"targets": ["./a.yaml"]},
    });
    let mut content = content(&location);
    content.listing_errors = vec![Problem::new("NotFoundError", "./a.yaml is not there")];
    let (_, _, errors) = good(result(&Pipeline::default(), own("root"), content.clone()));
    assert_eq!(errors, content.listing_errors);
}

#[test]
fn a_withdrawal_passes_through() {
    let result = Pipeline::default().result_of(own("shop"), Version(3), change(None)).unwrap();
    let Processed::Form(_, form) = result else { panic!("{result:?}") };
    assert_eq!((form.state, form.stamp.version), (FormState::Withdrawn, Version(3)));
}

struct Careless;

impl Processor for Careless {
    fn name(&self) -> &str {
        "Careless"
    }

    fn pre_process(&self, mut entity: Value, context: &Context<'_>) -> Result<Value, Vec<Problem>> {
        assert_ne!(context.entity_ref.name(), "bomb", "did not think of that");
        if context.entity_ref.name() == "renamed" {
            entity["metadata"]["name"] = json!("other");
        }
        Ok(entity)
    }
}

#[test]
fn a_careless_processor_spoils_one_entity_only() {
    let pipeline = Pipeline::with_processors(Settings::default(), vec![Box::new(Careless)]);
    let named = |name: &str| component(name, sound()["spec"].clone());
    let panicked = errors(result(&pipeline, own("bomb"), content(&named("bomb"))));
    assert!(panicked[0].message.contains("did not think of that"));
    let renamed = errors(result(&pipeline, own("renamed"), content(&named("renamed"))));
    assert!(renamed[0].message.starts_with("Fatal: The entity kind, namespace, or name changed"));
    good(result(&pipeline, own("shop"), content(&sound())));
}

#[test]
fn the_fingerprint_follows_rules_processors_and_hosts() {
    let with_rules = Settings { rules: Rules::everything(), ..Settings::default() };
    let mut hosts = Hosts::default();
    hosts.add("git.example.com", backstitch_schemas::scm::Scm::GitLab);
    let fingerprints = [
        Pipeline::default(),
        Pipeline::new(with_rules),
        Pipeline::with_processors(Settings::default(), vec![Box::new(Careless)]),
        Pipeline::new(Settings { hosts, ..Settings::default() }),
    ]
    .map(|pipeline| pipeline.fingerprint().to_owned());
    assert_eq!(fingerprints[0], Pipeline::default().fingerprint());
    let distinct: std::collections::BTreeSet<_> = fingerprints.iter().collect();
    assert_eq!(distinct.len(), 4);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z:/ .$]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let key = prop_oneof![
            Just("name".to_owned()),
            Just("owner".to_owned()),
            Just("$text".to_owned()),
            "[a-z]{1,6}"
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..4).prop_map(|members| json!(members)),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_a_source_says_processing_ends_and_says_the_same_again(
        kind in prop::sample::select(vec!["Component", "API", "Group", "Template", "location", "X"]),
        metadata in any_json(),
        spec in any_json(),
    ) {
        let entity = json!({"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec});
        let (pipeline, content) = (Pipeline::default(), content(&entity));
        let outcome = pipeline.process(&content, entity.clone(), true);
        prop_assert_eq!(&outcome, &pipeline.process(&content, entity.clone(), true));
        // The shared checks, which ingest runs before it follows a Location, see the same.
        if let Outcome::Good { relations, .. } = outcome {
            let checked = model::check(&Model::builtin(), &entity);
            prop_assert!(checked.is_sound());
            let implied: std::collections::BTreeSet<_> = checked.relations.into_iter().collect();
            prop_assert_eq!(relations, implied.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn processing_what_was_processed_changes_nothing(owner in "[a-z]{1,8}", parts in prop::collection::vec("[a-z]{1,4}", 0..5)) {
        let spec = json!({"type": "a", "lifecycle": "b", "owner": owner, "providesApis": parts});
        let content = content(&component("shop", spec));
        let (once, relations, _) = good(result(&Pipeline::default(), own("shop"), content.clone()));
        let again = Content { entity: canonical::to_string(&once), ..content };
        prop_assert_eq!(good(result(&Pipeline::default(), own("shop"), again)), (once, relations, Vec::new()));
    }
}
