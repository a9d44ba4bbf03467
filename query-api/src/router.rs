//! All routes.

use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::Value;
use tower::ServiceExt;
use tower_http::{CompressionLevel, compression::CompressionLayer};

use crate::{
    answer,
    endpoints::{
        analyze_location, ancestry, by_name, by_refs, by_uid, delete_entity, facets,
        health::{livez, readyz},
        list_entities, locations, permissions, public_keys, query_entities, refresh, unprocessed,
        validate_entity,
    },
    explorer,
    openapi::{Answer, Group, Operation},
    paths::{MOUNT, RequestedUri, normalised_uri},
    routes::Routes,
    state::ApiState,
    v1::{changes, dangling, entity_schema, explain, problems, status},
};

/// The whole HTTP interface of the query API. It has a fallback, so merge it with routers that have
/// none.
pub fn router(state: ApiState) -> Router {
    let (catalog, templates) = catalog_routes().finish();
    let routes = Router::new()
        .merge(explorer::routes())
        .merge(health_routes())
        .nest(MOUNT, catalog)
        .fallback(nothing_here)
        .with_state(state)
        // A higher level would cost more time than it saves on any network that a portal is used in.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(middleware::from_fn(varying))
        .layer(middleware::from_fn(telling_route));
    // Routing sees the path, so what changes the path goes around it.
    let normalised = routes.map_request(move |mut request: Request| {
        let requested = request.uri().clone();
        *request.uri_mut() = normalised_uri(&requested, &templates);
        request.extensions_mut().insert(RequestedUri(requested));
        request
    });
    // The verbs of a route are known only outside of it.
    Router::new().fallback_service(normalised).layer(middleware::from_fn(other_verbs))
}

/// Whether we live and are ready, also where Backstage tells it.
fn health_routes() -> Router<ApiState> {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/.backstage/health/v1/liveness", get(livez))
        .route("/.backstage/health/v1/readiness", get(readyz))
        .layer(middleware::from_fn(answer::finish))
}

const OPENAPI: Operation = Operation::get(Group::Ours, "/openapi.json", "getOpenApi", "This document.")
    .answers(&[Answer::json("Document", "The document.")]);

/// Everything below the mount.
fn catalog_routes() -> Routes {
    Routes::default()
        .on(&list_entities::OPERATION, list_entities::list_entities)
        .on(&query_entities::GET, query_entities::get_entities_by_query)
        .on(&query_entities::POST, query_entities::post_entities_by_query)
        .on(&by_name::OPERATION, by_name::get_entity_by_name)
        .on(&ancestry::OPERATION, ancestry::get_ancestry)
        .on(&by_uid::OPERATION, by_uid::get_entity_by_uid)
        .on(&by_refs::OPERATION, by_refs::get_entities_by_refs)
        .on(&facets::GET, facets::get_facets)
        .on(&facets::POST, facets::query_facets)
        .on(&delete_entity::OPERATION, delete_entity::delete_entity_by_uid)
        .on(&refresh::OPERATION, refresh::refresh_entity)
        .on(&unprocessed::FAILED, unprocessed::get_failed)
        .on(&unprocessed::PENDING, unprocessed::get_pending)
        .on(&unprocessed::DELETE, unprocessed::delete_unprocessed)
        .on(&locations::list::OPERATION, locations::list::list_locations)
        .on(&locations::create::OPERATION, locations::create::create_location)
        .on(&locations::by_query::OPERATION, locations::by_query::query_locations)
        .on(&locations::by_id::OPERATION, locations::by_id::get_location)
        .on(&locations::update::OPERATION, locations::update::update_location)
        .on(&locations::delete::OPERATION, locations::delete::delete_location)
        .on(&locations::by_entity::OPERATION, locations::by_entity::get_location_by_entity)
        .on(&analyze_location::OPERATION, analyze_location::analyze_location)
        .on(&validate_entity::OPERATION, validate_entity::validate_entity)
        .on(&status::OPERATION, status::get_status)
        .on(&problems::ERRORS, problems::errors)
        .on(&problems::CONFLICTS, problems::conflicts)
        .on(&entity_schema::OPERATION, entity_schema::get_entity_schema)
        .on(&changes::CHANGES, changes::changes)
        .on(&changes::HISTORY, changes::history)
        .on(&permissions::METADATA, permissions::get_metadata)
        .on(&permissions::APPLY, permissions::apply_conditions)
        .on(&public_keys::OPERATION, public_keys::get_public_keys)
        .on(&dangling::OPERATION, dangling::dangling)
        .on(&explain::OPERATION, explain::explain)
        .documented(&OPENAPI)
}

/// The OpenAPI document of all operations below the mount: there is no other route.
pub fn openapi_document() -> Value {
    catalog_routes().document()
}

const ENCODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Says that the form of an answer depends on `Accept-Encoding`, also where it is too short to be compressed
/// or says that the client has it already.
async fn varying(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let is_known = response.status() == StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    if (is_known || headers.contains_key(header::CONTENT_TYPE)) && !headers.contains_key(header::VARY) {
        headers.insert(header::VARY, ENCODING);
    }
    response
}

/// Puts the route that answers where those who measure in front of the router find it.
async fn telling_route(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
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
            ([(header::ALLOW, allow), (header::CONTENT_TYPE, HTML), (header::VARY, ENCODING)], text)
                .into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
