//! All routes.

use axum::{
    Router,
    extract::Request,
    http::{Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tower::ServiceExt;
use tower_http::{CompressionLevel, compression::CompressionLayer};

use crate::{
    answer,
    endpoints::{
        ancestry::get_ancestry,
        by_name::get_entity_by_name,
        by_refs::get_entities_by_refs,
        by_uid::get_entity_by_uid,
        facets::{get_facets, query_facets},
        health::{livez, readyz},
        list_entities::list_entities,
        query_entities::{get_entities_by_query, post_entities_by_query},
    },
    page::{entity::entity, home::home, kind::kind},
    paths::{MOUNT, RequestedUri, normalised_uri},
    state::ApiState,
    v1::{
        changes::{history, latest_changes},
        problems::{conflicts, errors},
        status::get_status,
    },
};

/// The whole HTTP interface of the query API. It has a fallback, so merge it with routers that have
/// none.
pub fn router(state: ApiState) -> Router {
    let routes = Router::new()
        .route("/", get(home))
        .route("/kind/{kind}", get(kind))
        .route("/entity/{kind}/{namespace}/{name}", get(entity))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .nest(MOUNT, catalog_routes())
        .fallback(nothing_here)
        .with_state(state)
        // A higher level would cost more time than it saves on any network that a portal is used in.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest));
    // Routing sees the path, so what changes the path goes around it.
    let normalised = routes.map_request(|mut request: Request| {
        let requested = request.uri().clone();
        *request.uri_mut() = normalised_uri(&requested);
        request.extensions_mut().insert(RequestedUri(requested));
        request
    });
    // The verbs of a route are known only outside of it.
    Router::new().fallback_service(normalised).layer(middleware::from_fn(other_verbs))
}

fn catalog_routes() -> Router<ApiState> {
    Router::new()
        .route("/entities", get(list_entities))
        .route("/entities/by-query", get(get_entities_by_query).post(post_entities_by_query))
        .route("/entities/by-name/{kind}/{namespace}/{name}", get(get_entity_by_name))
        .route("/entities/by-name/{kind}/{namespace}/{name}/ancestry", get(get_ancestry))
        .route("/entities/by-uid/{uid}", get(get_entity_by_uid))
        .route("/entities/by-refs", post(get_entities_by_refs))
        .route("/entity-facets", get(get_facets).post(query_facets))
        .route("/v1/status", get(get_status))
        .route("/v1/errors", get(errors))
        .route("/v1/conflicts", get(conflicts))
        .route("/v1/changes", get(latest_changes))
        .route("/v1/history/{kind}/{namespace}/{name}", get(history))
        .layer(middleware::from_fn(answer::finish))
}

/// Unknown paths are answered as Express does: 404 without a body.
async fn nothing_here() -> StatusCode {
    StatusCode::NOT_FOUND
}

/// A verb that a route does not have is answered as an unknown path, and `OPTIONS` with the verbs
/// that it has, as Express does.
async fn other_verbs(request: Request, next: Next) -> Response {
    let is_question = request.method() == Method::OPTIONS;
    let response = next.run(request).await;
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return response;
    }
    match response.headers().get(header::ALLOW).cloned() {
        Some(allow) if is_question => {
            let text = allow.to_str().unwrap_or_default().to_owned();
            ([(header::ALLOW, allow)], text).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
