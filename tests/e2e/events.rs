//! Webhooks of git hosts: signed, heeded at once, and refused without a signature.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use ring::hmac;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::support::{Catalog, Launch, component, eventually, write};

const PATIENCE: Duration = Duration::from_secs(30);
const SECRET: &str = "shared with the host";

/// A git host whose files can be changed. It answers as the API of GitHub does, and counts requests.
#[derive(Clone, Default)]
struct Host {
    files: Arc<Mutex<BTreeMap<String, String>>>,
    asked: Arc<Mutex<usize>>,
    address: String,
}

impl Host {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = Self { address: listener.local_addr().unwrap().to_string(), ..Self::default() };
        let router = Router::new().fallback(answer).with_state(host.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        host
    }

    /// Puts a file into a repository, such as `o/r`.
    fn put(&self, repository: &str, path: &str, text: String) {
        let path = format!("/api/v3/repos/{repository}/contents/{path}");
        self.files.lock().unwrap().insert(path, text);
    }

    fn remove(&self, repository: &str, path: &str) {
        let path = format!("/api/v3/repos/{repository}/contents/{path}");
        self.files.lock().unwrap().remove(&path).unwrap();
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }
}

/// The commit of every ref of a repository with files, and its listing.
fn listing(files: &BTreeMap<String, String>, path: &str) -> Option<Response> {
    let (repository, asked) = path.split_once("/commits/").or_else(|| path.split_once("/git/trees/"))?;
    let root = format!("{repository}/contents/");
    let names: Vec<&str> = files.keys().filter_map(|path| path.strip_prefix(&root)).collect();
    names.first()?;
    let commit = "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5";
    if asked == "main" {
        return Some(commit.into_response());
    }
    let tree: Vec<_> = names
        .iter()
        .map(|name| json!({"path": name, "type": "blob", "sha": commit, "mode": "100644"}))
        .collect();
    Some(json!({"sha": commit, "tree": tree, "truncated": false}).to_string().into_response())
}

async fn answer(State(host): State<Host>, request: Request) -> Response {
    *host.asked.lock().unwrap() += 1;
    if let Some(listing) = listing(&host.files.lock().unwrap(), request.uri().path()) {
        return listing;
    }
    let Some(text) = host.files.lock().unwrap().get(request.uri().path()).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let sum = text.bytes().fold(17_u64, |sum, byte| sum * 31 % 1_000_003 + u64::from(byte));
    let etag = format!("\"{sum:x}\"");
    if request.headers().get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    ([(header::ETAG, etag)], text).into_response()
}

/// A catalog that polls every six hours, and heeds `events`.
async fn catalog(dir: &TempDir, github: &Host, gitlab: &Host, events: &str) -> Catalog {
    let config = dir.path().join("app-config.yaml");
    let (hub, lab) = (&github.address, &gitlab.address);
    let text = format!(
        "integrations:\n  github:\n    - host: {hub}\n      apiBaseUrl: http://{hub}/api/v3\n      token: ghp_1\n  \
         gitlab:\n    - host: {lab}\n      apiBaseUrl: http://{lab}/api/v4\n      token: glpat-1\n\
         catalog:\n  processingInterval: PT6H\n{events}"
    );
    write(&config, &text);
    Launch::up(dir.path()).arg("--config").arg(config).start().await
}

/// All events, with a secret for GitHub and one for GitLab.
fn heeded() -> String {
    format!(
        "  scmEvents: true\nevents:\n  modules:\n    github: {{ webhookSecret: {SECRET} }}\n    gitlab: {{ webhookSecret: {SECRET} }}\n"
    )
}

fn signature(secret: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, body.as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

/// Sends what is no sound webhook, or one: status and answer.
async fn post(catalog: &Catalog, topic: &str, headers: &[(&str, &str)], body: String) -> (u16, Value) {
    let url = format!("{}/api/events/http/{topic}", catalog.url);
    let request = catalog.client.post(url).timeout(PATIENCE).header("content-type", "application/json");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer = request.body(body).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap())
}

/// Sends a webhook as GitHub does.
async fn github_tells(catalog: &Catalog, event: &str, body: &Value) {
    let body = body.to_string();
    let signature = signature(SECRET, &body);
    let headers = [
        ("x-github-event", event),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("x-hub-signature-256", signature.as_str()),
    ];
    let (status, answer) = post(catalog, "github", &headers, body).await;
    assert_eq!((status, &answer["status"]), (202, &json!("accepted")), "{answer}");
}

