//! A client of `GET /v1/changes` as server-sent events.

use std::time::Duration;

use axum::{
    body::{Body, BodyDataStream},
    http::Request,
};
use backstitch_read_model::Revision;
use futures::StreamExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::fixture::Fixture;

const PATH: &str = "/api/catalog/v1/changes";

/// One server-sent event.
#[derive(Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: Option<i64>,
    pub(crate) data: Value,
}

impl Event {
    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let data = serde_json::from_str(field("data")?).unwrap();
        Some(Self { name: field("event")?.to_owned(), id: field("id").map(|id| id.parse().unwrap()), data })
    }
}

/// A client that reads a stream.
pub(crate) struct Client {
    stream: BodyDataStream,
    buffer: String,
}

impl Client {
    pub(crate) async fn open(fixture: &Fixture, query: &str, last_id: Option<i64>) -> Self {
        let mut request = Request::get(format!("{PATH}{query}")).header("accept", "text/event-stream");
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = fixture.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { stream: response.into_body().into_data_stream(), buffer: String::new() }
    }

    /// The next event; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.buffer.split_once("\n\n") {
                let event = Event::parse(event);
                self.buffer = rest.to_owned();
                if event.is_some() {
                    return event;
                }
                continue;
            }
            let part = tokio::time::timeout(Duration::from_secs(10), self.stream.next()).await;
            let part = part.expect("the stream goes on or ends")?;
            self.buffer.push_str(std::str::from_utf8(&part.unwrap()).unwrap());
        }
    }

    /// The next events, up to and including the commit that ends with `revision`.
    pub(crate) async fn until(&mut self, revision: Revision) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.next().await.expect("the stream goes on");
            let is_last = event.name == "commit" && event.id == Some(revision.0);
            events.push(event);
            if is_last {
                return events;
            }
        }
    }
}
