//! `GET` and `POST /entities/by-query`: pages with a total and cursors in both directions.

use std::sync::Arc;

use axum::{
    http::Uri,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::selection::{ABOUT_FIELDS, ABOUT_FILTER, filter_query, full_text, matching};
use crate::{
    answer::{EntityList, Listed},
    audit::Notes,
    body::JsonBody,
    error::ApiError,
    index::{Direction, Hit, Matches, SortOrder, Window},
    openapi::{Answer, Group, Operation, Param, ParamKind},
    params::Params,
    query::{Cursor, CursorOrder, FullTextTerm, Order, Projection, parse_order_field},
    snapshot::Snapshot,
    view::View,
};

const DEFAULT_LIMIT: usize = 200;

pub(crate) const GET: Operation = Operation::get(
    Group::Entities,
    "/entities/by-query",
    "getEntitiesByQuery",
    "A page of the entities that match, with their number and cursors in both directions. With `cursor` \
     only `limit` and `fields` count beside it.",
)
.query(&[
    Param::new("filter", ParamKind::Texts, ABOUT_FILTER),
    Param::new("fields", ParamKind::List, ABOUT_FIELDS),
    Param::new("limit", ParamKind::Count, "How many at most; 200 without it, and 0 only counts."),
    Param::new("offset", ParamKind::Count, "How many to leave out, on the first page."),
    Param::new(
        "orderField",
        ParamKind::Texts,
        "`<field>`, `<field>,asc` or `<field>,desc`; only the first counts. Entities without the field are left out.",
    ),
    Param::new("cursor", ParamKind::Text, "From `pageInfo`."),
    Param::new("totalItems", ParamKind::Word(&["include", "exclude"]), "Whether to count."),
    Param::new("fullTextFilterTerm", ParamKind::Text, "A text that one of the fields contains."),
    Param::new("fullTextFilterFields", ParamKind::List, "Where to look; in the order field without it."),
])
.answers(&[Answer::json("EntityPage", "A page.")])
.reads_catalog();

pub(crate) const POST: Operation = Operation::post(
    Group::Entities,
    "/entities/by-query",
    "queryEntities",
    "A page of the entities that match a query, with their number and cursors in both directions.",
)
.optional_body("EntityQuery")
.answers(&[Answer::json("EntityPage", "A page.")])
.reads_catalog();

/// A request for a page, whichever verb it came with.
#[derive(Debug)]
struct PageRequest {
    /// What is asked, and from where on.
    cursor: Cursor,
    limit: usize,
    offset: usize,
    projection: Option<Projection>,
}

/// Returns a page of the entities that match the filter.
#[tracing::instrument(name = "api.entities.query", skip_all)]
pub(crate) async fn get_entities_by_query(
    Snapshot(view): Snapshot,
    notes: Notes,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::read(uri.query());
    let limit = params.count("limit")?.unwrap_or(DEFAULT_LIMIT);
    let offset = params.count("offset")?.unwrap_or(0);
    let projection = params.projection()?;
    let (cursor, offset) = match params.one("cursor") {
        Some(cursor) => (Cursor::decode(cursor)?, 0),
        None => (initial_cursor(&params)?, offset),
    };
    answer(&view, PageRequest { cursor, limit, offset, projection }, &notes)
}

/// The same with a query.
#[tracing::instrument(name = "api.entities.query", skip_all)]
pub(crate) async fn post_entities_by_query(
    Snapshot(view): Snapshot,
    notes: Notes,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let limit = body.count("limit")?.unwrap_or(DEFAULT_LIMIT);
    let offset = body.count("offset")?.unwrap_or(0);
    let fields = body.texts("fields")?.unwrap_or_default();
    let projection = Projection::parse(fields.into_iter().flat_map(|fields| fields.split(',')))?;
    let (cursor, offset) = match body.text("cursor")? {
        Some("") => return Err(ApiError::input("Cursor cannot be empty")),
        Some(cursor) => (Cursor::decode(cursor)?, 0),
        None => (posted_cursor(&body)?, offset),
    };
    answer(&view, PageRequest { cursor, limit, offset, projection }, &notes)
}

fn initial_cursor(params: &Params<'_>) -> Result<Cursor, ApiError> {
    let orders = params.all("orderField").map(parse_order_field).collect::<Result<Vec<_>, _>>()?;
    let order = |(field, descending)| CursorOrder { field, order: order_of(descending) };
    let fields = params.one("fullTextFilterFields");
    let fields = fields.map(|fields| fields.split(',').map(|field| field.trim().to_owned()).collect());
    let term = params.one("fullTextFilterTerm").unwrap_or_default().trim().to_owned();
    Ok(Cursor {
        order_fields: orders.into_iter().map(order).collect(),
        order_field_values: Vec::new(),
        is_previous: false,
        query: filter_query(params)?,
        full_text_filter: Some(FullTextTerm { term, fields }),
        first_sort_field_values: None,
        total_items: (params.one("totalItems") == Some("exclude")).then_some(0),
    })
}

fn posted_cursor(body: &JsonBody) -> Result<Cursor, ApiError> {
    let mut orders = Vec::new();
    for (position, item) in body.items("orderBy")?.into_iter().flatten().enumerate() {
        orders.push(posted_order(position, item)?);
    }
    let malformed = |what: &str| ApiError::input(format!("request/body/fullTextFilter{what}"));
    let search = body.object("fullTextFilter")?.cloned();
    let full_text_filter = search
        .map(|search| {
            serde_json::from_value(search).map_err(|_| malformed(" must have texts as term and fields"))
        })
        .transpose()?;
    let total_items = body.word("totalItems", &["include", "exclude"])?;
    Ok(Cursor {
        order_fields: orders,
        order_field_values: Vec::new(),
        is_previous: false,
        query: body.object("query")?.cloned(),
        full_text_filter,
        first_sort_field_values: None,
        total_items: (total_items == Some("exclude")).then_some(0),
    })
}

fn posted_order(position: usize, item: &Value) -> Result<CursorOrder, ApiError> {
    let at = format!("request/body/orderBy/{position}");
    for name in ["field", "order"] {
        if item.get(name).is_none() {
            return Err(ApiError::input(format!("{at} must have required property '{name}'")));
        }
    }
    let field = item["field"].as_str();
    let field = field.ok_or_else(|| ApiError::input(format!("{at}/field must be string")))?.to_owned();
    match item["order"].as_str() {
        Some("asc") => Ok(CursorOrder { field, order: Order::Asc }),
        Some("desc") => Ok(CursorOrder { field, order: Order::Desc }),
        _ => {
            Err(ApiError::input(format!("{at}/order must be equal to one of the allowed values: asc, desc")))
        }
    }
}

fn order_of(descending: bool) -> Order {
    if descending { Order::Desc } else { Order::Asc }
}

/// What was found: the items in forward order, and whether there is more in the asked direction.
struct Found<'a> {
    hits: Vec<Hit<'a>>,
    has_more: bool,
    total: u64,
}