/// A push to `main` of `o/r`.
fn push(host: &Host, files: &Value) -> Value {
    json!({
        "ref": "refs/heads/main", "created": false, "deleted": false, "forced": false,
        "head_commit": {"url": host.url("o/r/commit/59b20b8")},
        "commits": [files],
        "repository": {"html_url": host.url("o/r"), "default_branch": "main"},
    })
}

/// Registers a place; its location.
async fn register(catalog: &Catalog, target: &str) -> Value {
    let url = format!("{}/api/catalog/locations", catalog.url);
    let request = catalog.client.post(url).timeout(PATIENCE).json(&json!({"type": "url", "target": target}));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 201);
    answer.json::<Value>().await.unwrap()["location"].clone()
}

async fn described(catalog: &Catalog, name: &str, wanted: &str) {
    let look = || catalog.entity("component", name);
    eventually(name, PATIENCE, look, |entity| {
        entity.as_ref().is_some_and(|entity| entity["metadata"]["description"] == wanted)
    })
    .await;
}

/// Waits until the registered places are these.
async fn registered(catalog: &Catalog, targets: &[&str]) -> Vec<Value> {
    let look = || async {
        let Value::Array(rows) = catalog.get("/api/catalog/locations").await else { panic!("an array") };
        rows.into_iter().map(|row| row["data"].clone()).collect::<Vec<_>>()
    };
    let good = |locations: &Vec<Value>| {
        let mut known: Vec<_> = locations.iter().filter_map(|location| location["target"].as_str()).collect();
        known.sort_unstable();
        known == targets
    };
    eventually("the registered locations", PATIENCE, look, good).await
}

#[tokio::test]
async fn a_signed_push_shows_what_changed_at_once_though_polling_is_hours_away() {
    let (github, gitlab, dir) = (Host::start().await, Host::start().await, TempDir::new().unwrap());
    github.put("o/r", "catalog-info.yaml", component("one", "before"));
    github.put("o/r", "other.yaml", component("two", "before"));
    let locations = format!(
        "  locations:\n    - type: url\n      target: {}\n",
        github.url("o/r/tree/HEAD/catalog-info.yaml")
    );
    let catalog = catalog(&dir, &github, &gitlab, &format!("{locations}{}", heeded())).await;
    register(&catalog, &github.url("o/r/blob/main/other.yaml")).await;
    described(&catalog, "one", "before").await;
    described(&catalog, "two", "before").await;
    catalog.settled().await;

    github.put("o/r", "catalog-info.yaml", component("one", "after"));
    github.put("o/r", "other.yaml", component("two", "after"));
    let before = github.asked();
    let sent = Instant::now();
    let changed = json!({"added": [], "modified": ["catalog-info.yaml"], "removed": []});
    github_tells(&catalog, "push", &push(&github, &changed)).await;
    described(&catalog, "one", "after").await;
    println!("visible {:?} after the push", sent.elapsed());
    assert_eq!(github.asked() - before, 1, "only what the push names is read");

    let changed = json!({"added": [], "modified": ["other.yaml"], "removed": []});
    github_tells(&catalog, "push", &push(&github, &changed)).await;
    described(&catalog, "two", "after").await;
    catalog.stop().await;
}

