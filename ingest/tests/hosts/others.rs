//! The other products: what is asked of each, for one file and for a pattern, and with what shown.

use std::sync::Arc;

use axum::{body::Body, http::Response};
use backstitch_ingest::{Follower, hosts::Credentials};
use backstitch_schemas::scm::Scm;
use serde_json::json;

use crate::{
    repository::Repository,
    server::{Asked, Server, json, status},
    support::{Reader, location, system},
};

fn repository() -> Repository {
    Repository::new(&[("a.yaml", &system("a")), ("dir/b.yaml", &system("b")), ("dir/b.txt", "no")])
}

/// Reads `single` and `pattern` of the host with `answer`: both find `a`, the pattern `b` as well. What
/// is listed is shown by `listed`.
async fn check(
    scm: Scm,
    api: &str,
    shown: &'static str,
    answer: fn(&Repository, &Asked) -> Response<Body>,
    (single, pattern, listed): (&str, &str, &str),
) {
    let repository = Arc::new(repository());
    let server =
        Server::start(move |asked| if asked.shows(shown) { answer(&repository, asked) } else { status(404) })
            .await;
    let credentials = match shown.split_once(' ').unwrap() {
        ("token", token) => Credentials::Fixed(Credentials::token(token).unwrap()),
        ("Bearer", token) => Credentials::Fixed(Credentials::bearer(token).unwrap()),
        _ => Credentials::Fixed(Credentials::basic("ann", "secret")),
    };
    let host = format!("http://{}", server.address);
    for (target, expected) in [(single, vec!["a"]), (pattern, vec!["a", "b"])] {
        let mut reader = Reader::new(server.config(scm, api, credentials.clone()));
        let target = format!("{host}{target}");
        reader.follower.follow(vec![location("root", "url", &[&target])], &[]).await;
        reader
            .until(&target, |seen| {
                let mut names: Vec<_> = seen.documents.keys().flat_map(|key| seen.names(key)).collect();
                names.sort_unstable();
                names == expected
            })
            .await;
        if target.contains('*') {
            assert!(reader.listed["root"].contains(&format!("url:{host}{listed}")), "{:?}", reader.listed);
        }
    }
}

#[tokio::test]
async fn bitbucket_cloud() {
    fn answer(repository: &Repository, asked: &Asked) -> Response<Body> {
        match asked.path()[..] {
            ["2.0", "repositories", "w", "r", "commits", reference] if repository.knows(reference) => {
                json(&json!({"values": [{"hash": repository.commit()}]}))
            }
            ["2.0", "repositories", "w", "r", "src", reference, ""] if repository.knows(reference) => {
                let deep = asked.parameter("max_depth") != Some("1");
                let entry = |(path, is_file, _): (String, bool, String)| json!({"path": path, "type": if is_file { "commit_file" } else { "commit_directory" }});
                let entries: Vec<_> = repository.list("", deep).into_iter().map(entry).collect();
                json(&json!({"values": entries, "pagelen": 100}))
            }
            ["2.0", "repositories", "w", "r", "src", reference, ref path @ ..]
                if repository.knows(reference) =>
            {
                let text = repository.text(&path.join("/"));
                text.map_or(status(404), |text| Response::new(Body::from(text.clone())))
            }
            _ => status(404),
        }
    }
    let urls = ("/w/r/src/main/a.yaml", "/w/r/src/main/**/*.yaml", "/w/r/src/main/dir/b.yaml");
    check(Scm::BitbucketCloud, "/2.0", "Basic YW5uOnNlY3JldA==", answer, urls).await;
}

