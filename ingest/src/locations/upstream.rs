//! Requests to the hosts that are read from: never more than a host can take, within limits of time
//! and size, and with the words for what goes wrong.

use std::{
    error::Error,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use backstitch_schemas::{Clock, Problem, Timestamp, scm::host_of};
use futures::StreamExt as _;
use reqwest::{Client, Response, StatusCode, header, redirect};
use rustls::CertificateError;
use url::Url;

use super::{
    Config,
    fetch::{Again, Failure},
    host_gate::{HostGate, HostGates, RateLimit},
    retry_after::retry_after,
};
use crate::{
    Wake,
    hosts::{Answer, Request},
    metrics::Requests,
};

/// Redirects that are followed for one request.
pub(super) const MAX_REDIRECTS: usize = 5;
/// How long GitHub asks to wait where it does not say so itself.
const SECONDARY_LIMIT: Duration = Duration::from_secs(60);

/// Sends requests. There is one in a process, so that all share the budget of each host.
pub(crate) struct Upstream {
    client: Client,
    clock: Arc<dyn Clock>,
    gates: Arc<HostGates>,
    requests: Requests,
    config: Config,
}

impl Upstream {
    pub(super) fn new(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, reqwest::Error> {
        // There is one back end for TLS in the process; whoever comes first installs it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = config
            .network
            .apply(Client::builder())?
            .redirect(redirect::Policy::none())
            .connect_timeout(config.connect_timeout)
            .timeout(config.read_timeout)
            .user_agent(concat!("backstitch/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            client,
            gates: Arc::new(HostGates::new(config, Arc::clone(&clock))),
            clock,
            requests: Requests::new(),
            config: config.clone(),
        })
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Sends a request for what stands at `about`, and follows redirects within its host: nothing
    /// secret is shown elsewhere.
    ///
    /// # Errors
    /// If the host does not answer, leads elsewhere, asks to wait, or says too much.
    pub(crate) async fn send(&self, request: Request, about: &Url, wake: Wake) -> Result<Answer, Failure> {
        let mut request = request;
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.exchange(&request, about, wake).await?;
            if !is_redirect(answer.status) {
                return Ok(answer);
            }
            match target_of(&answer, &request.url) {
                Some(next) if next.origin() == request.url.origin() => request.url = next,
                _ => {
                    let advice =
                        "the host sends readers elsewhere, perhaps to sign in; check the credentials";
                    let status = Some(answer.status);
                    return Err(failure(
                        about,
                        "the host redirects",
                        status,
                        Again::Regularly,
                        advice.into(),
                    ));
                }
            }
        }
        Err(too_many_redirects(about))
    }

    /// Sends one request for what stands at `about`.
    pub(super) async fn exchange(
        &self,
        request: &Request,
        about: &Url,
        wake: Wake,
    ) -> Result<Answer, Failure> {
        let host = host_of(about);
        let gate = self.gates.gate(&host);
        let _turn = gate.enter(wake).await.map_err(|wait| left_alone(about, wait, false))?;
        let started = Instant::now();
        let answer = self.answer(request, about, &gate).await;
        let outcome = answer.as_ref().map(|answer| answer.status.as_u16());
        self.requests.ended(host, &request.method, outcome, started.elapsed());
        let answer = answer?;
        self.check_overload(about, &answer, &gate)?;
        Ok(answer)
    }

    /// The answer to one request, whatever it says.
    async fn answer(&self, request: &Request, about: &Url, gate: &HostGate) -> Result<Answer, Failure> {
        let mut builder = self.client.request(request.method.clone(), request.url.clone());
        builder = builder.header(header::ACCEPT, request.accept);
        if let Some(authorization) = &request.authorization {
            builder = builder.header(header::AUTHORIZATION, authorization.clone());
        }
        if let Some(etag) = &request.etag {
            builder = builder.header(header::IF_NONE_MATCH, etag);
        }
        let response = builder.send().await.map_err(|cause| unreachable(about, &cause))?;
        if let Some(limit) = RateLimit::of(response.headers(), self.clock.now()) {
            gate.learned(limit);
        }
        let max_bytes = request.max_bytes.unwrap_or(self.config.limits.max_bytes as u64);
        read(about, response, max_bytes).await
    }

    /// Leaves a host alone that asks for it.
    fn check_overload(&self, url: &Url, answer: &Answer, gate: &HostGate) -> Result<(), Failure> {
        let status = answer.status;
        let now = self.clock.now();
        let spent = RateLimit::of(&answer.headers, now).filter(|limit| limit.remaining == 0);
        let asked = retry_after(&answer.headers, now).or_else(|| {
            let wait = spent?.reset.0.saturating_sub(now.0);
            Some(Duration::from_millis(u64::try_from(wait).unwrap_or(0)))
        });
        let wait = match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => asked,
            // GitHub says 403 when there is no budget left.
            StatusCode::FORBIDDEN if asked.is_some() => asked,
            StatusCode::FORBIDDEN if names_a_limit(&answer.body) => Some(SECONDARY_LIMIT),
            _ => return Ok(()),
        };
        let Some(wait) = wait.map(|wait| wait.min(self.config.max_retry_after)) else {
            let advice = "the host is overloaded; it is asked again, less often".to_owned();
            return Err(failure(url, &text_of(status), Some(status), Again::BackOff, advice));
        };
        gate.close(wait);
        Err(Failure { status: Some(status.as_u16()), ..left_alone(url, wait, true) })
    }

    /// The gates of the hosts.
    pub(super) fn gates(&self) -> &Arc<HostGates> {
        &self.gates
    }
}

/// Whether an answer leads elsewhere.
pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    )
}

