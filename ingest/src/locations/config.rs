//! How Locations are read.

use std::{sync::Arc, time::Duration};

use backstitch_schemas::{
    model::Model,
    scm::{Hosts, host_of},
    yaml::Limits,
};
use serde::Deserialize;
use url::Url;

use super::Network;
use crate::hosts::GitHost;

/// How Locations are read.
#[derive(Clone, Debug)]
pub struct Config {
    /// Hosts that may be read besides those of `integrations` (`backend.reading.allow`). Every
    /// redirect is held against it as well.
    pub allow: Vec<AllowedHost>,
    /// Hosts whose URLs name files in repositories (`integrations`, and the public hosts). They are
    /// read through their API, and never fetched as web pages.
    pub git_hosts: Vec<GitHost>,
    /// Location types that any Location may list, whatever its own type.
    pub allowed_types: Vec<String>,
    /// The kinds that are let in: what is wrong by them is found in the source's lines.
    pub model: Arc<Model>,
    /// Time between two reads of the same URL (`catalog.processingInterval`); `None` reads once.
    /// Files are watched, and read at this interval only where watching is not possible.
    pub interval: Option<Interval>,
    /// What a descriptor file may cost. A placeholder's file may have as many bytes.
    pub limits: Limits,
    /// Files that one API definition may refer to, itself counted.
    pub max_references: usize,
    /// How hosts are reached.
    pub network: Network,
    /// Time that connecting may take.
    pub connect_timeout: Duration,
    /// Time that a whole answer may take, each redirect counted anew.
    pub read_timeout: Duration,
    /// Longest wait that a host may ask for with `Retry-After`.
    pub max_retry_after: Duration,
    /// Requests a second to one host, on average; as many may come at once.
    pub requests_per_second: u32,
    /// Requests to one host under way at once.
    pub requests_per_host: usize,
    /// Requests under way at once, over all hosts.
    pub requests: usize,
    /// Files being read at once.
    pub files: usize,
    /// How long what a document with `presence: required` held stays after it is confirmed to be
    /// absent (`backstitch.ingest.absenceGrace`).
    pub absence_grace: Duration,
    /// How long after a change of a file on disk it is read, so that several changes at once are
    /// one.
    pub settle: Duration,
    /// How long after a host told of a change, and it was read, it is looked at once more: what hosts
    /// answer may lag behind what they tell.
    pub second_look: Duration,
}

/// A time drawn anew for each wait, so that readers do not march in step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The shortest wait.
    pub min: Duration,
    /// The longest wait.
    pub max: Duration,
}

/// An entry of `backend.reading.allow`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowedHost {
    /// A host with its port, if that is not the scheme's own; `*.example.com` is every host below.
    pub host: String,
    /// Beginnings of the paths that may be read; absent is every path.
    #[serde(default)]
    pub paths: Option<Vec<String>>,
}

impl Config {
    /// The git host that `url` points at.
    pub(super) fn git_host(&self, url: &Url) -> Option<&GitHost> {
        let host = host_of(url);
        self.git_hosts.iter().find(|git| git.host.eq_ignore_ascii_case(&host))
    }

    /// Which host is of which product.
    pub(super) fn scm_hosts(&self) -> Hosts {
        let mut hosts = Hosts::default();
        for git in &self.git_hosts {
            hosts.add(git.host.as_str(), git.scm);
        }
        hosts
    }
}

impl Interval {
    /// Backstage's reading of a configured interval: up to half as long again.
    pub fn from(shortest: Duration) -> Self {
        Self { min: shortest, max: shortest * 3 / 2 }
    }

    /// The wait for a number between 0 and 1.
    pub(super) fn draw(self, chance: f64) -> Duration {
        self.min + self.max.saturating_sub(self.min).mul_f64(chance.clamp(0.0, 1.0))
    }
}

impl Default for Config {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            allow: Vec::new(),
            git_hosts: GitHost::public(),
            allowed_types: vec!["url".to_owned()],
            model: Model::builtin(),
            interval: Some(Interval::from(seconds(100))),
            limits: Limits::default(),
            max_references: 200,
            network: Network::default(),
            connect_timeout: seconds(10),
            read_timeout: seconds(30),
            max_retry_after: seconds(3600),
            requests_per_second: 100,
            requests_per_host: 5,
            requests: 32,
            files: 8,
            absence_grace: seconds(24 * 3600),
            settle: Duration::from_millis(5),
            second_look: seconds(10),
        }
    }
}
