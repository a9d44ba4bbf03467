//! A host on the loopback interface that answers what a test says.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Response, header},
};
use backstitch_ingest::locations::{AllowedHost, Config, Interval};

/// What the host answers for one path.
#[derive(Clone)]
pub(crate) enum Answer {
    /// The text, with an ETag made of it.
    Text(String),
    Status(u16),
    /// A status and `Retry-After`, in seconds.
    Wait(u16, u64),
    Redirect(String),
    /// Announces more bytes than it sends.
    Truncated(String),
    /// The text, after a while.
    Slow(Duration, String),
    /// Never answers.
    Silence,
}

/// A host on the loopback interface.
#[derive(Clone)]
pub(crate) struct Host {
    answers: Arc<Mutex<HashMap<String, Answer>>>,
    /// Path, whether an ETag was sent, in order.
    requests: Arc<Mutex<Vec<(String, bool)>>>,
    /// Limit, what is left of it, and seconds until the next window, if the host tells.
    pub(crate) budget: Arc<Mutex<Option<(u64, u64, u64)>>>,
    pub(crate) address: String,
}

impl Host {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = Self {
            answers: Arc::default(),
            requests: Arc::default(),
            budget: Arc::default(),
            address: listener.local_addr().unwrap().to_string(),
        };
        let router = Router::new().route("/{*path}", axum::routing::get(answer)).with_state(host.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        host
    }

    pub(crate) fn says(&self, path: &str, answer: Answer) -> String {
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
        format!("http://{}/{path}", self.address)
    }

    pub(crate) fn requests(&self, path: &str) -> usize {
        self.requests.lock().unwrap().iter().filter(|(asked, _)| asked == path).count()
    }

    /// How many requests there were, whatever they asked for.
    pub(crate) fn all_requests(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// Whether all requests after the first `count` sent an ETag.
    pub(crate) fn all_conditional_after(&self, count: usize) -> bool {
        self.requests.lock().unwrap()[count..].iter().all(|(_, etag)| *etag)
    }

    /// A configuration that allows this host, with short waits.
    pub(crate) fn config(&self) -> Config {
        let wait = Duration::from_millis(30);
        Config {
            allow: vec![AllowedHost { host: self.address.clone(), paths: None }],
            interval: Some(Interval { min: wait, max: wait }),
            read_timeout: Duration::from_millis(400),
            requests_per_second: 1000,
            ..Config::default()
        }
    }
}

async fn answer(State(host): State<Host>, Path(path): Path<String>, headers: HeaderMap) -> Response<Body> {
    let etag = headers.get(header::IF_NONE_MATCH).map(|etag| etag.to_str().unwrap().to_owned());
    host.requests.lock().unwrap().push((path.clone(), etag.is_some()));
    let answer = host.answers.lock().unwrap().get(&path).cloned().unwrap_or(Answer::Status(404));
    let budget = host.budget.lock().unwrap().as_mut().map(|budget| {
        budget.1 = budget.1.saturating_sub(1);
        *budget
    });
    let plain = |status: u16| {
        let response = Response::builder().status(status);
        let Some((limit, remaining, reset)) = budget else { return response };
        let response = response.header("ratelimit-limit", limit).header("ratelimit-remaining", remaining);
        response.header("ratelimit-reset", reset)
    };
    match answer {
        Answer::Text(text) => {
            let current = format!("\"{}\"", backstitch_schemas::Digest::of(text.as_bytes()));
            if etag.as_ref() == Some(&current) {
                return plain(304).body(Body::empty()).unwrap();
            }
            plain(200).header(header::ETAG, current).body(Body::from(text)).unwrap()
        }
        Answer::Status(status) => plain(status).body(Body::from("kind: Nonsense")).unwrap(),
        Answer::Wait(status, seconds) => {
            plain(status).header(header::RETRY_AFTER, seconds).body(Body::empty()).unwrap()
        }
        Answer::Redirect(target) => plain(302).header(header::LOCATION, target).body(Body::empty()).unwrap(),
        Answer::Truncated(text) => {
            let chunks = [Ok(text), Err(std::io::Error::other("cut off"))];
            plain(200).body(Body::from_stream(futures::stream::iter(chunks))).unwrap()
        }
        Answer::Slow(wait, text) => {
            tokio::time::sleep(wait).await;
            plain(200).body(Body::from(text)).unwrap()
        }
        Answer::Silence => std::future::pending().await,
    }
}
