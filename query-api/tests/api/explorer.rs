//! The explorer's files; `tests/npm/explorer` uses them in a browser.

use std::collections::BTreeSet;

use axum::{body::Body, http::Request};

use crate::status::troubled;

#[tokio::test]
async fn every_address_of_the_explorer_answers_its_page() {
    let fixture = troubled().await;
    let home = fixture.get("/").await;
    assert_eq!(home.status.as_u16(), 200);
    assert_eq!(home.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(
        home.header("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'none'"))
    );
    for address in ["/search?q=x", "/problems", "/changes", "/entity/component/default/no-such-thing"] {
        assert_eq!(fixture.get(address).await.text, home.text, "{address}");
    }
}

#[tokio::test]
async fn everything_that_the_page_asks_for_is_there() {
    let fixture = troubled().await;
    let mut seen = BTreeSet::new();
    let mut open = vec!["/".to_owned()];
    while let Some(path) = open.pop() {
        let answer = fixture.get(&path).await;
        assert_eq!(answer.status.as_u16(), 200, "{path}");
        let is_page = !path.starts_with("/explorer/");
        let found = if is_page { quoted(&answer.text, "\"/explorer/") } else { imports(&path, &answer.text) };
        open.extend(found.into_iter().filter(|path| seen.insert(path.clone())));
    }
    let scripts = seen.iter().filter(|path| path.ends_with(".mjs")).count();
    assert!(scripts > 5, "the modules are followed: {seen:?}");
}

#[tokio::test]
async fn files_are_asked_for_again_and_sent_only_if_they_are_others() {
    let fixture = troubled().await;
    let first = fixture.get("/explorer/app.mjs").await;
    assert_eq!(first.header("content-type"), Some("text/javascript; charset=utf-8"));
    let etag = first.header("etag").expect("a file has a validator").to_owned();
    let request = Request::get("/explorer/app.mjs").header("if-none-match", &etag);
    let again = fixture.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""));
    for path in ["/explorer/no-such.mjs", "/explorer/../Cargo.toml", "/explorer/%2e%2e/Cargo.toml"] {
        assert_eq!(fixture.get(path).await.status.as_u16(), 404, "{path}");
    }
}

/// The paths in quotes that begin with `start`.
fn quoted(text: &str, start: &str) -> Vec<String> {
    let path = |at: usize| text[at + 1..].split('"').next().unwrap_or_default().to_owned();
    text.match_indices(start).map(|(at, _)| path(at)).collect()
}

/// The modules that a module imports, from the root.
fn imports(path: &str, text: &str) -> Vec<String> {
    let base = url::Url::parse("http://here").and_then(|here| here.join(path)).unwrap();
    let named = text.lines().filter_map(|line| line.strip_suffix("';")?.rsplit_once("from '"));
    named.map(|(_, module)| base.join(module).unwrap().path().to_owned()).collect()
}
