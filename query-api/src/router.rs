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
use tower_http::compression::CompressionLayer;

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
    paths::{MOUNT, RequestedUri, normalised_uri},
    state::ApiState,
};

/// The whole HTTP interface of the query API. It has a fallback, so merge it with routers that have
/// none.
pub fn router(state: ApiState) -> Router {
    let routes = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .nest(MOUNT, catalog_routes())
        .method_not_allowed_fallback(nothing_here)
        .fallback(nothing_here)
        .with_state(state)
        .layer(CompressionLayer::new());
    // Routing sees the path, so what changes the path goes around it.
    let normalised = routes.map_request(|mut request: Request| {
        let requested = request.uri().clone();
        *request.uri_mut() = normalised_uri(&requested);
        request.extensions_mut().insert(RequestedUri(requested));
        request
    });
    Router::new().fallback_service(normalised)
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
        .layer(middleware::from_fn(answer::finish))
        .layer(middleware::from_fn(options))
}

/// Unknown paths and verbs answer alike, as Express does: 404 without a body.
async fn nothing_here() -> StatusCode {
    StatusCode::NOT_FOUND
}

/// Answers `OPTIONS` with the verbs of the route, as Express does.
async fn options(request: Request, next: Next) -> Response {
    if request.method() != Method::OPTIONS {
        return next.run(request).await;
    }
    let response = next.run(request).await;
    match response.headers().get(header::ALLOW).cloned() {
        Some(allow) => {
            let text = allow.to_str().unwrap_or_default().to_owned();
            ([(header::ALLOW, allow)], text).into_response()
        }
        None => response,
    }
}
