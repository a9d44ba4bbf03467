//! `GET /api/catalog/v1/changes` and `GET /api/catalog/v1/history/{kind}/{namespace}/{name}`

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header, request::Parts},
    response::Response,
};
use backstitch_read_model::{HistoryRow, ReadModel, ReadModelError, Revision};
use backstitch_schemas::EntityRef;
use serde_json::json;

use super::{
    change_stream::{Reader, follow, gone},
    views::ChangeView,
};
use crate::{
    answer,
    endpoints::ABOUT_FILTER,
    error::ApiError,
    feed::{Feed, Told},
    openapi::{Answer, Group, Operation, Param, ParamKind},
    params::Params,
    query::{Predicate, query_of_filters},
    snapshot::{NamePath, Snapshot},
    state::ApiState,
    view::View,
};

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 10_000;

/// Changes after a revision come with whole entities, so fewer of them make a page.
const MAX_LIMIT_AFTER: usize = 1_000;

/// Where a stream was left.
const LAST_EVENT_ID: &str = "last-event-id";

pub(crate) const CHANGES: Operation = Operation::get(
    Group::Ours,
    "/v1/changes",
    "getChanges",
    "The changes of the catalog. Without `since` the latest, newest first. With it those after a revision, oldest \
     first, with the entity before and after. With `Accept: text/event-stream` those after a revision (`since`, or \
     the header `Last-Event-ID`, or now) and then each as it is committed.",
)
.query(&[
    Param::new(
        "limit",
        ParamKind::Count,
        "How many at most; 100 without it, 10,000 at most, or 1,000 with `since`. A stream has no limit.",
    ),
    Param::new(
        "since",
        ParamKind::Count,
        "The revision to begin after: that of a read, or `nextSince` of the page before.",
    ),
    Param::new("filter", ParamKind::Texts, ABOUT_FILTER),
])
.answers(&[
    Answer::json("Changes", "The changes, as a page or as server-sent events."),
    Answer::events("ChangeEvents", "The changes, as a page or as server-sent events."),
])
.reads_catalog();

pub(crate) const HISTORY: Operation = Operation::get(
    Group::Ours,
    "/v1/history/{kind}/{namespace}/{name}",
    "getHistory",
    "The changes of one ref, newest first. Also those of an entity that is gone.",
)
.query(&[Param::new("limit", ParamKind::Count, "How many at most; 100 without it, 10,000 at most.")])
.answers(&[Answer::json("Changes", "The changes.")])
.refuses(&[StatusCode::NOT_FOUND])
.reads_catalog();

/// The latest changes of the catalog, newest first; those after a revision, oldest first; or, for who
/// accepts `text/event-stream`, those after a revision and all that follow.
#[tracing::instrument(name = "api.v1.changes", skip_all)]
pub(crate) async fn changes(
    State(state): State<ApiState>,
    Snapshot(view): Snapshot,
    request: Parts,
) -> Result<Response, ApiError> {
    let params = Params::read(request.uri.query());
    let limit = params.count("limit")?.unwrap_or(DEFAULT_LIMIT);
    let filter = query_of_filters(params.all("filter"))?;
    let filter = filter.map(|query| Predicate::parse(&query)).transpose()?;
    let since = params.count("since")?.map(|number| Revision(i64::try_from(number).unwrap_or(i64::MAX)));
    if accepts_events(&request.headers) {
        let since = left_at(&request.headers)?.or(since).unwrap_or_else(|| view.revision());
        let principal = request.extensions.get().cloned().unwrap_or_default();
        return follow(Reader { state, principal, filter }, since).await;
    }
    match since {
        Some(since) => {
            let feed = Feed::of(&*state.read_model, &view, filter.as_ref())?;
            changes_after(&feed, since, limit.min(MAX_LIMIT_AFTER)).await
        }
        None if filter.is_some() => Err(ApiError::input(
            "request/query/filter needs request/query/since: the revision to begin after",
        )),
        None => Ok(page(&latest_visible(&*state.read_model, &view, limit.min(MAX_LIMIT)).await?)),
    }
}

