//! `GET /`: what needs a person first, then the latest changes, then what there is.

use axum::{extract::State, http::StatusCode, response::Response};
use backstitch_read_model::ReadModelError;

use super::{
    html::{Esc, Prose, encoded, not_now, notice, page, ref_link, time},
    parts,
    table::Table,
};
use crate::{
    error::ApiError,
    snapshot::Snapshot,
    state::ApiState,
    v1::{changes::latest_visible, providers::ProviderStatus, status::Status, views::ChangeView},
    view::View,
};

/// Problems that are shown; the rest is counted.
const SHOWN_PROBLEMS: usize = 100;
const SHOWN_CHANGES: usize = 30;

/// Shows how the catalog is.
pub(crate) async fn home(State(state): State<ApiState>, snapshot: Result<Snapshot, ApiError>) -> Response {
    let view = match snapshot {
        Ok(Snapshot(view)) => view,
        Err(error) => return not_now(&error),
    };
    match body(&state, &view).await {
        Ok(body) => page(StatusCode::OK, "Catalog", &body),
        Err(error) => notice(StatusCode::SERVICE_UNAVAILABLE, "The read model is away", &error.to_string()),
    }
}

async fn body(state: &ApiState, view: &View) -> Result<String, ReadModelError> {
    let status = Status::collect(state, view).await?;
    let changes = latest_visible(&*state.read_model, view, SHOWN_CHANGES).await?;
    let changes: Vec<_> = changes.iter().map(ChangeView::from).collect();
    let latest = format!("<h2>Latest changes</h2>\n{}", parts::changes(&changes, true));
    let sections = [
        headline(&status),
        holds(&status),
        problems(&status),
        notices(&status),
        latest,
        kinds(&status),
        providers(&status),
    ];
    Ok(sections.concat())
}

fn headline(status: &Status) -> String {
    let entities = u64::try_from(status.entities).unwrap_or(u64::MAX);
    let total = |number: i64| u64::try_from(number).unwrap_or(0);
    let busy = if status.busy { "<li><span class=\"badge\">reading</span></li>" } else { "" };
    format!(
        "<h1>{}</h1>\n<ul class=\"numbers\"><li>revision {}</li><li>{}</li><li>{}</li>{busy}</ul>\n",
        parts::count(entities, "entity", "entities"),
        status.revision,
        parts::count(total(status.problems_total), "problem", "problems"),
        parts::count(total(status.conflicts_total), "conflict", "conflicts"),
    )
}

/// Removals that wait, and how to let them happen.
fn holds(status: &Status) -> String {
    let items: String = status.providers.iter().filter_map(hold).collect();
    if items.is_empty() {
        return items;
    }
    format!("<h2>Waiting for you</h2>\n<ul class=\"cards\">\n{items}</ul>\n")
}

fn hold(provider: &ProviderStatus) -> Option<String> {
    let held = provider.held.as_ref().filter(|held| held.removals > 0)?;
    let count = u64::try_from(held.removals).unwrap_or(0);
    let name = Esc(&provider.name);
    let sample: Vec<_> = held.sample.iter().map(|entity_ref| ref_link(entity_ref)).collect();
    let sample = match sample.len() {
        0 => String::new(),
        shown if shown as u64 == count => format!("<p class=\"soft\">{}</p>", sample.join(", ")),
        _ => format!("<p class=\"soft\">Among them {}.</p>", sample.join(", ")),
    };
    Some(format!(
        "<li class=\"waiting\"><p>{removals} of provider <strong>{name}</strong> held since {since}: \
         so many entities went missing at once that it may be a mistake of the source.</p>{sample}\
         <p>If they are to go: <code>backstitch providers confirm {name}</code><br>\
         If they are to stay until they are found missing again: \
         <code>backstitch providers discard {name}</code></p></li>\n",
        removals = parts::count(count, "removal", "removals"),
        since = time(&held.since),
    ))
}

fn notices(status: &Status) -> String {
    if status.notices.is_empty() {
        return String::new();
    }
    let items = status.notices.iter().map(|text| format!("<li class=\"notice\">{}</li>\n", Prose(text)));
    format!("<h2>Configuration</h2>\n<ul class=\"cards\">\n{}</ul>\n", items.collect::<String>())
}

fn problems(status: &Status) -> String {
    let mut out = String::from("<h2>Problems</h2>\n");
    if status.problems.is_empty() {
        out.push_str("<p>None. Everything that was read is in the catalog.</p>\n");
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
    let mut out = String::from("<h2>Kinds</h2>\n");
    if status.kinds.is_empty() {
        out.push_str("<p>There are no entities yet.</p>\n");
        return out;
    }
    out.push_str("<ul class=\"kinds\">\n");
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
    let mut table = Table::new(&["Name", "Entities#", "Outcome", "Last read", "Next read"]);
    for provider in &status.providers {
        let moment = |moment: &Option<String>| moment.as_deref().map(time).unwrap_or_default();
        table.row(&[
            Esc(&provider.name).to_string(),
            provider.entities.to_string(),
            Esc(&provider.outcome).to_string(),
            moment(&provider.last_read),
            moment(&provider.next_read),
        ]);
    }
    format!("<h2>Providers</h2>\n{}", table.html())
}
