//! A fake GitLab, after <https://docs.gitlab.com/api/rest>, and what is read from it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use axum::{body::Body, http::Response};
use backstitch_ingest::{Follower, hosts::Credentials, locations::Config};
use backstitch_schemas::scm::Scm;
use serde_json::json;

use crate::{
    github::{entities_in, until_asked},
    repository::{Repository, sha},
    server::{Asked, Server, json, status},
    support::{Reader, location, system},
};

/// Entries of a page, whatever is asked for.
const PAGE: usize = 100;

/// What the fake serves: the project `g/sub/p`.
pub(crate) struct State {
    pub(crate) repository: Repository,
    /// Paths that fail.
    pub(crate) failing: BTreeSet<String>,
    token: Option<String>,
    address: String,
}

fn answer(state: &State, asked: &Asked) -> Response<Body> {
    let authorized = state.token.as_ref().is_some_and(|token| asked.shows(&format!("Bearer {token}")));
    let path = asked.path();
    let ["api", "v4", "projects", "g/sub/p", "repository", ref rest @ ..] = path[..] else {
        return status(404);
    };
    if !authorized {
        return status(404);
    }
    let repository = &state.repository;
    match rest {
        ["commits", reference] if repository.knows(reference) => {
            let commit = repository.commit();
            asked.tagged(&commit, json!({"id": commit, "title": "a change"}).to_string())
        }
        ["files", path, "raw"] => match repository.text(path) {
            Some(_) if state.failing.contains(*path) => status(502),
            Some(text) if repository.knows(asked.parameter("ref").unwrap()) => {
                asked.tagged(&sha(text), text.clone())
            }
            _ => status(404),
        },
        ["tree"] if repository.knows(asked.parameter("ref").unwrap()) => page(state, asked),
        _ => status(404),
    }
}

/// One page, with a link to the next.
fn page(state: &State, asked: &Asked) -> Response<Body> {
    let entries = state.repository.list("", asked.parameter("recursive") == Some("true"));
    let start: usize = asked.parameter("page_token").map_or(0, |start| start.parse().unwrap());
    let shown = entries.iter().skip(start).take(PAGE).map(|(path, is_file, id)| {
        json!({"id": id, "name": path, "path": path, "type": if *is_file { "blob" } else { "tree" }})
    });
    let mut response = json(&json!(shown.collect::<Vec<_>>()));
    if start + PAGE < entries.len() {
        let (reference, recursive) = (asked.parameter("ref").unwrap(), asked.parameter("recursive"));
        let link = format!(
            "<http://{}/api/v4/projects/g%2Fsub%2Fp/repository/tree?ref={reference}&recursive={}&page_token={}>; \
             rel=\"next\"",
            state.address,
            recursive.unwrap_or("false"),
            start + PAGE,
        );
        response.headers_mut().insert("link", link.parse().unwrap());
    }
    response
}

pub(crate) async fn start(files: &[(&str, &str)]) -> (Server, Arc<Mutex<State>>) {
    let token = Some("glpat-1".to_owned());
    let state =
        State { repository: Repository::new(files), failing: BTreeSet::new(), token, address: String::new() };
    let state = Arc::new(Mutex::new(state));
    let served = Arc::clone(&state);
    let server = Server::start(move |asked| answer(&served.lock().unwrap(), asked)).await;
    state.lock().unwrap().address.clone_from(&server.address);
    (server, state)
}

pub(crate) fn config(server: &Server) -> Config {
    let token = Credentials::Fixed(Credentials::bearer("glpat-1").unwrap());
    server.config(Scm::GitLab, "/api/v4", token)
}

pub(crate) fn url(server: &Server, path: &str) -> String {
    format!("http://{}/g/sub/p/-/blob/main/{path}", server.address)
}

#[tokio::test]
async fn a_pattern_is_listed_page_by_page_and_an_unchanged_pass_costs_one_conditional_request() {
    let files: Vec<_> =
        (0..350).map(|index| (format!("s{index}/catalog-info.yaml"), system(&format!("s{index}")))).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let (server, state) = start(&files).await;
    let pattern = url(&server, "**/catalog-info.yaml");
    let mut reader = Reader::new(config(&server));
    reader.follower.follow(vec![location("root", "url", &[&pattern])], &[]).await;
    reader.until("the first pass", |seen| entities_in(seen) == 350).await;
    reader.settle().await;
    assert_eq!((server.count("/repository/tree"), server.count("/raw")), (7, 350));
    assert!(reader.documents.contains_key(&format!("url:{}", url(&server, "s7/catalog-info.yaml"))));

    server.take();
    until_asked(&mut reader, &server, "/commits/main", 3).await;
    let passes = server.take();
    assert!(
        passes.iter().all(|pass| pass.status == 304 && pass.line.ends_with("/commits/main")),
        "{passes:?}"
    );

    state.lock().unwrap().token = None;
    reader.until("the failure", |seen| seen.states[&format!("url:{pattern}")].outcome == "failed").await;
    until_asked(&mut reader, &server, "/commits/main", 2).await;
    assert_eq!((entities_in(&reader), reader.listed["root"].len()), (350, 350), "nothing is removed");
}

#[tokio::test]
async fn a_single_file_is_polled_with_its_etag_and_its_absence_is_confirmed() {
    let (server, state) = start(&[("dir/a b.yaml", &system("a")), ("x.yaml", &system("x"))]).await;
    let target = url(&server, "dir/a%20b.yaml");
    let document = format!("url:{target}");
    let mut reader = Reader::new(config(&server));
    reader.follower.follow(vec![location("root", "url", &[&target])], &[]).await;
    reader.until("the file", |seen| seen.names(&document) == ["a"]).await;
    server.take();
    until_asked(&mut reader, &server, "/raw", 2).await;
    assert!(server.take().iter().all(|asked| asked.conditional && asked.status == 304));
    state.lock().unwrap().token = None;
    reader.until("the failure", |seen| seen.documents[&document].last == "failed").await;
    state.lock().unwrap().token = Some("glpat-1".to_owned());
    state.lock().unwrap().repository.change(|files| drop(files.remove("dir/a b.yaml")));
    reader.until("the absence", |seen| seen.documents[&document].last == "absent").await;
}
