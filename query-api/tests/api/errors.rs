//! Errors have the bodies of the recorded ones, byte by byte once parsed.

use axum::{body::Body, http::Request};
use serde_json::Value;

use crate::{fixture::Fixture, shared};

/// Samples of routes that a later issue brings, or whose text is that of another JSON library.
const OTHERS: [(&str, &str); 3] = [
    ("bad-token", "tokens come with the executable"),
    ("by-query-bad-cursor", "the words after `Malformed cursor:` are those of JavaScript"),
    ("state-", "needs the catalog of the samples"),
];

pub(crate) fn request_of(sample: &Value) -> Request<Body> {
    let recorded = &sample["request"];
    let mut request = Request::builder()
        .method(recorded["method"].as_str().unwrap())
        .uri(recorded["path"].as_str().unwrap());
    let headers = recorded["headers"].as_object();
    for (name, value) in headers.into_iter().flatten() {
        request = request.header(name, value.as_str().unwrap());
    }
    let body = match &recorded["body"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        body => body.to_string(),
    };
    let is_typed =
        headers.is_some_and(|headers| headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")));
    if !body.is_empty() && !is_typed {
        request = request.header("content-type", "application/json");
    }
    request.body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn errors_are_those_that_backstage_answers() {
    let Some(directory) = shared("wire-samples") else {
        println!("skipped: ../shared/wire-samples is not there");
        return;
    };
    let fixture = Fixture::empty().await;
    let mut compared = 0;
    for file in std::fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let sample: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let Some(route) = sample["request"]["path"].as_str() else { continue };
        let is_error = sample["response"]["status"].as_u64().is_some_and(|status| status >= 400);
        let is_ours = route.starts_with("/api/catalog/entit") && sample["request"]["method"] != "DELETE";
        let is_other = OTHERS
            .iter()
            .any(|(other, _)| name == *other || (other.ends_with('-') && name.starts_with(other)));
        if !is_error || !is_ours || is_other {
            continue;
        }
        let answer = fixture.send(request_of(&sample)).await;
        assert_eq!(
            u64::from(answer.status.as_u16()),
            sample["response"]["status"].as_u64().unwrap(),
            "{name}"
        );
        if let Some(body) = sample["response"].get("body").filter(|body| !body.is_null()) {
            assert_eq!(answer.json(), *body, "{name}");
            let recorded = sample["response"]["headers"].as_array().unwrap();
            let tag =
                recorded.iter().find(|header| header[0] == "ETag").map(|header| header[1].as_str().unwrap());
            assert!(tag.is_some() && answer.header("etag").is_some(), "{name}");
        }
        compared += 1;
    }
    assert!(compared >= 30, "only {compared} samples were compared");
}

#[tokio::test]
async fn unknown_routes_and_verbs_are_404_without_a_body() {
    let fixture = Fixture::empty().await;
    for path in ["/api/catalog/nope", "/api/nope", "/api/catalog/location"] {
        let answer = fixture.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (404, ""), "{path}");
    }
    let answer = fixture.send(Request::post("/api/catalog/entities").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (404, ""));
    let request = Request::options("/api/catalog/entities/by-name/a/b/c").body(Body::empty()).unwrap();
    let answer = fixture.send(request).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "GET,HEAD"));
}
