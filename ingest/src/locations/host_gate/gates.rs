//! The gates of all hosts.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use backstitch_schemas::{Clock, Timestamp};

use super::{HostGate, slots::Slots};
use crate::locations::{Config, Interval};

/// The gates of all hosts. Whoever sends requests to a host passes its gate.
pub(crate) struct HostGates {
    config: Config,
    clock: Arc<dyn Clock>,
    /// Requests under way at once, over all hosts.
    overall: Arc<Slots>,
    gates: Mutex<BTreeMap<String, Arc<HostGate>>>,
}

/// How reading from one host goes.
#[derive(Clone, Debug, PartialEq)]
pub struct HostStatus {
    /// The host, with its port if that is not the scheme's own.
    pub host: String,
    /// Documents that are read from it.
    pub documents: usize,
    /// Requests that its budget has room for in one window, if it tells.
    pub limit: Option<u64>,
    /// Requests left in this window.
    pub remaining: Option<u64>,
    /// When the next window begins.
    pub reset: Option<Timestamp>,
    /// Until when it is left alone: it asked for it, or polling has used its part of the budget.
    pub waiting_until: Option<Timestamp>,
    /// The time of one full pass over its documents; `None` if they are read once only.
    pub pass: Option<Interval>,
}

impl HostGates {
    pub(crate) fn new(config: &Config, clock: Arc<dyn Clock>) -> Self {
        let overall = Arc::new(Slots::new(config.requests));
        Self { config: config.clone(), clock, overall, gates: Mutex::default() }
    }

    /// The gate of a host, which is named as in the URLs of documents, with its port if that is not
    /// the scheme's own. What is read from a git host's API passes the gate of the host itself.
    pub(crate) fn gate(&self, host: &str) -> Arc<HostGate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(HostGate::new(&self.config, &self.overall, &self.clock));
        Arc::clone(gates.entry(host.to_lowercase()).or_insert_with(new))
    }

    /// How reading from each host goes.
    pub(crate) fn statuses(&self) -> Vec<HostStatus> {
        let gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates.iter().map(|(host, gate)| gate.status(host, self.config.interval)).collect()
    }
}
