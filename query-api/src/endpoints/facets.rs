//! `GET` and `POST /entity-facets`

use std::collections::BTreeMap;

use axum::{http::Uri, response::Response};
use serde_json::{Value, json};

use super::selection::{filter_query, matching};
use crate::{
    answer, body::JsonBody, error::ApiError, index::lower, params::Params, snapshot::Snapshot, view::View,
};

/// Counts the values of some keys among the entities that match the filter.
#[tracing::instrument(name = "api.entity_facets.get", skip_all)]
pub(crate) async fn get_facets(Snapshot(view): Snapshot, uri: Uri) -> Result<Response, ApiError> {
    let params = Params::parse(uri.query(), &["facet", "filter"])?;
    let facets: Vec<_> = params.all("facet").collect();
    if facets.is_empty() {
        return Err(ApiError::input("request/query must have required property 'facet'"));
    }
    counted(&view, &facets, filter_query(&params)?.as_ref())
}

/// The same with a query.
#[tracing::instrument(name = "api.entity_facets.query", skip_all)]
pub(crate) async fn query_facets(
    Snapshot(view): Snapshot,
    uri: Uri,
    body: JsonBody,
) -> Result<Response, ApiError> {
    Params::parse(uri.query(), &[])?;
    let facets = body.texts("facets")?.ok_or_else(|| JsonBody::missing("facets"))?;
    let facets: Vec<_> = facets.into_iter().filter(|facet| !facet.trim().is_empty()).collect();
    if facets.is_empty() {
        return Err(ApiError::input("Missing or empty facets parameter"));
    }
    counted(&view, &facets, body.object("query")?)
}

fn counted(view: &View, facets: &[&str], query: Option<&Value>) -> Result<Response, ApiError> {
    let matches = query.map(|query| matching(view, &[Some(query)])).transpose()?;
    let mut counts = BTreeMap::new();
    for facet in facets {
        counts.insert(*facet, view.facet(matches.as_deref(), &lower(facet)));
    }
    Ok(answer::json(&json!({ "facets": counts })))
}
