//! Locations that list URLs: what a host may answer, and what may never be concluded from it.

use std::time::Duration;

use backstitch_ingest::{Follower, Places, locations::Config};
use backstitch_schemas::yaml::Limits;

use crate::{
    host::{Answer, Host},
    support::{Reader, listing, location, nested, system},
};

/// A reader that has read `system(a)` from `a.yaml` of a host, and the document's location ref.
async fn settled(host: &Host, config: Config) -> (Reader, String) {
    let url = host.says("a.yaml", Answer::Text(system("a")));
    let mut reader = Reader::new(config);
    reader.follower.follow(vec![location("root", "url", &[&url])], &[]).await;
    let document = format!("url:{url}");
    reader.until("the first read", |seen| seen.names(&document) == ["a"]).await;
    (reader, document)
}

#[tokio::test]
async fn a_url_is_polled_with_its_etag_and_read_when_it_changes() {
    let host = Host::start().await;
    let (mut reader, a) = settled(&host, host.config()).await;
    assert!(reader.states[&a].etag.is_some());
    let requests = host.requests("a.yaml");
    host.says("b.yaml", Answer::Text(String::new()));
    let polls = || host.requests("a.yaml") > requests + 2;
    while !polls() {
        let _ = tokio::time::timeout(Duration::from_millis(20), reader.follower.next()).await;
    }
    assert!(host.all_conditional_after(1));
    host.says("a.yaml", Answer::Text(system("b")));
    reader.until("the change", |seen| seen.names(&a) == ["b"]).await;
    assert_eq!(reader.findings.iter().filter(|finding| finding.contains("holds")).count(), 2);
}

#[tokio::test]
async fn no_failure_is_taken_for_an_absence() {
    let host = Host::start().await;
    let elsewhere = "http://forbidden.example/a.yaml".to_owned();
    let failures = [
        (Answer::Status(404), "no matching files found"),
        (Answer::Status(503), "503"),
        (Answer::Status(500), "500"),
        (Answer::Status(403), "403"),
        (Answer::Wait(429, 1), "asks to wait"),
        (Answer::Truncated(system("x")), "Unable to read url"),
        (Answer::Silence, "timed out"),
        (Answer::Redirect(elsewhere), "'http://forbidden.example/a.yaml' is not allowed"),
    ];
    for (failure, expected) in failures {
        let (mut reader, a) = settled(&host, host.config()).await;
        host.says("a.yaml", failure);
        reader.until(expected, |seen| seen.documents[&a].last == "failed").await;
        let document = &reader.documents[&a];
        assert!(document.errors[0].message.contains(expected), "{:?}", document.errors);
        assert!(document.errors[0].advice.is_some());
        assert_eq!(reader.names(&a), ["a"]);
        assert!(matches!(reader.states[&a].outcome.as_str(), "failed" | "refused"));
        assert!(reader.states[&a].etag.is_some(), "what was read is still there");
        assert!(reader.states[&a].next_read_at.is_some());
    }
}

#[tokio::test]
async fn a_host_in_trouble_is_read_again_when_it_is_back() {
    let host = Host::start().await;
    let (mut reader, a) = settled(&host, host.config()).await;
    host.says("a.yaml", Answer::Status(503));
    reader.until("the trouble", |seen| seen.documents[&a].last == "failed").await;
    host.says("a.yaml", Answer::Text(system("back")));
    reader.until("the return", |seen| seen.names(&a) == ["back"]).await;
    assert_eq!(reader.states[&a].outcome, "ok");
    assert!(reader.states[&a].errors.is_empty());
}

#[tokio::test]
async fn retry_after_is_honoured_for_the_whole_host() {
    let host = Host::start().await;
    let (mut reader, a) = settled(&host, host.config()).await;
    host.says("a.yaml", Answer::Wait(429, 60));
    reader.until("the refusal", |seen| seen.documents[&a].last == "failed").await;
    assert_eq!(reader.states[&a].http_status, Some(429));
    let requests = host.requests("a.yaml");
    let b = host.says("b.yaml", Answer::Text(system("b")));
    let root = location("root", "url", &[a.strip_prefix("url:").unwrap(), &b]);
    reader.follower.follow(vec![root], &[]).await;
    reader.follower.refresh(&Places::All, false).await.unwrap();
    let b = format!("url:{b}");
    reader.until("the wait", |seen| seen.documents.get(&b).is_some_and(|b| b.last == "failed")).await;
    assert!(reader.documents[&b].errors[0].message.contains("asks to wait"));
    assert_eq!((host.requests("a.yaml"), host.requests("b.yaml")), (requests, 0));
}

#[tokio::test]
async fn etags_survive_a_restart_where_the_claims_do() {
    let host = Host::start().await;
    let (reader, a) = settled(&host, host.config()).await;
    let root = location("root", "url", &[a.strip_prefix("url:").unwrap()]);
    let before = host.requests("a.yaml");

    let mut again = Reader::resuming(host.config(), reader.states.clone());
    again.follower.follow(vec![root.clone()], &[listing("root", &a)]).await;
    again
        .until("it is unchanged", |seen| seen.documents.get(&a).is_some_and(|a| a.last == "unchanged"))
        .await;
    assert!(host.all_conditional_after(before), "the ETag was sent");
    assert_eq!(again.states[&a], reader.states[&a], "nothing new to note");

    let mut without = Reader::resuming(host.config(), reader.states);
    without.follower.follow(vec![root], &[]).await;
    without.until("it is read", |seen| seen.names(&a) == ["a"]).await;
}

