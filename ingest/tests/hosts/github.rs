//! A fake GitHub, after <https://docs.github.com/rest>, and what is read from it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use axum::{body::Body, http::Response};
use backstitch_ingest::{
    Follower, Places,
    hosts::Credentials,
    locations::{Config, Network},
};
use backstitch_schemas::scm::Scm;
use serde_json::json;
use url::Url;

use crate::{
    repository::Repository,
    server::{Asked, Server, json, slowly, status},
    support::{Reader, listing, location, system},
};

/// Where the API of GitHub Enterprise starts.
pub(crate) const API: &str = "/api/v3";

/// What the fake serves: the repository `o/r`.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) repository: Repository,
    /// What has to be shown; 404 else, as for everything private.
    pub(crate) authorizations: BTreeSet<String>,
    /// Paths that fail.
    pub(crate) failing: BTreeSet<String>,
    /// Content is told after five seconds, but for this file.
    pub(crate) slow_but: Option<String>,
    /// How many entries of a recursive listing are told.
    pub(crate) listed: Option<usize>,
    /// Whether there is no budget left.
    pub(crate) spent: bool,
    /// The name that the repository has now; its old one redirects.
    pub(crate) renamed: bool,
}

/// A fake GitHub.
#[derive(Clone)]
pub(crate) struct GitHub {
    pub(crate) server: Server,
    pub(crate) state: Arc<Mutex<State>>,
}

impl GitHub {
    pub(crate) async fn start(files: &[(&str, &str)]) -> Self {
        let state = State { repository: Repository::new(files), ..State::default() };
        let state = Arc::new(Mutex::new(state));
        state.lock().unwrap().authorizations.insert("Bearer ghp_1".to_owned());
        let served = Arc::clone(&state);
        let server = Server::start(move |asked| answer(&served.lock().unwrap(), asked)).await;
        Self { server, state }
    }

    pub(crate) fn config(&self) -> Config {
        let token = Credentials::Fixed(Credentials::bearer("ghp_1").unwrap());
        self.server.config(Scm::GitHub, API, token)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/o/r/blob/main/{path}", self.server.address)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let (path, text) = (path.to_owned(), text.to_owned());
        self.state.lock().unwrap().repository.change(|files| drop(files.insert(path, text)));
    }

    pub(crate) fn remove(&self, path: &str) {
        self.state.lock().unwrap().repository.change(|files| drop(files.remove(path)));
    }
}

/// What the fake answers to who is let in.
pub(crate) fn answer(state: &State, asked: &Asked) -> Response<Body> {
    if state.spent {
        let builder = Response::builder().status(403).header("x-ratelimit-limit", "5000");
        let builder = builder.header("x-ratelimit-remaining", "0").header("x-ratelimit-reset", "60");
        return builder.body(Body::from("{}")).unwrap();
    }
    if !state.authorizations.iter().any(|authorization| asked.shows(authorization)) {
        return status(404);
    }
    let path = asked.path();
    match path[..] {
        ["api", "v3", "repos", "o", "r", ref rest @ ..] if state.renamed => {
            let location = format!("/api/v3/repositories/1/{}?{}", rest.join("/"), query(asked));
            Response::builder().status(301).header("location", location).body(Body::empty()).unwrap()
        }
        ["api", "v3", "repositories", "1", ref rest @ ..] => in_repository(state, asked, rest),
        ["api", "v3", "repos", "o", "r", ref rest @ ..] => in_repository(state, asked, rest),
        _ => status(404),
    }
}

fn query(asked: &Asked) -> String {
    let pairs = asked.query.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join("&")
}

fn in_repository(state: &State, asked: &Asked, rest: &[&str]) -> Response<Body> {
    let repository = &state.repository;
    match rest {
        ["commits", reference] if repository.knows(reference) => {
            assert_eq!(asked.headers["accept"], "application/vnd.github.sha");
            asked.tagged(&repository.commit(), repository.commit())
        }
        // A ref that is not there.
        ["commits", _] => status(422),
        ["git", "trees", id] => tree(state, asked, id),
        ["contents", path @ ..] => {
            let path = path.join("/");
            let text = repository.text(&path);
            match text.filter(|_| repository.knows(asked.parameter("ref").unwrap())) {
                Some(_) if state.failing.contains(&path) => status(502),
                Some(text) => {
                    assert_eq!(asked.headers["accept"], "application/vnd.github.raw+json");
                    let answer = asked.tagged(&crate::repository::sha(text), text.clone());
                    if state.slow_but.as_ref().is_some_and(|quick| *quick != path) {
                        slowly(answer)
                    } else {
                        answer
                    }
                }
                None => status(404),
            }
        }
        _ => status(404),
    }
}

