//! The corpus of public descriptors, laid out as repositories and served.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use axum::{
    Router,
    extract::{Path as Requested, State},
    http::StatusCode,
    routing::get,
};
use tokio::net::TcpListener;

use super::shared;

/// Lays the corpus out as repositories; returns where, or nothing if it is not here.
pub(crate) fn laid_out(dir: &Path) -> Option<PathBuf> {
    let corpus = shared("corpus")?;
    let out = dir.join("repos");
    let done = Command::new("python3")
        .arg(corpus.join("layout.py"))
        .args([corpus.join("index.jsonl"), corpus.join("files"), out.clone()])
        .output()
        .expect("python3 runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some(out)
}

/// Serves the files below a folder until the test ends; returns host and port.
pub(crate) async fn serve_files(root: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let host = listener.local_addr().expect("it is bound").to_string();
    let root: Arc<Path> = root.into();
    let router = Router::new().route("/{*path}", get(file)).with_state(root);
    tokio::spawn(async move { axum::serve(listener, router).await });
    host
}

async fn file(
    State(root): State<Arc<Path>>,
    Requested(path): Requested<String>,
) -> Result<Vec<u8>, StatusCode> {
    tokio::fs::read(root.join(path)).await.map_err(|_| StatusCode::NOT_FOUND)
}
