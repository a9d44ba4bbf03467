//! A server on the loopback interface that notes what it is asked.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Response, StatusCode, header},
};
use backstitch_ingest::{
    hosts::{Credentials, GitHost},
    locations::{Config, Interval},
};
use backstitch_schemas::scm::Scm;
use url::Url;

/// What a host is asked.
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Decoded segments of the path.
    pub(crate) segments: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
}

/// What it was asked, and what it answered.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// Method and path, such as `GET /repos/o/r/commits/main`.
    pub(crate) line: String,
    pub(crate) conditional: bool,
    pub(crate) status: u16,
}

type Handler = Arc<dyn Fn(&Asked) -> Response<Body> + Send + Sync>;

/// A server on the loopback interface.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: String,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
    handler: Handler,
}

impl Server {
    pub(crate) async fn start(handler: impl Fn(&Asked) -> Response<Body> + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = Self { address, exchanges: Arc::default(), handler: Arc::new(handler) };
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    /// Forgets what it was asked, and says it.
    pub(crate) fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.exchanges.lock().unwrap())
    }

    /// How often it was asked for something with this in its line.
    pub(crate) fn count(&self, part: &str) -> usize {
        self.exchanges.lock().unwrap().iter().filter(|exchange| exchange.line.contains(part)).count()
    }

    /// A configuration that reads this host, with short waits.
    pub(crate) fn config(&self, scm: Scm, api: &str, credentials: Credentials) -> Config {
        let wait = Duration::from_millis(50);
        let host = GitHost {
            scm,
            host: self.address.clone(),
            api_base_url: Url::parse(&format!("http://{}{api}", self.address)).unwrap(),
            raw_base_url: None,
            credentials,
            setting: "integrations.test[0]".to_owned(),
        };
        Config {
            git_hosts: vec![host],
            interval: Some(Interval { min: wait, max: wait }),
            requests_per_second: 100_000,
            requests_per_host: 16,
            ..Config::default()
        }
    }
}

impl Asked {
    /// Whether the request shows this.
    pub(crate) fn shows(&self, authorization: &str) -> bool {
        self.headers.get(header::AUTHORIZATION).is_some_and(|shown| shown == authorization)
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(present, _)| present == name).map(|(_, value)| value.as_str())
    }

    /// The segments as texts, for matching.
    pub(crate) fn path(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// 200 with an ETag, or 304 to who knows it.
    pub(crate) fn tagged(&self, tag: &str, body: impl Into<Body>) -> Response<Body> {
        let etag = format!("\"{tag}\"");
        let known = self.headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == etag.as_str());
        let builder = Response::builder().header(header::ETAG, etag);
        if known {
            return builder.status(304).body(Body::empty()).unwrap();
        }
        builder.body(body.into()).unwrap()
    }
}

/// An answer without anything in it.
pub(crate) fn status(status: u16) -> Response<Body> {
    Response::builder().status(StatusCode::from_u16(status).unwrap()).body(Body::from("{}")).unwrap()
}

/// The time that an answer takes.
#[derive(Clone, Copy)]
struct Slow(Duration);

/// The same answer after five seconds.
pub(crate) fn slowly(mut answer: Response<Body>) -> Response<Body> {
    answer.extensions_mut().insert(Slow(Duration::from_secs(5)));
    answer
}

/// An answer of JSON.
pub(crate) fn json(value: &serde_json::Value) -> Response<Body> {
    Response::new(Body::from(value.to_string()))
}

async fn answer(State(server): State<Server>, request: Request) -> Response<Body> {
    let url = Url::parse(&format!("http://host{}", request.uri().path_and_query().unwrap())).unwrap();
    let decode = |segment: &str| {
        let query = Url::parse(&format!("http://host/?x={}", segment.replace('+', "%2B"))).unwrap();
        query.query_pairs().next().map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let asked = Asked {
        method: request.method().to_string(),
        segments: url.path_segments().unwrap().map(decode).collect(),
        query: url.query_pairs().into_owned().collect(),
        headers: request.headers().clone(),
    };
    let response = (server.handler)(&asked);
    server.exchanges.lock().unwrap().push(Exchange {
        line: format!("{} /{}", asked.method, asked.segments.join("/")),
        conditional: asked.headers.contains_key(header::IF_NONE_MATCH),
        status: response.status().as_u16(),
    });
    if let Some(Slow(time)) = response.extensions().get::<Slow>().copied() {
        tokio::time::sleep(time).await;
    }
    response
}