#[tokio::test]
async fn registered_locations_go_with_their_files_and_move_with_their_repositories() {
    let (github, gitlab, dir) = (Host::start().await, Host::start().await, TempDir::new().unwrap());
    for (repository, path, name) in
        [("o/r", "a.yaml", "one"), ("o/r", "b.yaml", "two"), ("o/r2", "a.yaml", "three")]
    {
        github.put(repository, path, component(name, "x"));
    }
    let catalog = catalog(&dir, &github, &gitlab, &heeded()).await;
    let (a, b) = (github.url("o/r/blob/main/a.yaml"), github.url("o/r/blob/main/b.yaml"));
    let namesake = github.url("o/r2/blob/main/a.yaml");
    let project = gitlab.url("g/old/-/blob/main/a.yaml");
    let kept = register(&catalog, &b).await;
    for place in [&a, &namesake, &project] {
        register(&catalog, place).await;
    }
    for name in ["one", "two", "three"] {
        described(&catalog, name, "x").await;
    }

    github.remove("o/r", "a.yaml");
    let removed = json!({"added": [], "modified": [], "removed": ["a.yaml"]});
    github_tells(&catalog, "push", &push(&github, &removed)).await;
    let mut left = [b.as_str(), namesake.as_str(), project.as_str()];
    left.sort_unstable();
    registered(&catalog, &left).await;
    eventually("the entity to go", PATIENCE, || catalog.entity("component", "one"), Option::is_none).await;

    github.put("o/renamed", "b.yaml", component("two", "moved along"));
    let renamed = json!({
        "action": "renamed",
        "changes": {"repository": {"name": {"from": "r"}}},
        "repository": {"html_url": github.url("o/renamed")},
    });
    github_tells(&catalog, "repository", &renamed).await;
    let moved = github.url("o/renamed/blob/main/b.yaml");
    let mut left = [moved.as_str(), namesake.as_str(), project.as_str()];
    left.sort_unstable();
    let locations = registered(&catalog, &left).await;
    let location = locations.iter().find(|location| location["target"] == moved).unwrap();
    assert_eq!((&location["id"], &location["entityRef"]), (&kept["id"], &kept["entityRef"]));
    described(&catalog, "two", "moved along").await;

    let hook = json!({"event_name": "project_rename", "path_with_namespace": "g/new", "old_path_with_namespace": "g/old"});
    let instance = gitlab.url("");
    let headers = [("x-gitlab-token", SECRET), ("x-gitlab-instance", instance.as_str())];
    let (status, _) = post(&catalog, "gitlab", &headers, hook.to_string()).await;
    assert_eq!(status, 202);
    let project = gitlab.url("g/new/-/blob/main/a.yaml");
    let mut left = [moved.as_str(), namesake.as_str(), project.as_str()];
    left.sort_unstable();
    registered(&catalog, &left).await;

    github.remove("o/renamed", "b.yaml");
    let deleted = json!({"action": "deleted", "repository": {"html_url": github.url("o/renamed")}});
    github_tells(&catalog, "repository", &deleted).await;
    let mut left = [namesake.as_str(), project.as_str()];
    left.sort_unstable();
    registered(&catalog, &left).await;
    assert!(catalog.entity("component", "three").await.is_some(), "a namesake is another repository");

    let told = catalog.metrics().await;
    for line in [
        r#"catalog_events_scm_messages{eventType="location"} 1"#,
        r#"catalog_events_scm_messages{eventType="repository"} 3"#,
        r#"catalog_events_scm_actions{action="delete"} 2"#,
        r#"catalog_events_scm_actions{action="move"} 2"#,
    ] {
        assert!(told.lines().any(|told| told == line), "{line} is not in\n{told}");
    }
    catalog.stop().await;
}

#[tokio::test]
async fn a_webhook_takes_nothing_away_that_its_host_still_serves() {
    let (github, gitlab, dir) = (Host::start().await, Host::start().await, TempDir::new().unwrap());
    github.put("o/r", "a.yaml", component("one", "before"));
    github.put("o/r", "b.yaml", component("two", "before"));
    let catalog = catalog(&dir, &github, &gitlab, &heeded()).await;
    let place = github.url("o/r/blob/main/a.yaml");
    register(&catalog, &place).await;
    described(&catalog, "one", "before").await;

    let removed = push(&github, &json!({"added": [], "modified": [], "removed": ["a.yaml"]}));
    let unstarred =
        json!({"action": "deleted", "starred_at": null, "repository": {"html_url": github.url("o/r")}});
    for (round, (event, old)) in [("push", &removed), ("repository", &unstarred)].into_iter().enumerate() {
        let wanted = format!("round {}", round + 1);
        github.put("o/r", "a.yaml", component("one", &wanted));
        // What is read because of it is what shows the change.
        github_tells(&catalog, event, old).await;
        described(&catalog, "one", &wanted).await;
        registered(&catalog, &[&place]).await;
    }

    github.remove("o/r", "a.yaml");
    github_tells(&catalog, "push", &removed).await;
    registered(&catalog, &[]).await;
    catalog.stop().await;
}

