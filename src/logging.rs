//! Where logs go.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Logs to standard error, at the levels that `RUST_LOG` names or else at `default`.
///
/// Later calls have no effect.
pub fn install(env: &BTreeMap<String, String>, default: &str) {
    let filter = env.get("RUST_LOG").filter(|text| !text.is_empty()).map_or(default, String::as_str);
    let installed = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();
    if installed.is_err() {
        tracing::debug!("logging is installed already");
    }
}
