//! The HTTP server of a process.

use anyhow::Result;
use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::access::{self, Callers};
use crate::config::AppConfig;

/// Serves `router` behind the check of who may write, until `shutdown`; requests under way are
/// answered.
///
/// # Errors
/// If the tokens of the configuration cannot be used, or the listener breaks.
pub(super) async fn serve(
    config: AppConfig,
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
) -> Result<()> {
    let guarded = access::guard(router, Callers::new(&config.backend.auth)?);
    Ok(axum::serve(listener, guarded).with_graceful_shutdown(shutdown.cancelled_owned()).await?)
}
