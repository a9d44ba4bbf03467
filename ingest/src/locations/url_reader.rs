//! The one reader of URLs in a process: every provider reads through it, so that all share the
//! budget of each host.

use std::{error::Error, sync::Arc, time::Duration};

use backstitch_schemas::{Clock, Problem};
use futures::StreamExt as _;
use reqwest::{Client, Response, StatusCode, header, redirect};
use url::Url;

use super::{
    Config,
    access::{Access, host_of},
    fetch::{Again, Failure, Fetched},
    host_gate::{HostGate, HostGates, RateLimit},
    retry_after::retry_after,
};
use crate::Wake;

/// Redirects that are followed for one read.
const MAX_REDIRECTS: usize = 5;

/// Reads URLs: only those that are allowed, within limits of time and size, and never more from one
/// host than it can take.
pub struct UrlReader {
    client: Client,
    access: Access,
    clock: Arc<dyn Clock>,
    gates: Arc<HostGates>,
    config: Config,
}

/// What one request brought.
enum Step {
    Done(Fetched),
    Redirect(Url),
}

impl UrlReader {
    /// A reader with the trust store of the system.
    ///
    /// # Errors
    /// If the trust store cannot be used.
    pub fn new(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, reqwest::Error> {
        // There is one back end for TLS in the process; whoever comes first installs it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(config.connect_timeout)
            .timeout(config.read_timeout)
            .user_agent(concat!("backstitch/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            client,
            access: Access::new(config),
            gates: Arc::new(HostGates::new(config, Arc::clone(&clock))),
            clock,
            config: config.clone(),
        })
    }

    /// The gates of the hosts, for everything else that reads from them.
    pub(crate) fn gates(&self) -> &Arc<HostGates> {
        &self.gates
    }

    /// Which URLs may be read.
    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    /// Reads a URL, unless it is what it was when it had `etag`.
    pub(super) async fn read(&self, url: &Url, etag: Option<&str>, wake: Wake) -> Fetched {
        let mut target = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            match self.step(url, &target, etag, wake).await {
                Ok(Step::Done(fetched)) => return fetched,
                Ok(Step::Redirect(next)) => target = next,
                Err(failure) => return Fetched::Failed(failure),
            }
        }
        let advice = format!("`{url}` redirects more than {MAX_REDIRECTS} times; name the place itself");
        Fetched::Failed(failure(url, "too many redirects", None, Again::Regularly, advice))
    }

    async fn step(&self, url: &Url, target: &Url, etag: Option<&str>, wake: Wake) -> Result<Step, Failure> {
        // A redirect may lead elsewhere tomorrow; the URL itself stays what it is.
        let again = if target == url { Again::Never } else { Again::Regularly };
        let refused = |problem| Failure { problem, status: None, again };
        self.access.check(target).map_err(refused)?;
        let gate = self.gates.gate(&host_of(target));
        let _turn = gate.enter(wake).await.map_err(|wait| left_alone(url, wait, false))?;
        let mut request = self.client.get(target.clone());
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let response = request.send().await.map_err(|cause| unreachable(url, &cause))?;
        if let Some(limit) = RateLimit::of(response.headers(), self.clock.now()) {
            gate.learned(limit);
        }
        self.answer(url, target, response, &gate).await
    }

    async fn answer(
        &self,
        url: &Url,
        target: &Url,
        response: Response,
        gate: &HostGate,
    ) -> Result<Step, Failure> {
        let status = response.status();
        match status {
            StatusCode::OK => self.content(url, response).await.map(Step::Done),
            StatusCode::NOT_MODIFIED => Ok(Step::Done(Fetched::NotModified)),
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => {
                let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
                let next = location.and_then(|location| target.join(location).ok());
                next.map(Step::Redirect).ok_or_else(|| {
                    let advice = "the host redirects without saying where".to_owned();
                    failure(url, "a redirect without target", Some(status), Again::Regularly, advice)
                })
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                let wait = retry_after(response.headers(), self.clock.now());
                Err(self.overloaded(url, status, wait, gate))
            }
            status => Err(refusal(url, status)),
        }
    }

    /// The host has too much to do.
    fn overloaded(&self, url: &Url, status: StatusCode, wait: Option<Duration>, gate: &HostGate) -> Failure {
        let Some(wait) = wait.map(|wait| wait.min(self.config.max_retry_after)) else {
            let advice = "the host is overloaded; it is asked again, less often".to_owned();
            return failure(url, &text_of(status), Some(status), Again::BackOff, advice);
        };
        gate.close(wait);
        Failure { status: Some(status.as_u16()), ..left_alone(url, wait, true) }
    }

    async fn content(&self, url: &Url, response: Response) -> Result<Fetched, Failure> {
        let max = self.config.limits.max_bytes as u64;
        let status = Some(response.status());
        let too_large = || {
            let advice = "split the file, or point to large definitions with `$text`".to_owned();
            let limit = "the limit of `backstitch.ingest.descriptors.maxBytes`";
            failure(url, &format!("it has more than {max} bytes, {limit}"), status, Again::Regularly, advice)
        };
        if response.content_length().is_some_and(|length| length > max) {
            return Err(too_large());
        }
        let etag = response.headers().get(header::ETAG).and_then(|value| value.to_str().ok());
        let etag = etag.map(str::to_owned);
        let (mut bytes, mut body) = (Vec::new(), response.bytes_stream());
        while let Some(chunk) = body.next().await {
            // A body that ends too early is an error here, and never taken for the whole.
            let chunk = chunk.map_err(|cause| unreachable(url, &cause))?;
            if bytes.len() as u64 + chunk.len() as u64 > max {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Fetched::Content { bytes, etag, status: status.map(|status| status.as_u16()) })
    }
}

fn refusal(url: &Url, status: StatusCode) -> Failure {
    let (again, advice) = match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            let message = format!("Unable to read url, no matching files found for {url}");
            let problem = Problem::new("NotFoundError", message).with_advice(format!(
                "the host answers {status} for `{url}`; what was read there before stays until the Location \
                 does not list it any more"
            ));
            return Failure { problem, status: Some(status.as_u16()), again: Again::Regularly };
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            (Again::Regularly, "the host wants credentials, or does not accept them".to_owned())
        }
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            (Again::BackOff, "the host is in trouble; it is asked again, less often".to_owned())
        }
        _ => (Again::Regularly, "the host does not give the file".to_owned()),
    };
    failure(url, &text_of(status), Some(status), again, advice)
}

fn left_alone(url: &Url, wait: Duration, asked: bool) -> Failure {
    let seconds = wait.as_secs().max(1);
    let advice = format!("the host asks to wait for {seconds} s; it is asked again then");
    failure(url, "the host asks to wait", None, Again::After { wait, asked }, advice)
}

fn unreachable(url: &Url, cause: &reqwest::Error) -> Failure {
    let detail = if cause.is_timeout() { "timed out".to_owned() } else { innermost(cause) };
    let advice = format!("{} does not answer as it should; it is asked again, less often", host_of(url));
    failure(url, &detail, None, Again::BackOff, advice)
}

/// The last cause says what happened; those before repeat the URL.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn failure(url: &Url, detail: &str, status: Option<StatusCode>, again: Again, advice: String) -> Failure {
    let problem = Problem::new("Error", format!("Unable to read url, {detail}: {url}")).with_advice(advice);
    Failure { problem, status: status.map(|status| status.as_u16()), again }
}

fn text_of(status: StatusCode) -> String {
    format!("the host answered {status}")
}
