//! How exports reach a collector: through the HTTP client that is there.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

/// What OpenTelemetry logs at each failed export, and is said once here, with the cause.
pub const REPEATED: [&str; 3] =
    ["Export.Failed.Exhausted", "PeriodicReader.ExportError", "BatchSpanProcessor.ExportError"];

/// Sends on the runtime for a thread of OpenTelemetry, which has none.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    client: reqwest::Client,
    runtime: Handle,
    /// Whether the last export failed.
    is_away: Arc<AtomicBool>,
}

impl Sender {
    /// A sender for one kind of exports.
    pub(super) fn new(client: reqwest::Client) -> Self {
        Self { client, runtime: Handle::current(), is_away: Arc::default() }
    }

    /// Says once that the collector takes nothing, and once that it does again.
    fn note(&self, collector: &str, answer: &reqwest::Result<Response<Bytes>>) {
        let trouble = match answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answers {}", answer.status())),
            Err(error) => Some(innermost(error)),
        };
        let was_away = self.is_away.swap(trouble.is_some(), Ordering::Relaxed);
        match trouble {
            Some(cause) if !was_away => tracing::warn!(
                collector,
                cause,
                "the collector takes no metrics or traces; it is tried again, and nothing else waits for it"
            ),
            None if was_away => tracing::info!(collector, "the collector takes metrics and traces again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        // Without what it may hold before the host.
        let collector = request.url().origin().ascii_serialization() + request.url().path();
        let answer = self.runtime.spawn(answer(self.client.clone(), request)).await?;
        self.note(&collector, &answer);
        Ok(answer?)
    }
}

async fn answer(client: reqwest::Client, request: reqwest::Request) -> reqwest::Result<Response<Bytes>> {
    let mut answer = client.execute(request).await?;
    let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
    let mut response = Response::new(answer.bytes().await?);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// The last cause says what happened; those before repeat the URL.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
