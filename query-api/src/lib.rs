//! The catalog REST API over an in-memory index.
//!
//! [`Catalog`] loads the final entities from the read model and follows its commits; [`router`]
//! answers from it. A request sees one commit from beginning to end, whatever is written meanwhile.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use backstitch_query_api::{ApiState, Catalog, Config, router};
//! use backstitch_read_model::ReadModel;
//! use tokio_util::sync::CancellationToken;
//!
//! async fn serve(read_model: Arc<dyn ReadModel>, shutdown: CancellationToken) -> std::io::Result<()> {
//!     let config = Arc::new(Config::default());
//!     let catalog = Catalog::start(Arc::clone(&read_model), &config, shutdown.clone());
//!     let app = router(ApiState::new(catalog, read_model, config));
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:7007").await?;
//!     axum::serve(listener, app).with_graceful_shutdown(shutdown.cancelled_owned()).await
//! }
//! ```

mod access;
mod answer;
mod audit;
mod body;
mod catalog;
mod commanding;
mod config;
mod endpoints;
mod error;
mod explorer;
mod feed;
pub mod index;
pub mod metrics;
mod openapi;
mod params;
mod paths;
mod ports;
pub mod query;
mod router;
mod routes;
mod snapshot;
mod state;
mod v1;
mod view;

pub use access::{
    Condition, Decision, Permission, PermissionPolicy, PolicyError, Principal, Restrictions, permissions,
};
pub use audit::{AuditEvent, Failed, Notes, Severity, audited};
pub use catalog::{Catalog, NotReady, WaitError};
pub use config::Config;
pub use ports::{
    CommandError, CommandRequest, Commands, Descriptors, Done, Preview, PreviewError, PreviewedEntity,
    PreviewedLocation, PublicKeys, ReadTimes, Readers,
};
pub use router::{openapi_document, router};
pub use state::{ApiState, LiveHost, LiveProvider, PipelineStatus, StatusSource};
