//! `GET` and `POST /entity-facets`

use std::collections::BTreeMap;

use axum::{http::Uri, response::Response};
use serde_json::{Value, json};

use super::selection::{filter_query, matching};
use crate::{
    answer,
    body::JsonBody,
    error::ApiError,
    index::lower,
    openapi::{Answer, Group, Operation, Param, ParamKind},
    params::Params,
    snapshot::Snapshot,
    view::View,
};

/// More facets than this are refused: each is counted over the whole catalog.
const MAX_FACETS: usize = 1_000;

pub(crate) const GET: Operation = Operation::get(
    Group::Entities,
    "/entity-facets",
    "getEntityFacets",
    "Counts the values of some keys among the entities that match. Values keep their casing.",
)
.query(&[
    Param::new("facet", ParamKind::RequiredTexts, "A key of the search index, such as `spec.type`."),
    Param::new("filter", ParamKind::Texts, super::selection::ABOUT_FILTER),
])
.answers(&[Answer::json("Facets", "The values of each facet, and how many entities have them.")])
.reads_catalog();

pub(crate) const POST: Operation = Operation::post(
    Group::Entities,
    "/entity-facets",
    "queryEntityFacets",
    "Counts the values of some keys among the entities that match a query.",
)
.body("FacetQuery")
.answers(&[Answer::json("Facets", "The values of each facet, and how many entities have them.")])
.reads_catalog();

/// Counts the values of some keys among the entities that match the filter.
#[tracing::instrument(name = "api.entity_facets.get", skip_all)]
pub(crate) async fn get_facets(Snapshot(view): Snapshot, uri: Uri) -> Result<Response, ApiError> {
    let params = Params::read(uri.query());
    let facets: Vec<_> = params.all("facet").collect();
    counted(&view, &facets, filter_query(&params)?.as_ref())
}

/// The same with a query.
#[tracing::instrument(name = "api.entity_facets.query", skip_all)]
pub(crate) async fn query_facets(Snapshot(view): Snapshot, body: JsonBody) -> Result<Response, ApiError> {
    let facets = body.texts("facets")?.ok_or_else(|| JsonBody::missing("facets"))?;
    let facets: Vec<_> = facets.into_iter().filter(|facet| !facet.trim().is_empty()).collect();
    if facets.is_empty() {
        return Err(ApiError::input("Missing or empty facets parameter"));
    }
    counted(&view, &facets, body.object("query")?)
}

fn counted(view: &View, facets: &[&str], query: Option<&Value>) -> Result<Response, ApiError> {
    if facets.len() > MAX_FACETS {
        return Err(ApiError::input(format!("more than {MAX_FACETS} facets were asked for; ask for fewer")));
    }
    let matches = query.map(|query| matching(view, &[Some(query)])).transpose()?;
    let mut counts = BTreeMap::new();
    for facet in facets {
        counts.insert(*facet, view.facet(matches.as_deref(), &lower(facet)));
    }
    Ok(answer::json(&json!({ "facets": counts })))
}