fn tree(state: &State, asked: &Asked, id: &str) -> Response<Body> {
    let directories = state.repository.directories();
    let directory = match state.repository.knows(id) {
        true => Some(""),
        false => directories.iter().find(|(_, known)| *known == id).map(|(path, _)| path.as_str()),
    };
    let Some(directory) = directory else { return status(404) };
    let deep = asked.parameter("recursive").is_some();
    let mut entries = state.repository.list(directory, deep);
    let limit = state.listed.filter(|limit| deep && *limit < entries.len());
    entries.truncate(limit.unwrap_or(usize::MAX));
    let entries = entries.iter().map(|(path, is_file, id)| {
        json!({"path": path, "type": if *is_file { "blob" } else { "tree" }, "sha": id, "mode": "100644"})
    });
    json(&json!({"sha": id, "tree": entries.collect::<Vec<_>>(), "truncated": limit.is_some()}))
}

/// A reader that follows these targets, and has read them.
pub(crate) async fn reading(config: Config, targets: &[&str], entities: usize) -> Reader {
    let mut reader = Reader::new(config);
    reader.follower.follow(vec![location("root", "url", targets)], &[]).await;
    reader.until("the first pass", |seen| entities_in(seen) == entities).await;
    reader.settle().await;
    reader
}

pub(crate) fn entities_in(reader: &Reader) -> usize {
    reader.documents.values().map(|document| document.submissions.len()).sum()
}

/// Goes on until the host was asked `count` more times for something with `part` in its line.
pub(crate) async fn until_asked(reader: &mut Reader, server: &Server, part: &str, count: usize) {
    let before = server.count(part);
    let poll = std::time::Duration::from_millis(20);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while server.count(part) < before + count {
        assert!(std::time::Instant::now() < deadline, "the host is not asked for {part}");
        reader.until_for(poll).await;
    }
}

#[tokio::test]
async fn a_private_repository_is_read_with_a_token() {
    let github = GitHub::start(&[("a/catalog-info.yaml", &system("a"))]).await;
    let url = github.url("a/catalog-info.yaml");
    let mut reader = reading(github.config(), &[&url], 1).await;
    assert_eq!(reader.names(&format!("url:{url}")), ["a"]);
    github.server.take();
    until_asked(&mut reader, &github.server, "contents", 2).await;
    let polls = github.server.take();
    assert!(polls.iter().all(|poll| poll.conditional && poll.status == 304), "{polls:?}");
    github.write("a/catalog-info.yaml", &system("b"));
    reader.until("the change", |seen| seen.names(&format!("url:{url}")) == ["b"]).await;
}

#[tokio::test]
async fn without_a_token_it_is_not_found_and_the_error_says_what_to_check() {
    let github = GitHub::start(&[("a.yaml", &system("a"))]).await;
    let url = github.url("a.yaml");
    let mut reader = Reader::new(github.server.config(Scm::GitHub, API, Credentials::None));
    reader.follower.follow(vec![location("root", "url", &[&url])], &[]).await;
    let document = format!("url:{url}");
    reader
        .until("the failure", |seen| seen.documents.get(&document).is_some_and(|d| d.last == "failed"))
        .await;
    let problem = &reader.documents[&document].errors[0];
    assert!(problem.message.contains("no matching files found"), "{problem:?}");
    assert!(problem.advice.as_deref().unwrap().contains("integrations.test[0]"), "{problem:?}");
}

