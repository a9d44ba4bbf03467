//! Operations as an OpenAPI 3.1 document.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    operation::{Answer, Body, Group, Operation, Param, ParamKind, Verb},
    schemas::schemas,
};
use crate::{params::MIN_REVISION, paths::MOUNT};

const ABOUT: &str = "The software catalog: Backstage's catalog API, and under `/v1` what Backstage lacks. \
    Every read answers from one commit; the header `backstitch-revision` tells which.";

/// The document that describes `operations`.
pub(crate) fn document(operations: &[&Operation]) -> Value {
    let mut paths = Map::new();
    for operation in operations {
        let path = paths.entry(format!("{MOUNT}{}", operation.path)).or_insert_with(|| json!({}));
        path[operation.verb.lower()] = described(operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Backstitch catalog",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE")},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"bearer": []}],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    })
}

fn tags() -> Value {
    let groups = [
        (Group::Entities, "Final entities, as last stitched."),
        (Group::Locations, "Places that people registered."),
        (Group::Preview, "Reading and checking without storing."),
        (Group::Permissions, "For the permission backend of a portal."),
        (Group::Ours, "What Backstage lacks."),
    ];
    groups.into_iter().map(|(group, about)| json!({"name": group.tag(), "description": about})).collect()
}

fn described(operation: &Operation) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "summary": summary(operation.about),
        "description": operation.about,
        "tags": [operation.group.tag()],
        "parameters": parameters(operation),
        "responses": responses(operation),
    });
    if let Some(Body { schema, is_required }) = operation.body {
        described["requestBody"] = json!({
            "required": is_required,
            "content": {"application/json": {"schema": reference(schema)}},
        });
    }
    described
}

/// The first sentence.
fn summary(about: &str) -> &str {
    about.split_once(". ").map_or(about, |(first, _)| first).trim_end_matches('.')
}

fn parameters(operation: &Operation) -> Vec<Value> {
    let in_path = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path.map(|name| {
        json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}})
    });
    let in_query = operation.query.iter().map(parameter);
    let min_revision = operation.reads_catalog.then(|| {
        json!({
            "name": MIN_REVISION,
            "in": "query",
            "description": "Waits for a moment until this server has this revision; 503 if it has not then, 400 if \
                there is none, 410 if the revision is of an incarnation that is gone.",
            "schema": {"type": "integer", "format": "int64", "minimum": 0},
        })
    });
    in_path.chain(in_query).chain(min_revision).collect()
}

fn parameter(param: &Param) -> Value {
    let text = || json!({"type": "string", "minLength": 1});
    let texts = || json!({"type": "array", "items": text()});
    let (schema, explode) = match param.kind {
        ParamKind::Text => (text(), None),
        ParamKind::Texts => (texts(), Some(true)),
        ParamKind::RequiredTexts => (json!({"type": "array", "items": text(), "minItems": 1}), Some(true)),
        ParamKind::List => (texts(), Some(false)),
        ParamKind::Count => (json!({"type": "integer", "minimum": 0, "maximum": i64::MAX}), None),
        ParamKind::Word(words) => (json!({"type": "string", "enum": words}), None),
    };
    let mut described = json!({
        "name": param.name,
        "in": "query",
        "description": param.about,
        "required": param.kind == ParamKind::RequiredTexts,
        "schema": schema,
    });
    if let Some(explode) = explode {
        described["explode"] = explode.into();
    }
    described
}

fn responses(operation: &Operation) -> Map<String, Value> {
    let mut responses = Map::new();
    for Answer { status, content, about } in operation.answers {
        let response = responses.entry(status.as_u16().to_string());
        let response = response.or_insert_with(|| json!({"description": about}));
        if let Some((media_type, schema)) = content {
            response["content"][media_type] = json!({"schema": reference(schema)});
        }
        if operation.reads_catalog {
            response["headers"] = json!({"backstitch-revision": {
                "description": "The revision that was read.",
                "schema": {"type": "integer", "format": "int64"},
            }});
        }
    }
    if operation.verb == Verb::Get {
        responses.insert("304".to_owned(), json!({"description": "What `If-None-Match` names is current."}));
    }
    for status in refusals(operation) {
        // Some operations have an answer of their own with the same status.
        let own = operation.answers.iter().find(|answer| answer.status == status);
        let schema = match own.and_then(|answer| answer.content) {
            Some((_, own)) => json!({"anyOf": [reference(own), reference("Error")]}),
            None => reference("Error"),
        };
        let content = json!({"application/json": {"schema": schema}});
        responses
            .insert(status.as_u16().to_string(), json!({"description": told(status), "content": content}));
    }
    responses
}

/// The errors of an operation: those of all, then its own.
fn refusals(operation: &Operation) -> impl Iterator<Item = StatusCode> {
    let common = [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
    let read = [StatusCode::GONE, StatusCode::SERVICE_UNAVAILABLE];
    let read = read.into_iter().filter(|_| operation.reads_catalog);
    common.into_iter().chain(read).chain(operation.refusals.iter().copied())
}

fn told(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "The request is wrong; the message says where.",
        StatusCode::UNAUTHORIZED => "Credentials are missing or not valid.",
        StatusCode::FORBIDDEN => "This is not for these credentials.",
        StatusCode::NOT_FOUND => "There is no such thing, or it may not be seen.",
        StatusCode::CONFLICT => "Something else stands in the way.",
        StatusCode::GONE => "The revision is of an incarnation that is gone.",
        StatusCode::NOT_IMPLEMENTED => "This catalog cannot do that.",
        StatusCode::SERVICE_UNAVAILABLE => "Not now; try again after `Retry-After` seconds.",
        _ => "See the message.",
    }
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}
