//! `GET /api/catalog/v1/changes` and `GET /api/catalog/v1/history/{kind}/{namespace}/{name}`

use axum::{
    extract::State,
    http::{StatusCode, Uri},
    response::Response,
};
use backstitch_read_model::{HistoryRow, ReadModel, ReadModelError};
use backstitch_schemas::EntityRef;
use serde_json::json;

use super::views::ChangeView;
use crate::{
    answer,
    error::ApiError,
    openapi::{Answer, Group, Operation, Param, ParamKind},
    params::Params,
    snapshot::{NamePath, Snapshot},
    state::ApiState,
    view::View,
};

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 10_000;

const LIMIT: Param =
    Param::new("limit", ParamKind::Count, "How many at most; 100 without it, 10,000 at most.");

pub(crate) const CHANGES: Operation = Operation::get(
    Group::Ours,
    "/v1/changes",
    "getChanges",
    "The latest changes of the catalog, newest first.",
)
.query(&[LIMIT])
.answers(&[Answer::json("Changes", "The changes.")])
.reads_catalog();

pub(crate) const HISTORY: Operation = Operation::get(
    Group::Ours,
    "/v1/history/{kind}/{namespace}/{name}",
    "getHistory",
    "The changes of one ref, newest first. Also those of an entity that is gone.",
)
.query(&[LIMIT])
.answers(&[Answer::json("Changes", "The changes.")])
.refuses(&[StatusCode::NOT_FOUND])
.reads_catalog();

/// The latest changes of the catalog, newest first.
#[tracing::instrument(name = "api.v1.changes", skip_all)]
pub(crate) async fn latest_changes(
    State(state): State<ApiState>,
    Snapshot(view): Snapshot,
    uri: Uri,
) -> Result<Response, ApiError> {
    let limit = limit_of(&Params::read(uri.query()))?;
    Ok(page(&latest_visible(&*state.read_model, &view, limit).await?))
}

/// The changes of one ref, newest first; also of one that is gone.
#[tracing::instrument(name = "api.v1.history", skip_all)]
pub(crate) async fn history(
    State(state): State<ApiState>,
    path: NamePath,
    Snapshot(view): Snapshot,
    uri: Uri,
) -> Result<Response, ApiError> {
    let limit = limit_of(&Params::read(uri.query()))?;
    let entity_ref = path.entity_ref();
    let rows = visible_history(&*state.read_model, &view, &entity_ref, limit).await?;
    if rows.is_empty() {
        return Err(ApiError::not_found(format!("Nothing is known of {entity_ref}")));
    }
    Ok(page(&rows))
}

/// The latest changes that are seen, newest first.
pub(crate) async fn latest_visible(
    read_model: &dyn ReadModel,
    view: &View,
    limit: usize,
) -> Result<Vec<HistoryRow>, ReadModelError> {
    let rows = read_model.latest_changes(looked_at(view, limit)).await?;
    let mut rows = view.visible_changes(read_model, rows).await?;
    rows.truncate(limit);
    Ok(rows)
}

/// The changes of one ref that are seen, newest first.
pub(crate) async fn visible_history(
    read_model: &dyn ReadModel,
    view: &View,
    entity_ref: &EntityRef,
    limit: usize,
) -> Result<Vec<HistoryRow>, ReadModelError> {
    let rows = read_model.history_of(entity_ref, looked_at(view, limit)).await?;
    let mut rows = view.visible_changes(read_model, rows).await?;
    rows.truncate(limit);
    Ok(rows)
}

/// How many changes to look at to find `limit` that are seen.
fn looked_at(view: &View, limit: usize) -> usize {
    if view.is_limited() { MAX_LIMIT } else { limit }
}

fn limit_of(params: &Params<'_>) -> Result<usize, ApiError> {
    Ok(params.count("limit")?.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT))
}

fn page(rows: &[HistoryRow]) -> Response {
    let items: Vec<_> = rows.iter().map(ChangeView::from).collect();
    answer::json(&json!({ "items": items }))
}