#[tokio::test]
async fn bitbucket_server() {
    fn answer(repository: &Repository, asked: &Asked) -> Response<Body> {
        let path = asked.path();
        let ["rest", "api", "1.0", "projects", "K", "repos", "r", ref rest @ ..] = path[..] else {
            return status(404);
        };
        let at = asked.parameter("at").or(asked.parameter("until")).unwrap_or("HEAD");
        match rest {
            _ if !repository.knows(at) => status(404),
            ["commits"] => json(&json!({"values": [{"id": repository.commit()}], "isLastPage": true})),
            ["files"] => {
                let paths: Vec<_> = repository.paths();
                let start: usize = asked.parameter("start").map_or(0, |start| start.parse().unwrap());
                let last = start + 1 >= paths.len();
                json(&json!({
                    "values": [paths[start]],
                    "isLastPage": last,
                    "nextPageStart": (!last).then_some(start + 1),
                }))
            }
            ["raw", path @ ..] => {
                let text = repository.text(&path.join("/"));
                text.map_or(status(404), |text| Response::new(Body::from(text.clone())))
            }
            _ => status(404),
        }
    }
    let urls = (
        "/projects/K/repos/r/browse/a.yaml?at=main",
        "/projects/K/repos/r/browse/**/*.yaml?at=main",
        "/projects/K/repos/r/browse/dir/b.yaml?at=main",
    );
    check(Scm::BitbucketServer, "/rest/api/1.0", "Bearer bbs", answer, urls).await;
}

#[tokio::test]
async fn azure_devops() {
    fn answer(repository: &Repository, asked: &Asked) -> Response<Body> {
        let path = asked.path();
        let ["o", "p", "_apis", "git", "repositories", "r", resource] = path[..] else { return status(404) };
        let version = asked.parameter("versionDescriptor.version");
        let version = version.or(asked.parameter("searchCriteria.itemVersion.version"));
        match resource {
            _ if !repository.knows(version.unwrap()) => status(404),
            "commits" => json(&json!({"count": 1, "value": [{"commitId": repository.commit()}]})),
            "items" if asked.parameter("recursionLevel").is_some() => {
                let root = json!({"objectId": "0", "gitObjectType": "tree", "path": "/"});
                let entries = repository.list("", true).into_iter().map(|(path, is_file, id)| {
                    let kind = if is_file { "blob" } else { "tree" };
                    json!({"objectId": id, "gitObjectType": kind, "path": format!("/{path}")})
                });
                let value: Vec<_> = [root].into_iter().chain(entries).collect();
                json(&json!({"value": value}))
            }
            "items" => {
                let path = asked.parameter("path").unwrap().trim_start_matches('/');
                let text = repository.text(path);
                text.map_or(status(404), |text| Response::new(Body::from(text.clone())))
            }
            _ => status(404),
        }
    }
    let urls = (
        "/o/p/_git/r?path=/a.yaml&version=GBmain",
        "/o/p/_git/r?path=/**/*.yaml&version=GBmain",
        "/o/p/_git/r?path=%2Fdir%2Fb.yaml&version=GBmain",
    );
    check(Scm::AzureDevOps, "", "Basic YW5uOnNlY3JldA==", answer, urls).await;
}

#[tokio::test]
async fn gitea() {
    fn answer(repository: &Repository, asked: &Asked) -> Response<Body> {
        let path = asked.path();
        let ["api", "v1", "repos", "o", "r", ref rest @ ..] = path[..] else { return status(404) };
        let reference = asked.parameter("ref").or(asked.parameter("sha"));
        match rest {
            _ if reference.is_some_and(|name| !repository.knows(name)) => status(404),
            ["commits"] => json(&json!([{"sha": repository.commit()}])),
            ["git", "trees", id] if repository.knows(id) => {
                let entries = repository.list("", asked.parameter("recursive") == Some("true"));
                let page: usize = asked.parameter("page").unwrap().parse().unwrap();
                let shown = entries.iter().skip((page - 1) * 2).take(2).map(|(path, is_file, id)| {
                    json!({"path": path, "type": if *is_file { "blob" } else { "tree" }, "sha": id})
                });
                let shown: Vec<_> = shown.collect();
                json(&json!({"tree": shown, "truncated": page * 2 < entries.len(), "page": page}))
            }
            ["raw", path @ ..] => {
                let text = repository.text(&path.join("/"));
                text.map_or(status(404), |text| Response::new(Body::from(text.clone())))
            }
            _ => status(404),
        }
    }
    let urls =
        ("/o/r/src/branch/main/a.yaml", "/o/r/src/branch/main/**/*.yaml", "/o/r/src/branch/main/dir/b.yaml");
    check(Scm::Gitea, "/api/v1", "token t0k", answer, urls).await;
}
