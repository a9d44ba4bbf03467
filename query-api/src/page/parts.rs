//! Parts that several pages show.

use backstitch_schemas::Problem;

use super::html::{Esc, ref_link};
use crate::v1::views::{CauseView, ChangeView};

/// `file:line`, as precisely as it is known.
fn place(problem: &Problem) -> Option<String> {
    let location = problem.location.as_deref()?;
    let target = location.strip_prefix("file:").or_else(|| location.strip_prefix("url:")).unwrap_or(location);
    let mut place = target.to_owned();
    if let Some(line) = problem.line {
        place.push_str(&format!(":{line}"));
    } else if let Some(document) = problem.document.filter(|document| *document > 1) {
        place.push_str(&format!(", document {document}"));
    }
    Some(place)
}

/// A problem: where, what to do, and the words that Backstage has for it.
pub(super) fn problem(entity_ref: Option<&str>, provider: Option<&str>, problem: &Problem) -> String {
    let mut out = String::from("<li class=\"problem\">");
    if let Some(place) = place(problem) {
        out.push_str(&format!("<code>{}</code><br>", Esc(&place)));
    }
    let text = problem.advice.as_deref().unwrap_or(&problem.message);
    out.push_str(&format!("{}<br><span class=\"soft\">", Esc(text)));
    if let Some(entity_ref) = entity_ref {
        out.push_str(&format!("{} · ", ref_link(entity_ref)));
    }
    if let Some(provider) = provider {
        out.push_str(&format!("provider {} · ", Esc(provider)));
    }
    if let Some(path) = &problem.path {
        out.push_str(&format!("<code>{}</code> · ", Esc(path)));
    }
    out.push_str(&Esc(&problem.name).to_string());
    if problem.advice.is_some() {
        out.push_str(&format!(": {}", Esc(&problem.message)));
    }
    out.push_str("</span></li>\n");
    out
}

/// Why something changed, in words.
fn cause(cause: &CauseView) -> String {
    match &cause.detail {
        Some(detail) => format!("{}: {detail}", cause.kind),
        None => cause.kind.to_owned(),
    }
}

/// A table of changes.
pub(super) fn changes(changes: &[ChangeView], with_ref: bool) -> String {
    if changes.is_empty() {
        return "<p class=\"soft\">Nothing yet.</p>\n".to_owned();
    }
    let head = if with_ref { "<th scope=\"col\">Entity</th>" } else { "" };
    let mut out = format!(
        "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">Revision</th>{head}<th scope=\"col\">What</th>\
         <th scope=\"col\">Why</th><th scope=\"col\">When</th></tr></thead><tbody>\n"
    );
    for change in changes {
        let entity =
            if with_ref { format!("<td>{}</td>", ref_link(&change.entity_ref)) } else { String::new() };
        out.push_str(&format!(
            "<tr><td>{}</td>{entity}<td>{}</td><td>{}</td><td><time>{}</time></td></tr>\n",
            change.revision,
            what(change),
            Esc(&cause(&change.cause)),
            Esc(&change.at),
        ));
    }
    out.push_str("</tbody></table></div>\n");
    out
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
