//! `GET /api/catalog/v1/dangling`: relations that lead nowhere.

use std::collections::BTreeSet;

use axum::{http::Uri, response::Response};
use backstitch_schemas::EntityRef;
use serde::Serialize;
use serde_json::json;

use crate::{
    answer,
    error::ApiError,
    index::relation_key,
    openapi::{Answer, Group, Operation, Param, ParamKind},
    params::Params,
    query::{Predicate, Test},
    snapshot::Snapshot,
    view::View,
};

const DEFAULT_LIMIT: usize = 1_000;
/// Entities that are named for each.
const NAMED: usize = 10;

pub(crate) const OPERATION: Operation = Operation::get(
    Group::Ours,
    "/v1/dangling",
    "getDangling",
    "Relations whose target is not in the catalog, those of most entities first.",
)
.query(&[Param::new("limit", ParamKind::Count, "How many at most; 1,000 without it.")])
.answers(&[Answer::json("Dangling", "The targets, and how many there are.")])
.reads_catalog();

/// A target that is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Missing {
    target_ref: String,
    /// The relation that leads there.
    relation: String,
    /// How many entities have it.
    count: u64,
    /// Some of them.
    sources: Vec<String>,
}

/// Lists the relations that lead nowhere.
#[tracing::instrument(name = "api.v1.dangling", skip_all)]
pub(crate) async fn dangling(Snapshot(view): Snapshot, uri: Uri) -> Result<Response, ApiError> {
    let limit = Params::read(uri.query()).count("limit")?.unwrap_or(DEFAULT_LIMIT);
    let mut missing = missing(&view);
    let total = missing.len();
    missing.truncate(limit);
    for item in &mut missing {
        item.sources = sources(&view, item);
    }
    Ok(answer::json(&json!({"items": missing, "totalItems": total})))
}

fn missing(view: &View) -> Vec<Missing> {
    let types: BTreeSet<&str> = view.index().relation_types().collect();
    let mut missing = Vec::new();
    for relation in types {
        let targets = view.facet(None, &relation_key(relation)).into_iter();
        // What is hidden is as good as not there.
        let absent = targets.filter(|target| !view.sees(&EntityRef::from_canonical(&target.value)));
        missing.extend(absent.map(|target| Missing {
            target_ref: target.value,
            relation: relation.to_owned(),
            count: target.count,
            sources: Vec::new(),
        }));
    }
    missing.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.target_ref.cmp(&b.target_ref)));
    missing
}

fn sources(view: &View, missing: &Missing) -> Vec<String> {
    let test = Test::In(vec![missing.target_ref.clone()]);
    let named = view.some_of(&Predicate::Field(relation_key(&missing.relation), test), NAMED);
    named.into_iter().map(|entity| entity.entity_ref.to_string()).collect()
}
