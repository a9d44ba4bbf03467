//! The role that processes changes.

use std::sync::Arc;

use anyhow::Result;
use backstitch_event_log::EventLog;
use backstitch_processors::scm::{Hosts, Scm};
use backstitch_processors::{Config, Pipeline, Settings, Worker};
use backstitch_schemas::{Clock, rules::Rules};
use uuid::Uuid;

use crate::config::AppConfig;

/// The pipeline that this configuration asks for. Every role builds the same one: ingest needs its
/// fingerprint and its checks.
///
/// # Errors
/// If a configured kind cannot be used.
pub(super) fn pipeline(config: &AppConfig, rules: Rules) -> Result<Arc<Pipeline>> {
    let mut hosts = Hosts::default();
    for (product, host) in config.integrations.hosts() {
        if let Some(scm) = scm_of(product) {
            hosts.add(host.host.as_str(), scm);
        }
    }
    Ok(Arc::new(Pipeline::new(Settings { rules, model: config.backstitch.model()?, hosts })))
}

/// A worker under a name of its own: two of one name would fence each other for ever.
pub(super) fn worker(log: Arc<dyn EventLog>, pipeline: Arc<Pipeline>, clock: Arc<dyn Clock>) -> Worker {
    Worker::new(log, pipeline, clock, &Uuid::new_v4().to_string(), &Config::default())
}

fn scm_of(product: &str) -> Option<Scm> {
    match product {
        "github" => Some(Scm::GitHub),
        "gitlab" => Some(Scm::GitLab),
        "bitbucketCloud" => Some(Scm::BitbucketCloud),
        "azure" => Some(Scm::AzureDevOps),
        _ => None,
    }
}
