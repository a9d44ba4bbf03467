//! `POST /locations/by-query`

use axum::{extract::State, response::Response};
use backstitch_schemas::RegisteredLocation;
use serde_json::{Value, json};

use crate::{
    Principal,
    access::permissions,
    answer,
    body::JsonBody,
    error::ApiError,
    openapi::{Answer, Group, Operation},
    query::{LocationCursor, LocationPredicate},
    state::ApiState,
};

/// How many locations a page has if nothing is said.
const PAGE: usize = 1_000;

pub(crate) const OPERATION: Operation = Operation::post(
    Group::Locations,
    "/locations/by-query",
    "queryLocations",
    "A page of the registered locations that match, by id.",
)
.optional_body("LocationQuery")
.answers(&[Answer::json("LocationPage", "The page.")]);

/// Returns a page of the locations that match; an empty one to whoever may not see them.
#[tracing::instrument(name = "api.locations.query", skip_all)]
pub(crate) async fn query_locations(
    State(state): State<ApiState>,
    principal: Principal,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let asked = asked(&body)?;
    let predicate = asked.query.as_ref().map(LocationPredicate::parse).transpose()?;
    if state.authorize(&principal, permissions::LOCATION_READ).await.is_err() {
        return Ok(answer::json(&json!({"items": [], "totalItems": 0, "pageInfo": {}})));
    }
    let mut matches = state.read_model.locations().await?;
    matches.retain(|location| predicate.as_ref().is_none_or(|predicate| predicate.holds(location)));
    Ok(answer::json(&page(&matches, &asked)))
}

fn asked(body: &JsonBody) -> Result<LocationCursor, ApiError> {
    if let Some(cursor) = body.text("cursor")? {
        return Ok(LocationCursor::decode(cursor)?);
    }
    let limit = match body.number("limit")? {
        None => PAGE,
        Some(limit) => limit.as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or_default(),
    };
    if limit == 0 {
        return Err(ApiError::input("Limit must be a positive integer >= 1"));
    }
    Ok(LocationCursor { limit, after_id: None, query: body.object("query")?.cloned() })
}

/// The page after the cursor's id, of matches in the order of their ids.
fn page(matches: &[RegisteredLocation], asked: &LocationCursor) -> Value {
    let begin = asked.after_id.map_or(0, |after| matches.partition_point(|location| location.id <= after));
    let end = begin.saturating_add(asked.limit).min(matches.len());
    let items = &matches[begin..end];
    let mut page_info = json!({});
    if let Some(last) = items.last().filter(|_| end < matches.len()) {
        let next = LocationCursor { after_id: Some(last.id), ..asked.clone() };
        page_info["nextCursor"] = next.encode().into();
    }
    json!({"items": items, "totalItems": matches.len(), "pageInfo": page_info})
}
