//! Status, errors, conflicts, changes and history.

use backstitch_read_model::{ClaimState, SourceRow, Standing};
use backstitch_schemas::{
    ClaimKey, EntityRef, Listing, Problem, ProviderName, Timestamp,
    source::{Held, SourceKey, SourceState},
};
use serde_json::json;

use crate::fixture::{Fixture, component};

/// One component with a rival, one refused claim, and a provider that holds removals.
pub(crate) async fn troubled() -> Fixture {
    let mut fixture = Fixture::with(&[component("a", "<b>service</b>")]).await;
    let rival = Listing {
        location: EntityRef::new("location", None, "root"),
        document: "".into(),
        listed: "file:/b.yaml".into(),
    };
    let entity_ref = EntityRef::new("component", None, "a");
    let provider = ProviderName::new("locations");
    let mut loser =
        fixture.claim(ClaimKey::listed(entity_ref.clone(), provider.clone(), rival), Standing::Loser);
    loser.form_errors = vec![];
    let gone = Problem {
        location: Some("file:/c.yaml".to_owned()),
        line: Some(7),
        ..Problem::input("file:/c.yaml: <owner> is missing").with_advice("add <owner>")
    };
    let owner = EntityRef::new("group", None, "team-a");
    let mut refused = fixture.claim(ClaimKey::own(owner, provider.clone()), Standing::Formless);
    (refused.state, refused.form, refused.form_errors) = (ClaimState::Refused, None, vec![gone.clone()]);
    let state = SourceState {
        outcome: "failed".to_owned(),
        // The same as the claim's, and one of its own.
        errors: vec![gone, Problem::new("Error", "503 from the host")],
        last_read_at: Some(Timestamp(1_700_000_000_000)),
        entities: Some(2),
        held: Some(Held { count: 12, since: Timestamp(1_700_000_000_000), sample: Vec::new() }),
        ..SourceState::default()
    };
    let key = String::from_utf8(SourceKey::Provider(provider).encode()).unwrap();
    fixture.add_claims(vec![loser, refused], vec![SourceRow { key, state }]).await;
    fixture
}

#[tokio::test]
async fn status_tells_what_there_is_and_what_is_wrong_once() {
    let fixture = troubled().await;
    let status = fixture.get("/api/catalog/v1/status").await.json();
    assert_eq!((status["entities"].as_u64(), status["incarnation"].as_i64()), (Some(1), Some(1)));
    assert_eq!(status["kinds"], json!({"Component": 1}));
    assert_eq!(
        (&status["lag"], status["busy"].as_bool()),
        (&json!({"changes": 2, "processed": 0}), Some(true))
    );
    let messages: Vec<_> = status["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["message"].as_str().unwrap())
        .collect();
    assert_eq!(
        messages,
        [
            "file:/c.yaml: <owner> is missing",
            "503 from the host",
            "Entity component:default/a of file:/b.yaml (provider locations) conflicts with provider inventory, which wins",
        ]
    );
    assert_eq!((status["problemsTotal"].as_i64(), status["conflictsTotal"].as_i64()), (Some(3), Some(1)));
    assert_eq!(status["problems"][0]["line"], 7);
    assert_eq!(status["problems"][2]["name"], "ConflictError");
    let provider = &status["providers"][0];
    assert_eq!(provider["held"], json!({"removals": 12, "since": "2023-11-14T22:13:20Z", "sample": []}));
    assert_eq!((provider["name"].as_str(), provider["nextRead"].as_str()), (Some("locations"), None));
    let host = json!({
        "host": "git.example.com", "documents": 312,
        "budget": {"limit": 5000, "remaining": 4321, "reset": "2023-11-14T22:13:20Z"},
        "waitingUntil": null, "pass": {"shortestSeconds": 225, "longestSeconds": 337},
    });
    assert_eq!(status["hosts"], json!([host]));
    assert!(status["notices"][0].as_str().unwrap().contains("not supported yet"));
}

#[tokio::test]
async fn errors_and_conflicts_have_lists_of_their_own() {
    let fixture = troubled().await;
    let errors = fixture.get("/api/catalog/v1/errors").await.json();
    assert_eq!((errors["totalItems"].as_i64(), errors["items"].as_array().unwrap().len()), (Some(2), 2));
    let conflicts = fixture.get("/api/catalog/v1/conflicts").await.json();
    assert_eq!(conflicts["totalItems"], 1);
    assert_eq!(conflicts["items"][0]["source"]["document"], "file:/b.yaml");
    assert_eq!(conflicts["items"][0]["winner"], json!({"provider": "inventory"}));
}

#[tokio::test]
async fn changes_are_told_newest_first_with_their_cause() {
    let mut fixture = Fixture::with(&[component("a", "service"), component("b", "service")]).await;
    fixture.remove("component:default/a").await;
    let changes = fixture.get("/api/catalog/v1/changes?limit=2").await.json();
    let items = changes["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(
        (items[0]["operation"].as_str(), items[0]["entityRef"].as_str()),
        (Some("deleted"), Some("component:default/a"))
    );
    assert_eq!(items[1]["cause"]["detail"], "a test");
    let history = fixture.get("/api/catalog/v1/History/Component/default/A").await.json();
    let operations: Vec<_> =
        history["items"].as_array().unwrap().iter().map(|row| row["operation"].as_str().unwrap()).collect();
    assert_eq!(operations, ["deleted", "created"]);
    assert_eq!(fixture.get("/api/catalog/v1/history/component/default/nope").await.status.as_u16(), 404);
}

#[tokio::test]
async fn status_tells_what_the_index_weighs_by_part() {
    let fixture = Fixture::with(&[component("a", "service"), component("b", "service")]).await;
    let memory = fixture.get("/api/catalog/v1/status").await.json()["memory"].clone();
    let parts = ["bodies", "entities", "rows", "terms", "sets", "orders", "words", "relations"];
    let sum: u64 =
        parts.iter().map(|part| memory[part].as_u64().unwrap_or_else(|| panic!("no {part}"))).sum();
    assert_eq!(memory["total"].as_u64(), Some(sum));
    assert!(
        memory["bodiesAsText"].as_u64() > Some(200) && memory["beyondBodyPerEntity"].as_u64() > Some(100)
    );
}
