//! How exports reach a collector: through the HTTP client that is there.

use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

/// Sends on the runtime for the threads of OpenTelemetry, which have none.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    client: reqwest::Client,
    runtime: Handle,
}

impl Sender {
    /// A sender whose requests end after `patience`.
    ///
    /// # Errors
    /// If the system's certificates cannot be used.
    pub(super) fn new(patience: Duration) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder().timeout(patience).build()?;
        Ok(Self { client, runtime: Handle::current() })
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let answer = self.runtime.spawn(answer(self.client.clone(), request));
        answer
            .await?
            .inspect_err(|error| {
                tracing::debug!(error = error as &dyn std::error::Error, "the collector does not answer");
            })
            .map_err(Into::into)
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