/// A GitHub with many files below `services`.
pub(crate) async fn large(count: usize) -> GitHub {
    let files: Vec<(String, String)> = (0..count)
        .map(|index| {
            (format!("services/{}/s{index}/catalog-info.yaml", index % 7), system(&format!("s{index}")))
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let github = GitHub::start(&files).await;
    github.write("README.md", "nothing to read");
    github
}

#[tokio::test]
async fn a_pattern_costs_one_listing_and_an_unchanged_pass_one_conditional_request() {
    let github = large(3000).await;
    let pattern = github.url("**/catalog-info.yaml");
    let mut reader = reading(github.config(), &[&pattern], 3000).await;
    assert_eq!((github.server.count("/git/trees/"), github.server.count("/contents/")), (1, 3000));
    let expected =
        format!("url:http://{}/o/r/tree/main/services/0/s0/catalog-info.yaml", github.server.address);
    assert_eq!(reader.names(&expected), ["s0"]);

    github.server.take();
    until_asked(&mut reader, &github.server, "/commits/main", 3).await;
    let passes = github.server.take();
    let unchanged = |pass: &&crate::server::Exchange| {
        pass.conditional && pass.status == 304 && pass.line.ends_with("/commits/main")
    };
    assert_eq!(passes.iter().filter(unchanged).count(), passes.len(), "{passes:?}");

    github.write("services/0/s0/catalog-info.yaml", &system("changed"));
    reader.until("the change", |seen| seen.names(&expected) == ["changed"]).await;
    let change = github.server.take();
    assert_eq!(change.iter().filter(|asked| asked.line.contains("/git/trees/")).count(), 1);
    assert_eq!(change.iter().filter(|asked| asked.line.contains("/contents/")).count(), 1);
}

#[tokio::test]
async fn a_revoked_token_removes_nothing() {
    let github = large(20).await;
    let (pattern, single) = (github.url("services/**/catalog-info.yaml"), github.url("alone.yaml"));
    github.write("alone.yaml", &system("alone"));
    let mut reader = reading(github.config(), &[&pattern, &single], 21).await;
    let listed = reader.listed["root"].clone();
    github.state.lock().unwrap().authorizations.clear();
    github.server.take();
    reader.until("the failure", |seen| seen.states[&format!("url:{pattern}")].outcome == "failed").await;
    until_asked(&mut reader, &github.server, "/commits/main", 4).await;
    assert_eq!(entities_in(&reader), 21);
    assert_eq!(reader.listed["root"], listed, "nothing is taken for gone");
    assert!(reader.documents.values().all(|document| document.last != "absent"));
    let problem = &reader.states[&format!("url:{pattern}")].errors[0];
    assert!(problem.advice.as_deref().unwrap().contains("may not read it"), "{problem:?}");
    github.state.lock().unwrap().authorizations.insert("Bearer ghp_1".to_owned());
    reader.until("the return", |seen| seen.states[&format!("url:{pattern}")].outcome == "ok").await;
}

#[tokio::test]
async fn a_file_is_gone_only_where_its_repository_is_still_listed() {
    let github = GitHub::start(&[("dir/a.yaml", &system("a")), ("dir/b.yaml", &system("b"))]).await;
    let a = github.url("dir/a.yaml");
    let document = format!("url:{a}");
    let mut reader = reading(github.config(), &[&a], 1).await;
    github.state.lock().unwrap().repository.branch = "trunk".to_owned();
    reader.until("the renamed branch", |seen| seen.documents[&document].last == "failed").await;
    assert_eq!(reader.names(&document), ["a"]);
    github.state.lock().unwrap().repository.branch = "main".to_owned();
    github.remove("dir/a.yaml");
    reader.until("the absence", |seen| seen.documents[&document].last == "absent").await;
    let message = &reader.documents[&document].errors[0].message;
    assert!(message.contains("Unable to read url, no matching files found for http"), "{message}");
}

#[tokio::test]
async fn what_a_pattern_does_not_find_any_more_is_no_longer_listed() {
    let github = large(5).await;
    let pattern = github.url("services/**/catalog-info.yaml");
    let mut reader = reading(github.config(), &[&pattern], 5).await;
    github.remove("services/3/s3/catalog-info.yaml");
    reader.until("the removal", |seen| seen.listed["root"].len() == 4).await;
    github.write("services/9/new/catalog-info.yaml", &system("new"));
    reader.until("the addition", |seen| seen.submission("new").is_some()).await;
}

#[tokio::test]
async fn a_truncated_listing_is_completed_directory_by_directory() {
    let github = large(60).await;
    github.state.lock().unwrap().listed = Some(25);
    let pattern = github.url("**/catalog-info.yaml");
    let mut reader = reading(github.config(), &[&pattern], 60).await;
    assert_eq!(reader.listed["root"].len(), 60);
    github.server.take();
    until_asked(&mut reader, &github.server, "/commits/main", 2).await;
    assert!(github.server.take().iter().all(|asked| asked.status == 304), "an unchanged pass costs no more");
}

#[tokio::test]
async fn an_incomplete_listing_is_an_error_and_removes_nothing() {
    let github = large(30).await;
    let pattern = github.url("**/catalog-info.yaml");
    let mut reader = reading(github.config(), &[&pattern], 30).await;
    let empty = Repository::new(&[]);
    let files = std::mem::replace(&mut github.state.lock().unwrap().repository, empty);
    reader.until("the error", |seen| seen.states[&format!("url:{pattern}")].outcome == "failed").await;
    assert_eq!(reader.listed["root"].len(), 30);
    github.state.lock().unwrap().repository = files;
    reader.until("the return", |seen| seen.states[&format!("url:{pattern}")].outcome == "ok").await;
}

#[tokio::test]
async fn a_renamed_repository_is_followed_on_its_own_host() {
    let github = GitHub::start(&[("a.yaml", &system("a"))]).await;
    github.state.lock().unwrap().renamed = true;
    let reader = reading(github.config(), &[&github.url("*.yaml")], 1).await;
    assert_eq!(entities_in(&reader), 1);
}

#[tokio::test]
async fn a_spent_budget_is_waited_for() {
    let github = GitHub::start(&[("a.yaml", &system("a"))]).await;
    let url = github.url("a.yaml");
    let mut reader = reading(github.config(), &[&url], 1).await;
    github.state.lock().unwrap().spent = true;
    let document = format!("url:{url}");
    reader.until("the wait", |seen| seen.documents[&document].last == "failed").await;
    let message = &reader.documents[&document].errors[0].message;
    assert!(message.contains("asks to wait"), "{message}");
    assert_eq!(reader.states[&document].http_status, Some(403));
    github.server.take();
    reader.follower.refresh(&Places::All, false).await;
    reader.until_for(std::time::Duration::from_millis(200)).await;
    assert_eq!(github.server.take().len(), 0, "nothing is asked meanwhile");
}

#[tokio::test]
async fn after_a_restart_no_unchanged_file_is_read_again() {
    let github = large(10).await;
    let pattern = github.url("services/**/catalog-info.yaml");
    let reader = reading(github.config(), &[&pattern], 10).await;
    let known: Vec<_> = reader.listed["root"].iter().map(|document| listing("root", document)).collect();
    github.write("services/1/s1/catalog-info.yaml", &system("changed"));
    github.server.take();
    let mut again = Reader::resuming(github.config(), reader.states.clone());
    again.follower.follow(vec![location("root", "url", &[&pattern])], &known).await;
    again.until("the change", |seen| seen.submission("changed").is_some()).await;
    again.until("all is known", |seen| seen.documents.len() == 10).await;
    assert_eq!(github.server.count("/contents/"), 1);
    assert_eq!(again.documents.values().filter(|document| document.last == "unchanged").count(), 9);
}

#[tokio::test]
async fn hosts_are_reached_through_the_proxy_unless_they_are_excepted() {
    let github = GitHub::start(&[("a.yaml", &system("a"))]).await;
    let proxy = Url::parse(&format!("http://{}", github.server.address)).unwrap();
    let mut config = github.config();
    // Nobody but the proxy knows this host.
    config.git_hosts[0].host = "git.test".to_owned();
    config.git_hosts[0].api_base_url = Url::parse("http://git.test/api/v3").unwrap();
    config.network = Network { http_proxy: Some(proxy), ..Network::default() };
    let url = "http://git.test/o/r/blob/main/a.yaml";
    let reader = reading(config.clone(), &[url], 1).await;
    assert_eq!(reader.names(&format!("url:{url}")), ["a"]);
    config.network.no_proxy = Some("git.test".to_owned());
    let mut reader = Reader::new(config);
    reader.follower.follow(vec![location("root", "url", &[url])], &[]).await;
    let failed = |seen: &Reader| seen.documents.values().any(|document| document.last == "failed");
    reader.until("the failure", failed).await;
}
