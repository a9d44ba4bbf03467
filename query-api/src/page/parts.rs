//! Parts that several pages show.

use backstitch_schemas::Problem;

use super::{
    html::{Esc, Prose, outward_link, ref_link, time},
    table::Table,
};
use crate::v1::views::{CauseView, ChangeView};

/// `1 entity`, `149 entities`.
pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// `file:line`, as precisely as it is known; a place on the web opens.
fn place(problem: &Problem) -> Option<String> {
    let location = problem.location.as_deref()?;
    let suffix = match (problem.line, problem.document) {
        (Some(line), _) => format!(":{line}"),
        (None, Some(document)) if document > 1 => format!(", document {document}"),
        _ => String::new(),
    };
    if let Some(url) = location.strip_prefix("url:") {
        return Some(outward_link(url, &format!("{url}{suffix}")));
    }
    let target = location.strip_prefix("file:").unwrap_or(location);
    Some(format!("<code class=\"place\">{}</code>", Esc(&format!("{target}{suffix}"))))
}

/// A problem: where, what to do, and behind a fold the words that Backstage has for it.
pub(super) fn problem(entity_ref: Option<&str>, provider: Option<&str>, problem: &Problem) -> String {
    let mut out = String::from("<li class=\"problem\">");
    if let Some(place) = place(problem) {
        out.push_str(&format!("{place}<br>"));
    }
    let text = problem.advice.as_deref().unwrap_or(&problem.message);
    out.push_str(&format!("{}<br><span class=\"soft\">", Prose(text)));
    let mut about = Vec::new();
    about.extend(entity_ref.map(ref_link));
    about.extend(problem.path.as_deref().map(|path| format!("<code>{}</code>", Esc(path))));
    about.extend(provider.map(|provider| format!("provider {}", Esc(provider))));
    out.push_str(&format!("{}</span>", about.join(" · ")));
    if problem.advice.is_some() {
        out.push_str(&format!(
            "<details><summary>In Backstage’s words</summary>{}: {}</details>",
            Esc(&problem.name),
            Esc(&problem.message)
        ));
    }
    out.push_str("</li>\n");
    out
}

/// Why something changed, in words.
fn cause(cause: &CauseView) -> String {
    match cause.detail.as_deref() {
        Some(detail) => {
            let detail = detail.strip_prefix("file:").or(detail.strip_prefix("url:")).unwrap_or(detail);
            format!("{}: {detail}", cause.kind)
        }
        None => cause.kind.to_owned(),
    }
}

/// A table of changes.
pub(super) fn changes(changes: &[ChangeView], with_ref: bool) -> String {
    if changes.is_empty() {
        return "<p class=\"soft\">Nothing yet.</p>\n".to_owned();
    }
    let mut table = Table::new(match with_ref {
        true => &["Revision#", "Entity", "What", "Why", "When (UTC)"],
        false => &["Revision#", "What", "Why", "When (UTC)"],
    });
    for change in changes {
        let why = Esc(&cause(&change.cause)).to_string();
        let mut cells = vec![change.revision.to_string(), what(change), why, time(&change.at)];
        if with_ref {
            cells.insert(1, ref_link(&change.entity_ref));
        }
        table.row(&cells);
    }
    table.html()
}

fn what(change: &ChangeView) -> String {
    use backstitch_read_model::HistoryOperation::{Created, Deleted, Updated};
    let word = match change.operation {
        Created => return "created".to_owned(),
        Deleted => return "<span class=\"bad\">deleted</span>".to_owned(),
        Updated if change.body_changed => "updated",
        Updated => "relations",
    };
    let (added, removed) = (change.relations_added.len(), change.relations_removed.len());
    match (added, removed) {
        (0, 0) => word.to_owned(),
        _ => format!("{word} <span class=\"soft\">+{added} −{removed} relations</span>"),
    }
}
