//! `GET /`: problems first, then the latest changes, then what there is.

use axum::{extract::State, http::StatusCode, response::Response};
use backstitch_read_model::ReadModelError;

use super::{
    html::{Esc, encoded, notice, page},
    parts,
};
use crate::{
    index::Index,
    state::ApiState,
    v1::{status::Status, views::ChangeView},
};

/// Problems that are shown; the rest is counted.
const SHOWN_PROBLEMS: usize = 100;
const SHOWN_CHANGES: usize = 30;

/// Shows how the catalog is.
pub(crate) async fn home(State(state): State<ApiState>) -> Response {
    let Some(index) = state.catalog.index() else {
        let text = "The catalog is being loaded. Reload this page in a moment.";
        return notice(StatusCode::SERVICE_UNAVAILABLE, "Not ready yet", text);
    };
    match body(&state, &index).await {
        Ok(body) => page(StatusCode::OK, "Catalog", &body),
        Err(error) => notice(StatusCode::SERVICE_UNAVAILABLE, "The read model is away", &error.to_string()),
    }
}

async fn body(state: &ApiState, index: &Index) -> Result<String, ReadModelError> {
    let status = Status::collect(state, index).await?;
    let changes = state.read_model.latest_changes(SHOWN_CHANGES).await?;
    let changes: Vec<_> = changes.iter().map(ChangeView::from).collect();
    let mut out = headline(&status);
    out.push_str(&notices(&status));
    out.push_str(&problems(&status));
    out.push_str("<h2>Latest changes</h2>\n");
    out.push_str(&parts::changes(&changes, true));
    out.push_str(&kinds(&status));
    out.push_str(&providers(&status));
    Ok(out)
}

fn headline(status: &Status) -> String {
    let busy = if status.busy { " · <span class=\"badge\">reading</span>" } else { "" };
    format!(
        "<h1>{} entities</h1>\n<p class=\"soft\">revision {} · {} problems · {} conflicts{busy}</p>\n",
        status.entities, status.revision, status.problems_total, status.conflicts_total
    )
}

fn notices(status: &Status) -> String {
    let mut out = String::new();
    if !status.notices.is_empty() {
        out.push_str("<h2>Notices</h2>\n<ul class=\"cards\">\n");
        for notice in &status.notices {
            out.push_str(&format!("<li>{}</li>\n", Esc(notice)));
        }
        out.push_str("</ul>\n");
    }
    out
}

fn problems(status: &Status) -> String {
    let mut out = String::from("<h2>Problems</h2>\n");
    if status.problems.is_empty() {
        out.push_str("<p>Everything that was read is in the catalog.</p>\n");
        return out;
    }
    out.push_str("<ul class=\"cards\">\n");
    for view in status.problems.iter().take(SHOWN_PROBLEMS) {
        out.push_str(&parts::problem(view.entity_ref.as_deref(), view.provider.as_deref(), &view.problem));
    }
    out.push_str("</ul>\n");
    let shown = status.problems.len().min(SHOWN_PROBLEMS);
    let more = status.problems_total - i64::try_from(shown).unwrap_or(0);
    if more > 0 {
        out.push_str(&format!("<p><a href=\"/api/catalog/v1/errors\">and {more} more</a></p>\n"));
    }
    out
}

fn kinds(status: &Status) -> String {
    let mut out = String::from("<h2>Kinds</h2>\n<ul class=\"kinds\">\n");
    for (kind, count) in &status.kinds {
        let path = encoded(kind);
        out.push_str(&format!(
            "<li><a href=\"/kind/{path}\">{} <span class=\"badge\">{count}</span></a></li>\n",
            Esc(kind)
        ));
    }
    out.push_str("</ul>\n");
    out
}

fn providers(status: &Status) -> String {
    if status.providers.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "<h2>Providers</h2>\n<div class=\"scroll\"><table><thead><tr><th scope=\"col\">Name</th>\
         <th scope=\"col\">Entities</th><th scope=\"col\">Last read</th><th scope=\"col\">Outcome</th>\
         <th scope=\"col\">Next read</th></tr></thead><tbody>\n",
    );
    for provider in &status.providers {
        let time = |time: &Option<String>| Esc(time.as_deref().unwrap_or("–")).to_string();
        let held = provider.held.as_ref().filter(|held| held.removals > 0).map(|held| {
            let since = Esc(&held.since);
            format!(
                "<br><span class=\"bad\">{} removals wait for a person since {since}</span>",
                held.removals
            )
        });
        out.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}{}</td><td>{}</td></tr>\n",
            Esc(&provider.name),
            provider.entities,
            time(&provider.last_read),
            Esc(&provider.outcome),
            held.unwrap_or_default(),
            time(&provider.next_read),
        ));
    }
    out.push_str("</tbody></table></div>\n");
    out
}
