//! A tree of descriptors on a server that is having a bad day.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{Response, StatusCode, header},
};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::support::{Launch, component, eventually, write};

const FILES: usize = 30;
/// The file that its Location stops listing in the middle of the trouble.
const DROPPED: usize = 7;

/// How the server behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    /// Every request is answered.
    Well,
    /// Every second request or so goes wrong, each time in another way.
    Flaky,
    /// Nothing is found, as if a token had expired.
    Blind,
}

struct Server {
    mood: Mood,
    listed: Vec<usize>,
    /// Requests by path since the mood changed.
    requests: HashMap<String, usize>,
    /// Good answers by path since the mood changed.
    answered: HashMap<String, usize>,
}

type Shared = Arc<Mutex<Server>>;

impl Server {
    fn set(&mut self, mood: Mood) {
        self.mood = mood;
        self.requests.clear();
        self.answered.clear();
    }

    fn content(&self, path: &str) -> String {
        if path == "root.yaml" {
            let targets: String = self.listed.iter().map(|i| format!("    - ./file-{i}.yaml\n")).collect();
            return format!(
                "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata:\n  name: tree\nspec:\n  type: url\n  targets:\n{targets}"
            );
        }
        component(path.trim_end_matches(".yaml"), "x")
    }

    /// The trouble that the next request for `path` gets, if any.
    fn trouble(&mut self, path: &str) -> Option<Trouble> {
        let count = self.requests.entry(path.to_owned()).or_default();
        *count += 1;
        let turn = *count + path.len();
        let trouble = match self.mood {
            Mood::Well => None,
            Mood::Blind => Some(Trouble::Status(StatusCode::NOT_FOUND)),
            Mood::Flaky => match turn % 6 {
                0 => Some(Trouble::Status(StatusCode::TOO_MANY_REQUESTS)),
                1 => Some(Trouble::Status(StatusCode::SERVICE_UNAVAILABLE)),
                2 => Some(Trouble::Truncated),
                3 => Some(Trouble::Silence),
                _ => None,
            },
        };
        if trouble.is_none() {
            *self.answered.entry(path.to_owned()).or_default() += 1;
        }
        trouble
    }
}

enum Trouble {
    Status(StatusCode),
    Truncated,
    Silence,
}

async fn answer(State(server): State<Shared>, Path(path): Path<String>) -> Response<Body> {
    let (trouble, content) = {
        let mut server = server.lock().unwrap();
        (server.trouble(&path), server.content(&path))
    };
    match trouble {
        None => Response::new(Body::from(content)),
        Some(Trouble::Status(status)) => {
            Response::builder().status(status).header(header::RETRY_AFTER, "0").body(Body::empty()).unwrap()
        }
        Some(Trouble::Truncated) => {
            let cut = content[..content.len() / 2].to_owned();
            Response::builder()
                .header(header::CONTENT_LENGTH, content.len())
                .body(Body::from_stream(futures::stream::iter([Ok(cut), Err("cut off")])))
                .unwrap()
        }
        Some(Trouble::Silence) => std::future::pending().await,
    }
}

#[tokio::test]
async fn nothing_disappears_but_what_its_location_no_longer_lists() {
    let server = Server {
        mood: Mood::Well,
        listed: (0..FILES).collect(),
        requests: HashMap::new(),
        answered: HashMap::new(),
    };
    let server: Shared = Arc::new(Mutex::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let router = Router::new().route("/{*path}", axum::routing::get(answer)).with_state(Arc::clone(&server));
    tokio::spawn(async move { axum::serve(listener, router).await });

    let dir = TempDir::new().unwrap();
    let config = dir.path().join("app-config.yaml");
    let text = format!(
        "backend:\n  reading:\n    allow:\n      - host: {host}\ncatalog:\n  processingInterval: {{ seconds: 1 }}\n  \
         locations:\n    - type: url\n      target: http://{host}/root.yaml\nbackstitch:\n  ingest:\n    \
         requestTimeout: {{ milliseconds: 300 }}\n"
    );
    write(&config, &text);
    let catalog = Launch::up(dir.path()).arg("--config").arg(config).start().await;
    let count = || async {
        let found = catalog.get("/api/catalog/entities/by-query?limit=0&filter=kind=component").await;
        found["totalItems"].as_u64().unwrap()
    };
    let patience = Duration::from_secs(60);
    eventually("all files", patience, count, |seen| *seen == FILES as u64).await;

    let asked = |at_least: usize| {
        let server = server.lock().unwrap();
        (0..FILES).all(|i| server.requests.get(&format!("file-{i}.yaml")).is_some_and(|n| *n >= at_least))
    };
    for mood in [Mood::Blind, Mood::Flaky] {
        server.lock().unwrap().set(mood);
        let look = || async { (asked(2), count().await) };
        let (_, seen) = eventually("another round of requests", patience, look, |(asked, seen)| {
            assert_eq!(*seen, FILES as u64, "an entity went while the server was {mood:?}");
            *asked
        })
        .await;
        assert_eq!(seen, FILES as u64);
    }

    server.lock().unwrap().listed.retain(|i| *i != DROPPED);
    eventually("the dropped file to go", patience, count, |seen| {
        assert!(*seen >= FILES as u64 - 1, "more went than was dropped");
        *seen == FILES as u64 - 1
    })
    .await;
    assert!(catalog.entity("component", &format!("file-{DROPPED}")).await.is_none());
    let status = catalog.get("/api/catalog/v1/status").await;
    assert!(status["problemsTotal"].as_u64().unwrap() > 0, "{status:#}");
    catalog.stop().await;
}
