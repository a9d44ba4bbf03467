//! What the endpoints that select entities share: a query, turned into the entities it matches.

use serde_json::Value;

use crate::{
    error::ApiError,
    index::{FullText, Matches, lower},
    params::Params,
    query::{FullTextTerm, Predicate, QueryError, query_of_filters},
    view::View,
};

/// How many fields a text may be searched in.
const MAX_SEARCHED: usize = 100;

/// What the `filter` parameter is.
pub(crate) const ABOUT_FILTER: &str = "Statements `key=value` or `key`, separated by commas: all keys have to match, \
    and one of the values that a key is given. Of several filters one has to match.";

/// What the `fields` parameter is.
pub(super) const ABOUT_FIELDS: &str =
    "Dot paths of the fields to answer, such as `metadata.name`; whole entities without it.";

/// The query that the `filter` parameters mean.
pub(super) fn filter_query(params: &Params<'_>) -> Result<Option<Value>, QueryError> {
    query_of_filters(params.all("filter"))
}

/// The entities that are seen and match all of these queries.
pub(super) fn matching<'a>(view: &'a View, queries: &[Option<&Value>]) -> Result<Matches<'a>, ApiError> {
    let mut parts = Vec::new();
    for query in queries.iter().copied().flatten() {
        parts.push(Predicate::parse(query)?);
    }
    Ok(view.matching(&Predicate::All(parts)))
}

/// The search that a term means; `None` if it is blank.
///
/// # Errors
/// If it names more fields than anybody needs: each is searched as a whole.
pub(super) fn full_text(
    search: &FullTextTerm,
    order_key: Option<&str>,
) -> Result<Option<FullText>, ApiError> {
    let term = lower(search.term.trim());
    if term.is_empty() {
        return Ok(None);
    }
    let fields = search.fields.iter().flatten().map(|field| lower(field.trim()));
    let mut keys: Vec<_> = fields.filter(|field| !field.is_empty()).collect();
    if keys.is_empty() {
        keys.push(order_key.unwrap_or("metadata.uid").to_owned());
    }
    keys.sort_unstable();
    keys.dedup();
    if keys.len() > MAX_SEARCHED {
        return Err(ApiError::input(format!(
            "more than {MAX_SEARCHED} fields were to be searched; name fewer"
        )));
    }
    Ok(Some(FullText { term, keys }))
}