/// Where the answer to a request for `url` leads.
pub(super) fn target_of(answer: &Answer, url: &Url) -> Option<Url> {
    let location = answer.headers.get(header::LOCATION)?.to_str().ok()?;
    url.join(location).ok()
}

async fn read(url: &Url, response: Response, max: u64) -> Result<Answer, Failure> {
    let (status, headers) = (response.status(), response.headers().clone());
    let too_large = || {
        let advice = "split the file, or point to large definitions with `$text`".to_owned();
        let limit = "the limit of `backstitch.ingest.descriptors.maxBytes`";
        let detail = format!("it has more than {max} bytes, {limit}");
        failure(url, &detail, Some(status), Again::Regularly, advice)
    };
    if status.is_success() && response.content_length().is_some_and(|length| length > max) {
        return Err(too_large());
    }
    let (mut body, mut stream) = (Vec::new(), response.bytes_stream());
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) if body.len() as u64 + chunk.len() as u64 <= max => body.extend_from_slice(&chunk),
            // What a refusal says beyond its status is not needed whole.
            _ if !status.is_success() => break,
            Ok(_) => return Err(too_large()),
            // A body that ends too early is an error here, and never taken for the whole.
            Err(cause) => return Err(unreachable(url, &cause)),
        }
    }
    Ok(Answer { status, headers, body })
}

fn names_a_limit(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_lowercase();
    text.contains("secondary rate limit") || text.contains("rate limit exceeded")
}

/// The failure of a read that the host asked not to make for now. `asked` tells an answer to this
/// request from a request that was not made.
fn left_alone(url: &Url, wait: Duration, asked: bool) -> Failure {
    let seconds = wait.as_secs().max(1);
    let advice = format!("the host asks to wait for {seconds} s; it is asked again then");
    failure(url, "the host asks to wait", None, Again::After { wait, asked }, advice)
}

/// The failure of a read that leads in circles.
pub(super) fn too_many_redirects(url: &Url) -> Failure {
    let advice = format!("`{url}` redirects more than {MAX_REDIRECTS} times; name the place itself");
    failure(url, "too many redirects", None, Again::Regularly, advice)
}

fn unreachable(url: &Url, cause: &reqwest::Error) -> Failure {
    let (host, innermost) = (host_of(url), innermost(cause));
    if let Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) = innermost.downcast_ref()
    {
        let advice = format!(
            "no authority that is trusted here has signed the certificate of {host}; name a file with the certificate \
             of the one that did in `backstitch.ingest.extraCaFiles`"
        );
        return failure(url, "its certificate is not trusted", None, Again::BackOff, advice);
    }
    let detail = if cause.is_timeout() { "timed out".to_owned() } else { innermost.to_string() };
    let advice = format!("{host} does not answer as it should; it is asked again, less often");
    failure(url, &detail, None, Again::BackOff, advice)
}

/// The last cause says what happened; those before repeat the URL.
fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut cause = error;
    loop {
        // What an IO error wraps is not its source, but itself.
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match wrapped.map(|wrapped| wrapped as &(dyn Error + 'static)).or_else(|| cause.source()) {
            Some(next) => cause = next,
            None => return cause,
        }
    }
}

/// Why nothing is known about a URL, in Backstage's words.
pub(crate) fn failure(
    url: &Url,
    detail: &str,
    status: Option<StatusCode>,
    again: Again,
    advice: String,
) -> Failure {
    let problem = Problem::new("Error", format!("Unable to read url, {detail}: {url}")).with_advice(advice);
    Failure { problem, status: status.map(|status| status.as_u16()), again }
}

/// A status, for people.
pub(crate) fn text_of(status: StatusCode) -> String {
    format!("the host answered {status}")
}
