//! `GET /entities`: the plain list, whole or in pages.

use std::sync::Arc;

use axum::{
    http::{HeaderValue, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::selection::{filter_query, matching};
use crate::{
    answer::{EntityList, Listed},
    error::ApiError,
    index::{Doc, Index, Matches, SortOrder},
    openapi::{Answer, Group, Operation, Param, ParamKind},
    params::Params,
    query::parse_order,
    snapshot::Snapshot,
};

pub(crate) const OPERATION: Operation = Operation::get(
    Group::Entities,
    "/entities",
    "getEntities",
    "The plain list, whole or in pages. The header `Link` leads to the next page.",
)
.query(&[
    Param::new("filter", ParamKind::Texts, super::selection::ABOUT_FILTER),
    Param::new("fields", ParamKind::List, super::selection::ABOUT_FIELDS),
    Param::new("limit", ParamKind::Count, "How many at most, from 1; all without it."),
    Param::new("offset", ParamKind::Count, "How many to leave out."),
    Param::new("after", ParamKind::Text, "Where a page ended, from the header `Link`."),
    Param::new(
        "order",
        ParamKind::Texts,
        "`asc:<field>` or `desc:<field>`; entities without the field come last.",
    ),
])
.answers(&[Answer::json("EntityList", "The entities that match one of the filters.")])
.reads_catalog();

/// Sorting by more than this is refused.
const MAX_ORDERS: usize = 32;

/// Which part of the list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Page {
    offset: usize,
    limit: Option<usize>,
}

/// Returns the entities that match one of the filters. Without `limit`, `offset` and `after` all of
/// them are streamed; entities that lack the order field come last (Backstage leaves them out).
#[tracing::instrument(name = "api.entities.list", skip_all)]
pub(crate) async fn list_entities(Snapshot(view): Snapshot, uri: Uri) -> Result<Response, ApiError> {
    let params = Params::read(uri.query());
    let page = page_of(&params)?;
    let projection = params.projection()?;
    let orders = params.all("order").map(parse_order).collect::<Result<Vec<_>, _>>()?;
    if orders.len() > MAX_ORDERS {
        return Err(ApiError::input(format!("more than {MAX_ORDERS} orders were asked for; ask for fewer")));
    }
    let query = filter_query(&params)?;
    let matches = matching(&view, &[query.as_ref()])?;
    let (index, total) = (view.index(), matches.len());
    let (docs, link) = match page {
        None if orders.is_empty() => (Listed::by_uid(matches.into_owned()), None),
        None => (these(index.list_by_values(&matches, &orders, 0, usize::MAX)), None),
        Some(page) => {
            let docs = one_page(index, &matches, &orders, page);
            let link = next_link(page, docs.len(), total, &params);
            (these(docs), link)
        }
    };
    let index = Arc::clone(index);
    let list = EntityList { index, docs, projection, before: b"[".to_vec(), after: b"]".to_vec() };
    let mut response = list.into_response();
    if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

fn these(docs: Vec<Doc>) -> Listed {
    Listed::these(docs.into_iter().map(Some).collect())
}

fn one_page(index: &Index, matches: &Matches<'_>, orders: &[SortOrder], page: Page) -> Vec<Doc> {
    let limit = page.limit.unwrap_or(usize::MAX);
    if orders.is_empty() {
        return index.list_by_ref(matches, page.offset, limit);
    }
    index.list_by_values(matches, orders, page.offset, limit)
}

fn page_of(params: &Params<'_>) -> Result<Option<Page>, ApiError> {
    let (limit, offset) = (params.count("limit")?, params.count("offset")?);
    let page = match params.one("after") {
        Some(after) => page_after(after)?,
        None if limit.is_none() && offset.is_none() => return Ok(None),
        None => Page { offset: offset.unwrap_or(0), limit },
    };
    if page.limit == Some(0) {
        return Err(ApiError::input("Invalid limit, must be greater than zero"));
    }
    Ok(Some(page))
}

/// The cursor of the plain list: base64 of `{"limit":n,"offset":m}`.
fn page_after(text: &str) -> Result<Page, ApiError> {
    let malformed = |what: &str| ApiError::input(format!("Malformed after cursor, {what}"));
    let bytes = STANDARD.decode(text).map_err(|_| malformed("could not be parsed"))?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|_| malformed("could not be parsed"))?;
    let number = |name: &str| match value.get(name) {
        None => Ok(None),
        Some(number) => match number.as_u64().and_then(|number| usize::try_from(number).ok()) {
            Some(number) => Ok(Some(number)),
            None => Err(malformed(&format!("{name} was not an number"))),
        },
    };
    Ok(Page { offset: number("offset")?.unwrap_or(0), limit: number("limit")? })
}

/// Where the list goes on, relative to the mount.
fn next_link(page: Page, shown: usize, total: u64, params: &Params<'_>) -> Option<String> {
    let limit = page.limit?;
    let next = page.offset.saturating_add(shown);
    if next as u64 >= total {
        return None;
    }
    // Written by hand because clients see the members in this order.
    let after = STANDARD.encode(format!("{{\"limit\":{limit},\"offset\":{next}}}"));
    let query = params.encode_with("after", &after, "offset");
    Some(format!("</entities?{query}>; rel=\"next\""))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cursor_is_limit_and_offset() {
        let after = STANDARD.encode(json!({"limit": 2, "offset": 4}).to_string());
        assert_eq!(page_after(&after), Ok(Page { offset: 4, limit: Some(2) }));
        for (text, expected) in [
            ("!!!".to_owned(), "Malformed after cursor, could not be parsed"),
            (STANDARD.encode("{\"limit\":\"x\"}"), "Malformed after cursor, limit was not an number"),
            (STANDARD.encode("{\"offset\":-1}"), "Malformed after cursor, offset was not an number"),
        ] {
            assert_eq!(page_after(&text).unwrap_err().message, expected);
        }
    }

    #[test]
    fn the_link_keeps_the_other_parameters() {
        let query = "limit=2&filter=kind=component&offset=1";
        let params = Params::read(Some(query));
        let link = next_link(Page { offset: 0, limit: Some(2) }, 2, 9, &params).unwrap();
        let expected = "</entities?limit=2&filter=kind%3Dcomponent&after=eyJsaW1pdCI6Miwib2Zmc2V0IjoyfQ%3D%3D>; rel=\"next\"";
        assert_eq!(link, expected);
        assert_eq!(next_link(Page { offset: 7, limit: Some(2) }, 2, 9, &params), None);
    }
}
