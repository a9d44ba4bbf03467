//! The one reader of URLs in a process: every provider reads through it, so that all share the
//! budget of each host.

use std::{collections::HashMap, sync::Arc, time::Duration};

use backstitch_schemas::{
    Clock, Problem,
    scm::{Hosts, host_of},
};
use reqwest::StatusCode;
use url::Url;

use super::{
    Config,
    access::Access,
    fetch::{Again, Failure, Fetched},
    host_gate::HostGates,
    upstream::{self, MAX_REDIRECTS, Upstream, failure, text_of},
};
use crate::{
    Wake,
    hosts::{Answer, HostReader, Listed, Request},
};

/// How old the listing of a repository may be that a poll is content with, where nothing is polled
/// regularly.
const TOLERANCE: Duration = Duration::from_secs(90);

/// Reads URLs: only those that are allowed, within limits of time and size, and never more from one
/// host than it can take. Files on git hosts are read through the API of the host.
pub struct UrlReader {
    upstream: Upstream,
    access: Access,
    /// The git hosts, by their name in lower case.
    hosts: HashMap<String, HostReader>,
    scm: Hosts,
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
        // Shorter than the wait between two polls, so that each poll of a pattern asks.
        let tolerance = config.interval.map_or(TOLERANCE, |interval| interval.min.mul_f64(0.9));
        let hosts = config
            .git_hosts
            .iter()
            .map(|host| (host.host.to_lowercase(), HostReader::new(host.clone(), tolerance)));
        Ok(Self {
            upstream: Upstream::new(config, clock)?,
            access: Access::new(config),
            hosts: hosts.collect(),
            scm: config.scm_hosts(),
        })
    }

    /// Which URLs may be read.
    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    /// The git hosts whose URLs are understood.
    pub(super) fn scm(&self) -> &Hosts {
        &self.scm
    }

    /// The gates of the hosts, for everything else that reads from them.
    pub(crate) fn gates(&self) -> &Arc<HostGates> {
        self.upstream.gates()
    }

    /// Reads a URL, unless it is what it was when it had `etag`.
    pub(super) async fn read(&self, url: &Url, etag: Option<&str>, wake: Wake) -> Fetched {
        if let Some(host) = self.host(url) {
            return host.read(&self.upstream, url, etag, wake).await;
        }
        let mut target = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            match self.step(url, &target, etag, wake).await {
                Ok(Step::Done(fetched)) => return fetched,
                Ok(Step::Redirect(next)) => target = next,
                Err(failure) => return Fetched::Failed(failure),
            }
        }
        Fetched::Failed(upstream::too_many_redirects(url))
    }

    /// The files that a pattern on a git host matches.
    pub(super) async fn list(&self, pattern: &Url, wake: Wake) -> Result<Listed, Failure> {
        match self.host(pattern) {
            Some(host) => host.list(&self.upstream, pattern, wake).await,
            None => {
                let advice = "its host has no listing to match a pattern with; name each file".to_owned();
                Err(failure(pattern, "Unsupported search pattern URL", None, Again::Never, advice))
            }
        }
    }

    fn host(&self, url: &Url) -> Option<&HostReader> {
        self.hosts.get(&host_of(url).to_lowercase())
    }

    async fn step(&self, url: &Url, target: &Url, etag: Option<&str>, wake: Wake) -> Result<Step, Failure> {
        // A redirect may lead elsewhere tomorrow; the URL itself stays what it is.
        let again = if target == url { Again::Never } else { Again::Regularly };
        let refused = |problem| Failure { problem, status: None, again };
        self.access.check_page(target).map_err(refused)?;
        let request = Request { etag: etag.map(str::to_owned), ..Request::content(target.clone(), "*/*") };
        let answer = self.upstream.exchange(&request, url, wake).await?;
        self.sort(url, target, answer)
    }

    fn sort(&self, url: &Url, target: &Url, answer: Answer) -> Result<Step, Failure> {
        let status = answer.status;
        match status {
            StatusCode::OK => Ok(Step::Done(Fetched::Content {
                etag: answer.header("etag").map(str::to_owned),
                status: Some(status.as_u16()),
                bytes: answer.body,
            })),
            StatusCode::NOT_MODIFIED => Ok(Step::Done(Fetched::NotModified)),
            status if upstream::is_redirect(status) => {
                let next = upstream::target_of(&answer, target);
                next.map(Step::Redirect).ok_or_else(|| {
                    let advice = "the host redirects without saying where".to_owned();
                    failure(url, "a redirect without target", Some(status), Again::Regularly, advice)
                })
            }
            status => Err(refusal(url, status)),
        }
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
