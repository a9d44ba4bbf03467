//! The endpoints of ingest, under `/api/ingest/v1`: pushing entities, and operating providers. Webhooks of git
//! hosts come where Backstage has them.
//!
//! | request | what it does |
//! |---|---|
//! | `POST /providers/{name}/mutations` | a full or delta mutation as JSON, or a full one as NDJSON |
//! | `GET /positions?position=…` | whether a position that a push returned is visible |
//! | `GET /providers` | the providers that this process owns |
//! | `DELETE /providers/{name}` | withdraws a pushed provider |
//! | `POST /providers/{name}/confirm` | lets held removals happen (also `…/removals/confirm`) |
//! | `POST /providers/{name}/discard` | forgets held removals (also `…/removals/discard`) |
//! | `POST /previews`, `POST /previews/entity` | reads without claiming, for a query API elsewhere |
//! | `POST /providers/{name}/read-times` | when places are read, for a query API elsewhere |
//! | `POST /providers/{name}/refresh` | reads again, `?entityRef=` only what lists that entity |
//! | `POST /api/events/http/{topic}` | a webhook of `github` or `gitlab` |

mod answer;
mod commands;
mod error;
mod extract;
mod forward;
mod items;
mod ndjson;
mod positions;
mod previews;
mod providers;
mod push;
mod read_times;
mod stream;
mod turn;
mod webhooks;

pub use error::Outcome;
pub use previews::{EntityAnswer, EntityQuestion, LocationQuestion};
pub use read_times::{ReadTimesAnswer, ReadTimesQuestion};

use std::sync::Arc;

use axum::{
    Router, middleware,
    routing::{any, delete, get, post},
};

use self::error::ApiError;
use crate::{Directory, Previewer, Progress, Webhooks};

/// What the handlers need.
#[derive(Clone)]
pub struct HttpState {
    /// The providers that this process owns.
    pub directory: Arc<Directory>,
    /// What has become visible; without it nothing can be waited for.
    pub progress: Option<Arc<dyn Progress>>,
    /// Reads on request, where a query API is in another process.
    pub previewer: Option<Arc<Previewer>>,
    /// Which webhooks of git hosts are taken.
    pub webhooks: Arc<Webhooks>,
}

impl HttpState {
    fn previewer(&self) -> Result<&Previewer, ApiError> {
        self.previewer
            .as_deref()
            .ok_or_else(|| ApiError::Unavailable("nothing is read on request here".to_owned()))
    }
}

/// Who sent a request, as far as the executable knows: it decides who may write, and puts this into
/// the extensions of what it lets through. Noted with the commands that the caller gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(pub String);

/// All endpoints. Paths are absolute: those of webhooks below `/api/events`, all others below `/api/ingest`, where
/// what is none of them is refused.
pub fn router(state: HttpState) -> Router {
    let provider = "/api/ingest/v1/providers/{name}";
    let of = |rest: &str| format!("{provider}{rest}");
    let router = Router::new()
        .route("/api/ingest/v1/providers", get(providers::list_providers))
        .route("/api/ingest/v1/positions", get(positions::get_position))
        .route("/api/ingest/v1/previews", post(previews::preview_location))
        .route("/api/ingest/v1/previews/entity", post(previews::preview_entity))
        .route("/api/events/http/{topic}", post(webhooks::take_webhook))
        .route(provider, delete(commands::withdraw_provider))
        .route(&of("/mutations"), post(push::push_mutation))
        .route(&of("/read-times"), post(read_times::read_times))
        .route(&of("/refresh"), post(commands::refresh_provider));
    let router = ["/confirm", "/removals/confirm"]
        .iter()
        .fold(router, |router, rest| router.route(&of(rest), post(commands::confirm_removals)));
    let router = ["/discard", "/removals/discard"]
        .iter()
        .fold(router, |router, rest| router.route(&of(rest), post(commands::discard_removals)));
    router
        .method_not_allowed_fallback(error::other_verb)
        .route("/api/ingest", any(error::unknown_path))
        .route("/api/ingest/{*rest}", any(error::unknown_path))
        .route_layer(middleware::from_fn(error::name_request))
        .with_state(state)
}
