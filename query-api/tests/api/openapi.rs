//! The document of the API tells what the API does.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use axum::{body::Body, http::Request};
use serde_json::Value;

use crate::fixture::{Fixture, component};

async fn document(fixture: &Fixture) -> Value {
    let answer = fixture.get("/api/catalog/openapi.json").await;
    assert_eq!(answer.status.as_u16(), 200);
    answer.json()
}

/// Path, verb and description of each operation.
fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, verbs)| {
        verbs.as_object().unwrap().iter().map(move |(verb, told)| (path, verb, told))
    })
}

fn parameters<'a>(operation: &'a Value, place: &str) -> Vec<&'a str> {
    let parameters = operation["parameters"].as_array().unwrap().iter();
    parameters.filter(|told| told["in"] == place).map(|told| told["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_operation_is_a_route_that_takes_the_told_parameters_and_no_other() {
    let fixture = Fixture::with(&[component("a", "service")]).await;
    let document = document(&fixture).await;
    let mut count = 0;
    for (path, verb, told) in operations(&document) {
        let parts = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
        let path = parts.collect::<Vec<_>>().join("/");
        let ask = |query: String| {
            let request =
                Request::builder().method(verb.to_uppercase().as_str()).uri(format!("{path}?{query}"));
            fixture.send(request.body(Body::empty()).unwrap())
        };
        let answer = ask("nobodyKnows=1".to_owned()).await;
        let message = &answer.json()["error"]["message"];
        assert_eq!(message, "Unknown query parameter 'nobodyKnows'", "{verb} {path}");
        for name in parameters(told, "query") {
            let answer = ask(format!("{name}=")).await;
            let expected = format!("Empty value found for query parameter '{name}'");
            assert_eq!(answer.json()["error"]["message"], expected, "{verb} {path}");
        }
        count += 1;
    }
    assert!(count >= 15, "{count}");
}

#[tokio::test]
async fn path_parameters_names_and_references_are_whole() {
    let fixture = Fixture::empty().await;
    let document = document(&fixture).await;
    let mut ids = BTreeSet::new();
    for (path, verb, told) in operations(&document) {
        assert!(ids.insert(told["operationId"].clone().to_string()), "{verb} {path} has the name of another");
        let in_path: Vec<_> = path.split(['{', '}']).skip(1).step_by(2).collect();
        assert_eq!(parameters(told, "path"), in_path, "{verb} {path}");
        let answers = told["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{verb} {path}");
        assert!(["400", "401", "403"].iter().all(|status| answers.contains_key(*status)), "{verb} {path}");
    }
    let text = document.to_string();
    let names = text.split("\"#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap());
    let names: BTreeSet<_> = names.collect();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in &names {
        assert!(schemas.contains_key(*name), "there is no schema {name}");
    }
    let unused: Vec<_> = schemas.keys().filter(|name| !names.contains(name.as_str())).collect();
    assert_eq!(unused, [""; 0], "nothing refers to these schemas");
}

/// The sources of the repository that make routes: all but tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = entries.flat_map(|path| match path.is_dir() {
        true if path.ends_with("tests") => Vec::new(),
        true => sources(&path),
        false => vec![path],
    });
    found.filter(|path| path.extension().is_some_and(|ending| ending == "rs")).collect()
}

/// Within the query API the table makes the routes. The executable could still put one of its own beside them.
#[test]
fn nobody_makes_a_route_below_the_mount_but_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (mut looked_at, mut beside) = (0, Vec::new());
    for folder in ["src", "ingest/src", "query-api/src"] {
        for path in sources(&root.join(folder)) {
            looked_at += 1;
            let text = fs::read_to_string(&path).unwrap();
            let routes = text.split(".route(").skip(1).chain(text.split(".nest(").skip(1));
            let first = |route: &str| route.trim_start().starts_with("\"/api/catalog");
            beside.extend(routes.filter(|route| first(route)).map(|_| path.clone()));
        }
    }
    assert!(looked_at > 100, "the sources are there");
    assert_eq!(beside, [""; 0].map(PathBuf::from), "add an operation in query-api/src/router.rs instead");
}
