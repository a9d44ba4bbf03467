//! `GET /api/catalog/v1/explain?ref=…|target=…`: why an entity is not there, stale, or not what was
//! written.
//!
//! What is known is gathered first ([`gather`]); what it means is decided by pure functions ([`verdict`]).

mod facts;
mod gather;
mod nearest;
mod sources;
mod verdict;

use axum::{extract::State, response::Response};
use backstitch_schemas::{EntityRef, LocationRef, RefContext};

use self::facts::Explanation;
use crate::{
    answer,
    error::ApiError,
    openapi::{Answer, Group, Operation, Param, ParamKind},
    params::Params,
    snapshot::Snapshot,
    state::ApiState,
};

pub(crate) const OPERATION: Operation = Operation::get(
    Group::Ours,
    "/v1/explain",
    "explain",
    "Why an entity, or what stands behind a URL, is not there, stale, or not what was written.",
)
.query(&[
    Param::new("ref", ParamKind::Text, "An entity ref; the kind is component where none is written."),
    Param::new("target", ParamKind::Text, "A URL, a path, or a location ref such as `url:https://…`."),
])
.answers(&[Answer::json("Explanation", "What is known, what it means, and what to do.")])
.reads_catalog();

/// Explains one entity or one document.
#[tracing::instrument(name = "api.v1.explain", skip_all)]
pub(crate) async fn explain(
    State(state): State<ApiState>,
    Snapshot(view): Snapshot,
    uri: axum::http::Uri,
) -> Result<Response, ApiError> {
    let params = Params::read(uri.query());
    let explanation: Explanation = match (params.one("ref"), params.one("target")) {
        (Some(text), None) => {
            let entity_ref = parse_ref(text)?;
            verdict::on_entity(gather::entity(&state, &view, &entity_ref).await?)
        }
        (None, Some(text)) => {
            verdict::on_document(gather::document(&state, &view, &location_of(text)).await?)
        }
        _ => return Err(ApiError::input("Name either an entity with `ref` or a document with `target`")),
    };
    Ok(answer::json(&explanation))
}

fn parse_ref(text: &str) -> Result<EntityRef, ApiError> {
    let context = RefContext { default_kind: Some("component"), default_namespace: None };
    EntityRef::parse(text, context).map_err(|error| ApiError::input(error.to_string()))
}

/// The location ref that a person means by a URL, a path or a location ref.
fn location_of(text: &str) -> LocationRef {
    let is_url = text.starts_with("http://") || text.starts_with("https://");
    match LocationRef::parse(text) {
        Ok(location) if !is_url => location,
        _ if is_url => LocationRef::new("url", text),
        _ => LocationRef::new("file", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_may_be_named_as_people_name_it() {
        for (text, expected) in [
            ("https://example.com/a.yaml", "url:https://example.com/a.yaml"),
            ("url:https://example.com/a.yaml", "url:https://example.com/a.yaml"),
            ("/srv/a.yaml", "file:/srv/a.yaml"),
            ("file:/srv/a.yaml", "file:/srv/a.yaml"),
        ] {
            assert_eq!(location_of(text).to_string(), expected);
        }
    }
}
