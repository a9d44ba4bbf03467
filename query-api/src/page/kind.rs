//! `GET /kind/{kind}`: the entities of one kind, by name.

use axum::{extract::Path, http::StatusCode, response::Response};

use super::html::{Esc, not_now, notice, page, ref_link};
use crate::{
    error::ApiError,
    index::{SortOrder, lower},
    query::{Predicate, Test},
    snapshot::Snapshot,
};

/// More than people scroll through; the API has the rest.
const SHOWN: usize = 2_000;

/// Lists the entities of one kind.
pub(crate) async fn kind(snapshot: Result<Snapshot, ApiError>, Path(kind): Path<String>) -> Response {
    let view = match snapshot {
        Ok(Snapshot(view)) => view,
        Err(error) => return not_now(&error),
    };
    let predicate = Predicate::Field("kind".to_owned(), Test::In(vec![lower(&kind)]));
    let matches = view.matching(&predicate);
    let order = [SortOrder::ascending("metadata.name")];
    let docs = view.index().list_by_values(&matches, &order, 0, SHOWN);
    if docs.is_empty() {
        let text = format!("There are no entities of the kind {kind}.");
        return notice(StatusCode::NOT_FOUND, &kind, &text);
    }
    let mut body = format!(
        "<h1>{} <span class=\"badge\">{}</span></h1>\n<ul class=\"plain\">\n",
        Esc(&kind),
        matches.len()
    );
    for entity in docs.iter().filter_map(|doc| view.entity(*doc)) {
        body.push_str(&format!("<li>{}</li>\n", ref_link(entity.entity_ref.as_str())));
    }
    body.push_str("</ul>\n");
    if matches.len() > docs.len() as u64 {
        body.push_str(&format!("<p class=\"soft\">The first {SHOWN} are shown.</p>\n"));
    }
    page(StatusCode::OK, &kind, &body)
}
