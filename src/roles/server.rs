//! The HTTP server of a process.

use anyhow::Result;
use axum::{Router, middleware};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::util::option_layer;

use crate::access::{self, Callers};
use crate::config::AppConfig;
use crate::web;

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
    // In front of the check: a browser asks first without credentials.
    let served = guarded.layer(option_layer(web::cors(&config.backend.cors)?));
    let served = served.layer(middleware::from_fn(web::safety_headers));
    Ok(axum::serve(listener, served).with_graceful_shutdown(shutdown.cancelled_owned()).await?)
}
