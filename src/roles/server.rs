//! The HTTP server of a process.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::{Router, middleware};
use backstitch_schemas::SystemClock;
use tokio_util::sync::CancellationToken;
use tower::util::option_layer;
use tower_http::cors::CorsLayer;

use crate::access::Access;
use crate::config::AppConfig;
use crate::listen::{self, Bound};
use crate::{telemetry, web};

/// A server that listens and does not answer yet.
pub(super) struct Server {
    /// Who may come in.
    pub(super) access: Access,
    /// Where it listens.
    pub(super) bound: Bound,
    /// Which web pages may ask.
    cors: Option<CorsLayer>,
    /// Which pages of other machines may write, as long as nobody needs credentials.
    foreigners: Option<web::Foreigners>,
}

impl Server {
    /// Binds the address of the configuration.
    ///
    /// # Errors
    /// If who may come in cannot be made out, or the address cannot be bound.
    pub(super) async fn open(config: &AppConfig) -> Result<Self> {
        let access = Access::new(config, Arc::new(SystemClock)).context("who may come in is not clear")?;
        let cors = web::cors(&config.backend.cors)?;
        let foreigners =
            (!access.is_guarded()).then(|| web::Foreigners::of(&config.backend.cors)).transpose()?;
        let bound = listen::bind(&config.backend, access.is_guarded()).await?;
        Ok(Self { access, bound, cors, foreigners })
    }

    /// What a person should know.
    pub(super) fn notices(&self) -> impl Iterator<Item = String> + '_ {
        self.access.notice().into_iter().chain(self.bound.notice).map(str::to_owned)
    }

    /// Serves `router` behind the check of who may come in, until `shutdown`; requests under way are
    /// answered.
    ///
    /// # Errors
    /// If the listener breaks.
    pub(super) async fn serve(self, router: Router, shutdown: CancellationToken) -> Result<()> {
        let guarded = self.access.guard(telemetry::routes().merge(router));
        let own_pages = self
            .foreigners
            .map(|allowed| middleware::from_fn_with_state(allowed, web::refuse_foreign_writes));
        let guarded = guarded.layer(option_layer(own_pages));
        // In front of the check: a browser asks first without credentials.
        let served = guarded.layer(option_layer(self.cors)).layer(middleware::from_fn(web::safety_headers));
        let watched = middleware::from_fn_with_state(telemetry::Requests::watched(), telemetry::watch);
        let served = served.layer(watched);
        // Audit records tell from where somebody came.
        let served = served.into_make_service_with_connect_info::<SocketAddr>();
        let served = axum::serve(self.bound.listener, served);
        Ok(served.with_graceful_shutdown(shutdown.cancelled_owned()).await?)
    }
}