fn answer(view: &View, request: PageRequest, notes: &Notes) -> Result<Response, ApiError> {
    let found = find(view, &request)?;
    let page_info = page_info(&request.cursor, &found, request.limit);
    notes.add("totalItems", || found.total.into());
    notes.add("pageInfo", || page_info.clone());
    let docs = found.hits.iter().map(|hit| Some(hit.doc)).collect();
    let after = format!("],\"totalItems\":{},\"pageInfo\":{page_info}}}", found.total);
    drop(found);
    let before = b"{\"items\":[".to_vec();
    Ok(EntityList {
        index: Arc::clone(view.index()),
        docs: Listed::these(docs),
        projection: request.projection,
        before,
        after: after.into(),
    }
    .into_response())
}

fn find<'a>(view: &'a View, request: &PageRequest) -> Result<Found<'a>, ApiError> {
    let (index, cursor) = (view.index(), &request.cursor);
    let order = cursor.order_fields.first().map(|order| SortOrder {
        key: crate::index::lower(&order.field),
        descending: order.order == Order::Desc,
    });
    let order_key = order.as_ref().map(|order| order.key.as_str());
    let search = match &cursor.full_text_filter {
        Some(search) => full_text(search, order_key)?,
        None => None,
    };
    let mut matches: Matches<'a> = matching(view, &[cursor.query.as_ref()])?;
    if let Some(search) = &search {
        matches = index.containing(&matches, search);
    }
    if let Some(order) = &order {
        matches = index.with_value(matches, &order.key);
    }
    let total = cursor.total_items.unwrap_or_else(|| matches.len());
    if request.limit == 0 {
        return Ok(Found { hits: Vec::new(), has_more: false, total });
    }

    let position = cursor.position().map_err(ApiError::input)?;
    let direction = if cursor.is_previous { Direction::Backward } else { Direction::Forward };
    let limit = request.limit.saturating_add(1);
    let window = Window { from: position.as_ref(), direction, skip: request.offset, limit };
    let mut hits = match &order {
        None => index.page_by_uid(&matches, window),
        Some(order) => {
            // A search in nothing but the sort field shows only the values that it found.
            let in_order_field = search.as_ref().filter(|search| search.keys == [order.key.as_str()]);
            let text = in_order_field.map(|search| search.term.as_str());
            index.page_by_value(&matches, order, text, window)
        }
    };
    let has_more = hits.len() > request.limit;
    hits.truncate(request.limit);
    if cursor.is_previous {
        hits.reverse();
    }
    Ok(Found { hits, has_more, total })
}

fn page_info(cursor: &Cursor, found: &Found<'_>, limit: usize) -> Value {
    let (Some(first), Some(last)) = (found.hits.first(), found.hits.last()) else { return json!({}) };
    let values = |hit: &Hit<'_>| Cursor::values_of(hit.position());
    let very_first = cursor.first_sort_field_values.clone().unwrap_or_else(|| values(first));
    let at = |hit: &Hit<'_>, is_previous| Cursor {
        order_field_values: values(hit),
        is_previous,
        first_sort_field_values: Some(very_first.clone()),
        total_items: Some(found.total),
        ..cursor.clone()
    };
    let mut page_info = json!({});
    // Whoever went back came from somewhere.
    if limit > 0 && (found.has_more || cursor.is_previous) {
        page_info["nextCursor"] = at(last, false).encode().into();
    }
    let is_initial = cursor.first_sort_field_values.is_none();
    if !is_initial && values(first) != very_first {
        page_info["prevCursor"] = at(first, true).encode().into();
    }
    page_info
}
