//! Where logs go.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::telemetry::REPEATED;

/// The target of audit records. Each is a line of JSON, so nothing is written before it.
const AUDIT: &str = "audit";

/// Logs to standard error, at the levels that `RUST_LOG` names or else at `default`. What was changed and
/// by whom is told unless `RUST_LOG` says otherwise or somebody is watching.
///
/// Later calls have no effect.
pub fn install(env: &BTreeMap<String, String>, default: &str) {
    let is_watched = std::io::stderr().is_terminal();
    let default = if is_watched { default.to_owned() } else { format!("{default},{AUDIT}=info") };
    let levels = env.get("RUST_LOG").filter(|text| !text.is_empty()).cloned().unwrap_or(default);
    let is_audit = |metadata: &tracing::Metadata<'_>| metadata.target() == AUDIT;
    let log = fmt::layer().with_writer(std::io::stderr).with_ansi(is_watched);
    let is_log =
        move |metadata: &tracing::Metadata<'_>| !is_audit(metadata) && !REPEATED.contains(&metadata.name());
    let log = log.with_filter(EnvFilter::new(&levels).and(filter_fn(is_log)));
    let audit = fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let audit = audit.without_time().with_level(false).with_target(false);
    let audit = audit.fmt_fields(fmt::format::debug_fn(|writer, _, value| write!(writer, "{value:?}")));
    let audit = audit.with_filter(EnvFilter::new(&levels).and(filter_fn(is_audit)));
    if tracing_subscriber::registry().with(log).with(audit).try_init().is_err() {
        tracing::debug!("logging is installed already");
    }
}