/// The changes of one ref, newest first; also of one that is gone.
#[tracing::instrument(name = "api.v1.history", skip_all)]
pub(crate) async fn history(
    State(state): State<ApiState>,
    path: NamePath,
    Snapshot(view): Snapshot,
    uri: Uri,
) -> Result<Response, ApiError> {
    let limit = Params::read(uri.query()).count("limit")?.unwrap_or(DEFAULT_LIMIT);
    let entity_ref = path.entity_ref();
    let rows = visible_history(&*state.read_model, &view, &entity_ref, limit.min(MAX_LIMIT)).await?;
    if rows.is_empty() {
        return Err(ApiError::not_found(format!("Nothing is known of {entity_ref}")));
    }
    Ok(page(&rows))
}

async fn changes_after(feed: &Feed<'_>, since: Revision, limit: usize) -> Result<Response, ApiError> {
    let part = feed.after(since, limit).await?.ok_or_else(|| gone(since))?;
    let changes = part.told.iter().filter_map(|told| match told {
        Told::Change(change) => Some(ChangeView::whole(change)),
        Told::Commit(_) => None,
    });
    let items: Vec<_> = changes.collect();
    Ok(answer::json(&json!({ "items": items, "nextSince": part.next.0 })))
}

fn accepts_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        let media_type = range.split(';').next().unwrap_or_default().trim();
        media_type.eq_ignore_ascii_case("text/event-stream")
    })
}

fn left_at(headers: &HeaderMap) -> Result<Option<Revision>, ApiError> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.parse().ok().filter(|number| *number >= 0);
    let wrong = || ApiError::input(format!("request/headers/{LAST_EVENT_ID} must be a revision"));
    number.map(|number| Some(Revision(number))).ok_or_else(wrong)
}

/// The latest changes that are seen, newest first.
pub(crate) async fn latest_visible(
    read_model: &dyn ReadModel,
    view: &View,
    limit: usize,
) -> Result<Vec<HistoryRow>, ReadModelError> {
    Listed::All.visible(read_model, view, limit).await
}

/// The changes of one ref that are seen, newest first.
pub(crate) async fn visible_history(
    read_model: &dyn ReadModel,
    view: &View,
    entity_ref: &EntityRef,
    limit: usize,
) -> Result<Vec<HistoryRow>, ReadModelError> {
    Listed::Of(entity_ref).visible(read_model, view, limit).await
}

/// Whose changes are listed.
#[derive(Clone, Copy, Debug)]
enum Listed<'a> {
    All,
    Of(&'a EntityRef),
}

impl Listed<'_> {
    /// The newest `limit` of them that are seen.
    async fn visible(
        self,
        read_model: &dyn ReadModel,
        view: &View,
        limit: usize,
    ) -> Result<Vec<HistoryRow>, ReadModelError> {
        let looked_at = if view.is_limited() { MAX_LIMIT } else { limit };
        let rows = self.up_to(read_model, view.revision(), looked_at).await?;
        view.visible_changes(read_model, rows, limit).await
    }

    /// The newest `count` up to a revision. The read model may be ahead of it: by at most [`MAX_LIMIT`] changes,
    /// or fewer are found.
    async fn up_to(
        self,
        read_model: &dyn ReadModel,
        revision: Revision,
        count: usize,
    ) -> Result<Vec<HistoryRow>, ReadModelError> {
        let mut asked_for = count;
        loop {
            let mut rows = self.newest(read_model, asked_for).await?;
            let is_all = rows.len() < asked_for || asked_for >= MAX_LIMIT;
            let beyond = rows.partition_point(|row| row.revision > revision);
            rows.drain(..beyond);
            if is_all || rows.len() >= count {
                rows.truncate(count);
                return Ok(rows);
            }
            // Twice as many, since more may be committed meanwhile.
            asked_for = (count + 2 * beyond).min(MAX_LIMIT);
        }
    }

    async fn newest(
        self,
        read_model: &dyn ReadModel,
        count: usize,
    ) -> Result<Vec<HistoryRow>, ReadModelError> {
        match self {
            Self::All => read_model.latest_changes(count).await,
            Self::Of(entity_ref) => read_model.history_of(entity_ref, count).await,
        }
    }
}

fn page(rows: &[HistoryRow]) -> Response {
    let items: Vec<_> = rows.iter().map(ChangeView::from).collect();
    answer::json(&json!({ "items": items }))
}
