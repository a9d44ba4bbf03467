//! `POST /entities/by-refs`

use std::sync::Arc;

use axum::{
    http::Uri,
    response::{IntoResponse, Response},
};
use backstitch_schemas::{EntityRef, RefContext};

use super::selection::{filter_query, matching};
use crate::{
    answer::{EntityList, Listed},
    body::JsonBody,
    error::ApiError,
    openapi::{Answer, Group, Operation, Param, ParamKind},
    params::Params,
    query::Projection,
    snapshot::Snapshot,
};

pub(crate) const OPERATION: Operation = Operation::post(
    Group::Entities,
    "/entities/by-refs",
    "getEntitiesByRefs",
    "Entities by their refs, in the order asked. An item is null where there is no such entity or it does not match.",
)
.query(&[Param::new("filter", ParamKind::Texts, super::selection::ABOUT_FILTER)])
.body("EntityRefs")
.answers(&[Answer::json("EntitiesByRefs", "One item for each ref.")])
.reads_catalog();

/// Returns one item for each ref that was asked for, in that order; null where there is no such
/// entity or the filter leaves it out.
#[tracing::instrument(name = "api.entities.get_by_refs", skip_all)]
pub(crate) async fn get_entities_by_refs(
    Snapshot(view): Snapshot,
    uri: Uri,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let params = Params::read(uri.query());
    let refs = body.texts("entityRefs")?.ok_or_else(|| JsonBody::missing("entityRefs"))?;
    let projection = Projection::parse(body.texts("fields")?.unwrap_or_default())?;
    let (filter, query) = (filter_query(&params)?, body.object("query")?);
    let is_filtered = filter.is_some() || query.is_some();
    let matches = matching(&view, &[filter.as_ref(), query])?;
    let found = refs.into_iter().map(|text| {
        // Full refs in any case are taken, a superset of what Backstage takes.
        let context = RefContext::default();
        let entity_ref = EntityRef::parse(text, context).ok().filter(|_| text.contains('/'))?;
        view.doc(&entity_ref).filter(|doc| !is_filtered || matches.contains(doc.0))
    });
    let docs = Listed::these(found.collect());
    drop(matches);
    let list = EntityList {
        index: Arc::clone(view.index()),
        docs,
        projection,
        before: b"{\"items\":[".to_vec(),
        after: b"]}".to_vec(),
    };
    Ok(list.into_response())
}
