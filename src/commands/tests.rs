//! The client commands against a server that answers from a script.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use clap::Parser;
use serde_json::{Value, json};

use super::*;
use crate::cli::{Cli, Command};
use crate::client::Client;
use crate::report::Invitation;

/// Serves `answers` to one request after the other; the last one again and again.
async fn server(answers: Vec<(StatusCode, Value)>) -> String {
    // Fails only if another test was first.
    drop(rustls::crypto::ring::default_provider().install_default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let next = Arc::new(AtomicUsize::new(0));
    let answer = move |method: Method, uri: Uri| {
        let index = next.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        let (status, mut body) = answers[index].clone();
        if body == "echo" {
            body = json!({"error": {"name": "NotAllowedError", "message": format!("{method} {uri}")}});
        }
        async move { (status, axum::Json(body)) }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    url
}

async fn run(server: &str, args: &[&str]) -> Result<String, String> {
    let words = [&["backstitch"], args, &["--server", server]].concat();
    let mut out = Vec::new();
    let outcome = match Cli::parse_from(words).command {
        Command::Status(args) => status(&args, Path::new("/site"), &mut out).await,
        Command::Providers(args) => providers(&args, &mut out).await,
        other => panic!("{other:?} is no client command"),
    };
    outcome.map(|()| String::from_utf8(out).unwrap()).map_err(|error| format!("{error:#}"))
}

fn busy() -> (StatusCode, Value) {
    (StatusCode::OK, json!({"busy": true, "lag": {"changes": 3, "processed": 1}}))
}

#[tokio::test]
async fn waiting_ends_when_nothing_is_under_way() {
    let idle = (StatusCode::OK, json!({"busy": false, "revision": 7, "entities": 1}));
    let server = server(vec![busy(), busy(), idle]).await;
    let shown = run(&server, &["status", "--wait"]).await.unwrap();
    assert_eq!(shown, "revision 7, 1 entity, 0 problems\nup to date\n");
}

#[tokio::test]
async fn waiting_ends_when_the_time_is_up() {
    let server = server(vec![busy()]).await;
    let error = run(&server, &["status", "--wait", "--timeout", "0"]).await.unwrap_err();
    assert_eq!(error, "still busy after 0 s: 3 to process, 1 to stitch");
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_words() {
    let server = server(vec![(StatusCode::FORBIDDEN, json!("echo"))]).await;
    let error = run(&server, &["providers", "confirm", "a b/c"]).await.unwrap_err();
    assert!(error.contains("POST /api/ingest/v1/providers/a%20b%2Fc/confirm"), "{error}");
    assert!(error.contains("--token"), "{error}");
    let error = run(&server, &["providers", "withdraw", "x"]).await.unwrap_err();
    assert!(error.contains("DELETE /api/ingest/v1/providers/x"), "{error}");
}

#[tokio::test]
async fn providers_are_listed_with_what_they_hold() {
    let held = json!({"providers": [{"name": "inventory", "entities": 40, "held": {"removals": 1}}]});
    let server = server(vec![(StatusCode::OK, held)]).await;
    let shown = run(&server, &["providers", "list"]).await.unwrap();
    assert_eq!(
        shown,
        "provider inventory: 40 entities\n  1 removal is held\n    let them go:   backstitch providers confirm inventory\n    keep them:     backstitch providers discard inventory\n"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_with_the_option() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    drop(rustls::crypto::ring::default_provider().install_default());
    let error = run(&url, &["status"]).await.unwrap_err();
    assert!(error.starts_with(&format!("no answer from {url}/")) && error.contains("--server"), "{error}");
}

#[tokio::test]
async fn up_watches_the_first_read_and_says_what_came_of_it() {
    let idle = (StatusCode::OK, json!({"busy": false, "entities": 149, "problemsTotal": 6}));
    let server = server(vec![busy(), idle]).await;
    let mut out = Vec::new();
    let invitation = Invitation { url: &server, edit: None };
    let client = Client::new(&server, None).unwrap();
    let mut screen = Screen::new(&mut out, true);
    screen.watch(&client, &invitation, Path::new("/site"), Instant::now()).await.unwrap();
    let shown = String::from_utf8(out).unwrap();
    let (progress, rest) = shown.rsplit_once("\r\x1b[2K").unwrap();
    assert!(progress.contains("4 records to go"), "{shown:?}");
    assert!(rest.starts_with("149 entities, 6 problems, "), "{rest:?}");
    assert!(rest.contains("6 more problems: backstitch status"), "{rest:?}");
}