#[tokio::test]
async fn a_secret_speaks_only_for_hosts_that_stand_in_the_configuration() {
    let (github, gitlab, dir) = (Host::start().await, Host::start().await, TempDir::new().unwrap());
    let catalog = catalog(&dir, &github, &gitlab, &heeded()).await;
    let hook = json!({"event_name": "project_destroy", "path_with_namespace": "g/p"}).to_string();
    let instance = gitlab.url("");
    for (instance, expected) in [("https://gitlab.com", 400), (instance.as_str(), 202)] {
        let headers = [("x-gitlab-token", SECRET), ("x-gitlab-instance", instance)];
        let (status, answer) = post(&catalog, "gitlab", &headers, hook.clone()).await;
        assert_eq!(status, expected, "{answer}");
    }
    // Nothing but the audit record names the repository.
    let taken = format!(r#""repository":"{instance}g/p""#);
    eventually("the record", PATIENCE, || catalog.output(), |output| output.contains(&taken)).await;
    catalog.stop().await;
}

#[tokio::test]
async fn what_is_not_signed_changes_nothing_and_says_what_to_set() {
    let (github, gitlab, dir) = (Host::start().await, Host::start().await, TempDir::new().unwrap());
    github.put("o/r", "a.yaml", component("one", "x"));
    let events =
        format!("  scmEvents: true\nevents: {{ modules: {{ github: {{ webhookSecret: {SECRET} }} }} }}\n");
    let catalog = catalog(&dir, &github, &gitlab, &events).await;
    let place = github.url("o/r/blob/main/a.yaml");
    register(&catalog, &place).await;
    described(&catalog, "one", "x").await;
    catalog.settled().await;
    let before = github.asked();

    let removed =
        push(&github, &json!({"added": [], "modified": ["x.yaml"], "removed": ["a.yaml"]})).to_string();
    let wrong = signature("another secret", &removed);
    for headers in
        [vec![], vec![("x-hub-signature-256", wrong.as_str())], vec![("x-hub-signature", "sha1=0")]]
    {
        let headers = [headers, vec![("x-github-event", "push")]].concat();
        let (status, answer) = post(&catalog, "github", &headers, removed.clone()).await;
        assert_eq!((status, &answer["error"]["name"]), (403, &json!("NotAllowedError")), "{answer}");
    }
    let (status, answer) = post(&catalog, "gitlab", &[("x-gitlab-token", "")], removed.clone()).await;
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(status == 403 && message.contains("events.modules.gitlab.webhookSecret"), "{answer}");
    let (status, answer) = post(&catalog, "bitbucketCloud", &[], removed.clone()).await;
    assert_eq!((status, &answer["error"]["name"]), (404, &json!("NotFoundError")), "{answer}");

    let nonsense = "payload=%7B%7D";
    let signed = signature(SECRET, nonsense);
    let headers = [("x-github-event", "push"), ("x-hub-signature-256", signed.as_str())];
    let (status, answer) = post(&catalog, "github", &headers, nonsense.to_owned()).await;
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(status == 400 && message.contains("application/json"), "{answer}");
    let (status, _) = post(&catalog, "github", &headers, "x".repeat(5_000_001)).await;
    assert_eq!(status, 413);

    assert_eq!(registered(&catalog, &[&place]).await.len(), 1);
    assert!(catalog.entity("component", "one").await.is_some());
    assert_eq!(github.asked(), before, "nothing was read");
    catalog.stop().await;
}

#[tokio::test]
async fn events_do_only_what_the_configuration_lets_them_do() {
    let (github, gitlab, dir) = (Host::start().await, Host::start().await, TempDir::new().unwrap());
    github.put("o/r", "a.yaml", component("one", "before"));
    let running = catalog(&dir, &github, &gitlab, &heeded().replace("true", "false")).await;
    let (status, answer) = post(&running, "github", &[], "{}".to_owned()).await;
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(status == 404 && message.contains("catalog.scmEvents"), "{answer}");
    running.stop().await;

    let running = catalog(&dir, &github, &gitlab, &heeded().replace("true", "{ refresh: true }")).await;
    let place = github.url("o/r/blob/main/a.yaml");
    register(&running, &place).await;
    described(&running, "one", "before").await;
    github.put("o/r", "a.yaml", component("one", "after"));
    let removed = json!({"added": [], "modified": [], "removed": ["a.yaml"]});
    github_tells(&running, "push", &push(&github, &removed)).await;
    described(&running, "one", "after").await;
    registered(&running, &[&place]).await;
    running.stop().await;
}