#[tokio::test]
async fn redirects_within_what_is_allowed_are_followed() {
    let host = Host::start().await;
    host.says("real.yaml", Answer::Text(system("real")));
    let url = host.says("moved.yaml", Answer::Redirect("/real.yaml".to_owned()));
    let circle = host.says("circle.yaml", Answer::Redirect("/circle.yaml".to_owned()));
    let mut reader = Reader::new(host.config());
    reader.follower.follow(vec![location("root", "url", &[&url, &circle])], &[]).await;
    let (url, circle) = (format!("url:{url}"), format!("url:{circle}"));
    reader.until("the redirect", |seen| seen.names(&url) == ["real"]).await;
    reader
        .until("the circle ends", |seen| seen.documents.get(&circle).is_some_and(|c| c.last == "failed"))
        .await;
    assert!(reader.documents[&circle].errors[0].message.contains("too many redirects"));
}

#[tokio::test]
async fn what_is_too_large_is_not_taken() {
    let host = Host::start().await;
    let url = host.says("a.yaml", Answer::Text(system(&"a".repeat(200))));
    let mut reader =
        Reader::new(Config { limits: Limits { max_bytes: 100, ..Limits::default() }, ..host.config() });
    reader.follower.follow(vec![location("root", "url", &[&url])], &[]).await;
    let a = format!("url:{url}");
    reader.until("the failure", |seen| seen.documents.get(&a).is_some_and(|a| a.last == "failed")).await;
    assert!(reader.documents[&a].errors[0].message.contains("more than 100 bytes"));
}

#[tokio::test]
async fn what_may_not_be_read_says_so_on_its_location() {
    let host = Host::start().await;
    let targets = ["https://github.com/a/b", "https://example.com/a.yaml"];
    let mut reader = Reader::new(host.config());
    reader.follower.follow(vec![location("root", "url", &targets)], &[]).await;
    reader.settle().await;
    let messages: Vec<_> = reader.listed_errors["root"].iter().map(|problem| &problem.message).collect();
    assert!(messages[0].contains("Incorrect URL: https://github.com/a/b"), "{messages:?}");
    assert!(messages[1].contains("is not allowed"), "{messages:?}");
    assert_eq!(reader.listed["root"].len(), 2, "they are listed all the same");
    assert!(reader.states.values().all(|state| state.next_read_at.is_none()));
}

#[tokio::test]
async fn relative_targets_and_placeholders_are_resolved_against_the_url() {
    let host = Host::start().await;
    let api = "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata:\n  name: api\nspec:\n  type: openapi\n  \
               lifecycle: x\n  owner: me\n  definition:\n    $text: ./api.json\n";
    let root = host.says("dir/root.yaml", Answer::Text("# nothing".to_owned()));
    let a = format!("url:{}", host.says("dir/a.yaml", Answer::Text(api.to_owned())));
    host.says("dir/api.json", Answer::Text("one".to_owned()));
    let mut reader = Reader::new(host.config());
    reader.follower.follow(vec![nested("root", &format!("url:{root}"), &["./a.yaml"])], &[]).await;
    let text = |reader: &Reader| {
        let submission = reader.submission("api")?;
        submission.content.substitutions[0].text.clone()
    };
    reader.until("the first content", |seen| text(seen).as_deref() == Some("one")).await;
    assert_eq!(reader.states[&a].etag, None, "the ETag does not speak for the placeholder");
    host.says("dir/api.json", Answer::Text("two".to_owned()));
    reader.until("the new content", |seen| text(seen).as_deref() == Some("two")).await;
    host.says("dir/api.json", Answer::Status(503));
    let requests = host.requests("dir/api.json");
    while host.requests("dir/api.json") < requests + 2 {
        let _ = tokio::time::timeout(Duration::from_millis(20), reader.follower.next()).await;
    }
    assert_eq!(text(&reader).as_deref(), Some("two"), "a host in trouble breaks nothing");
}

#[tokio::test]
async fn an_api_definition_is_bundled_and_a_change_of_any_of_its_files_is_seen() {
    let host = Host::start().await;
    let api = "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata:\n  name: api\nspec:\n  type: openapi\n  \
               lifecycle: x\n  owner: me\n  definition:\n    $openapi: ./spec/api.yaml\n";
    let a = host.says("dir/a.yaml", Answer::Text(api.to_owned()));
    let definition = "openapi: 3.0.0\npaths:\n  /pets:\n    $ref: pets/paths.json#/list\n";
    host.says("dir/spec/api.yaml", Answer::Text(definition.to_owned()));
    let paths = r#"{"list": {"get": {"schema": {"$ref": "../schemas/pet.yaml"}}}}"#;
    host.says("dir/spec/pets/paths.json", Answer::Text(paths.to_owned()));
    host.says("dir/spec/schemas/pet.yaml", Answer::Text("type: object\n".to_owned()));
    let mut reader = Reader::new(host.config());
    reader.follower.follow(vec![location("root", "url", &[&a])], &[]).await;
    let bundled = |reader: &Reader| reader.submission("api")?.content.substitutions[0].text.clone();
    let expected = "openapi: \"3.0.0\"\npaths:\n  /pets:\n    get:\n      schema:\n        type: object\n";
    reader.until("the bundle", |seen| bundled(seen).as_deref() == Some(expected)).await;
    host.says("dir/spec/schemas/pet.yaml", Answer::Text("type: string\n".to_owned()));
    let expected = expected.replace("object", "string");
    reader.until("the new bundle", |seen| bundled(seen).as_deref() == Some(&*expected)).await;
}

#[tokio::test]
async fn a_web_page_in_place_of_a_descriptor_makes_it_incomplete() {
    let host = Host::start().await;
    let (mut reader, a) = settled(&host, host.config()).await;
    host.says("a.yaml", Answer::Text("<!DOCTYPE html><html>Please log in</html>".to_owned()));
    reader.until("the page", |seen| seen.documents[&a].incomplete).await;
    assert!(!reader.documents[&a].errors.is_empty());
}
