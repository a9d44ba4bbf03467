//! How reading goes for each host: what is left of its budget, and how long one full pass takes.

use serde::Serialize;

use crate::state::LiveHost;

/// How reading from one host goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HostStatus {
    pub(crate) host: String,
    pub(crate) documents: u64,
    /// What the host says of its budget.
    pub(crate) budget: Option<Budget>,
    /// Until when polling leaves it alone.
    pub(crate) waiting_until: Option<String>,
    pub(crate) pass: Option<Pass>,
}

/// Requests that a host has room for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Budget {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// When they are renewed, if that is to come.
    pub(crate) reset: Option<String>,
}

/// The time between two reads of the same document: the time of one full pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pass {
    pub(crate) shortest_seconds: u64,
    pub(crate) longest_seconds: u64,
}

impl From<&LiveHost> for HostStatus {
    fn from(live: &LiveHost) -> Self {
        let budget = live.limit.zip(live.remaining).map(|(limit, remaining)| Budget {
            limit,
            remaining,
            reset: live.reset.map(|reset| reset.to_string()),
        });
        Self {
            host: live.host.clone(),
            documents: live.documents,
            budget,
            waiting_until: live.waiting_until.map(|until| until.to_string()),
            pass: live.pass.map(|(shortest, longest)| Pass {
                shortest_seconds: shortest.as_secs(),
                longest_seconds: longest.as_secs(),
            }),
        }
    }
}
