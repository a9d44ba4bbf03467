//! `GET /entity/{kind}/{namespace}/{name}`: everything about one ref, for people.

use axum::{extract::State, http::StatusCode, response::Response};
use backstitch_read_model::{ClaimRecord, ClaimState, HistoryRow, ReadModel, ReadModelError, Standing};
use backstitch_schemas::{EntityRef, RefContext};
use serde_json::Value;

use super::{
    html::{Esc, not_now, notice, outward_link, page, ref_link, time},
    parts,
    table::Table,
};
use crate::{
    error::ApiError,
    index::{Entity, Relations},
    snapshot::{NamePath, Snapshot},
    state::ApiState,
    v1::{
        changes::visible_history,
        views::{ChangeView, ClaimView, conflict_problem},
    },
    view::View,
};

const SHOWN_CHANGES: usize = 50;

/// Relations of one type that are listed; a group may have thousands.
const SHOWN_RELATIONS: usize = 200;

/// Shows one entity, also one that is gone or never came to be, as long as something is known of it.
pub(crate) async fn entity(
    State(state): State<ApiState>,
    path: Result<NamePath, ApiError>,
    snapshot: Result<Snapshot, ApiError>,
) -> Response {
    let Ok(path) = path else {
        return notice(
            StatusCode::BAD_REQUEST,
            "No such address",
            "The address is not percent-encoded text.",
        );
    };
    let view = match snapshot {
        Ok(Snapshot(view)) => view,
        Err(error) => return not_now(&error),
    };
    let entity_ref = path.entity_ref();
    let (claims, history) = match known(&*state.read_model, &view, &entity_ref).await {
        Ok(known) => known,
        Err(error) => {
            return notice(StatusCode::SERVICE_UNAVAILABLE, "The read model is away", &error.to_string());
        }
    };
    let entity = view.find(&entity_ref);
    if entity.is_none() && claims.is_empty() && history.is_empty() {
        let text = format!("Nothing is known of {entity_ref}.");
        return notice(StatusCode::NOT_FOUND, "Not found", &text);
    }
    let status = if entity.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    page(status, entity_ref.as_str(), &body(&entity_ref, entity.map(AsRef::as_ref), &claims, &history))
}

async fn known(
    read_model: &dyn ReadModel,
    view: &View,
    entity_ref: &EntityRef,
) -> Result<(Vec<ClaimRecord>, Vec<HistoryRow>), ReadModelError> {
    let is_open = !view.is_limited() || view.sees(entity_ref);
    let claims = if is_open { read_model.claims_of(entity_ref).await? } else { Vec::new() };
    Ok((claims, visible_history(read_model, view, entity_ref, SHOWN_CHANGES).await?))
}

fn body(
    entity_ref: &EntityRef,
    entity: Option<&Entity>,
    claims: &[ClaimRecord],
    history: &[HistoryRow],
) -> String {
    let changes: Vec<_> = history.iter().map(ChangeView::from).collect();
    let mut out = match entity {
        Some(entity) => summary(entity),
        None => format!(
            "<h1>{}</h1>\n<p class=\"bad\">This entity is not in the catalog. What is known of it:</p>\n",
            Esc(entity_ref.as_str())
        ),
    };
    out.push_str(&problems(claims));
    if let Some(entity) = entity {
        out.push_str(&relations(&entity.relations));
    }
    out.push_str(&claims_table(claims));
    out.push_str("<h2>History</h2>\n");
    out.push_str(&parts::changes(&changes, false));
    if let Some(entity) = entity {
        let json = serde_json::to_string_pretty(&entity.to_value()).unwrap_or_default();
        out.push_str(&format!(
            "<h2>JSON</h2>\n<details><summary>Show the whole entity</summary><pre><code>{}</code></pre></details>\n",
            Esc(&json)
        ));
    }
    out
}

fn summary(entity: &Entity) -> String {
    let value = entity.body.value();
    let metadata = &value["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = text(&metadata["name"]);
    let title = metadata["title"].as_str().or_else(|| value["spec"]["profile"]["displayName"].as_str());
    let mut out = format!(
        "<h1>{}</h1>\n<p class=\"soft\"><span class=\"badge\">{}</span> <code>{}</code></p>\n",
        Esc(title.unwrap_or(&name)),
        Esc(&text(&value["kind"])),
        Esc(entity.entity_ref.as_str())
    );
    if let Some(description) = metadata["description"].as_str() {
        out.push_str(&format!("<p>{}</p>\n", Esc(description)));
    }
    out.push_str("<dl>\n");
    for (label, value) in [("Type", &value["spec"]["type"]), ("Lifecycle", &value["spec"]["lifecycle"])] {
        if let Some(value) = value.as_str() {
            out.push_str(&format!("<dt>{label}</dt><dd>{}</dd>\n", Esc(value)));
        }
    }
    if let Some(owner) = owner(entity, &value) {
        out.push_str(&format!("<dt>Owner</dt><dd>{}</dd>\n", ref_link(&owner)));
    }
    if let Some(tags) = metadata["tags"].as_array().filter(|tags| !tags.is_empty()) {
        let tags: Vec<_> = tags.iter().filter_map(Value::as_str).collect();
        out.push_str(&format!("<dt>Tags</dt><dd>{}</dd>\n", Esc(&tags.join(", "))));
    }
    if let Some(location) = metadata["annotations"]["backstage.io/managed-by-location"].as_str() {
        out.push_str(&format!("<dt>Read from</dt><dd><code>{}</code></dd>\n", Esc(location)));
    }
    out.push_str(&format!("<dt>Revision</dt><dd>{}</dd>\n</dl>\n", entity.revision));
    out.push_str(&links(metadata));
    out
}

/// The owner as a relation, or as it is written.
fn owner(entity: &Entity, value: &Value) -> Option<String> {
    let related =
        entity.relations.of_kind(&"ownedBy".into()).next().map(|relation| relation.target.to_string());
    related.or_else(|| {
        let namespace = value["metadata"]["namespace"].as_str();
        let context = RefContext { default_kind: Some("group"), default_namespace: namespace };
        let written = value["spec"]["owner"].as_str()?;
        Some(EntityRef::parse(written, context).ok()?.to_string())
    })
}

fn links(metadata: &Value) -> String {
    let Some(links) = metadata["links"].as_array().filter(|links| !links.is_empty()) else {
        return String::new();
    };
    let mut out = String::from("<h2>Links</h2>\n<ul class=\"plain\">\n");
    for link in links {
        let url = link["url"].as_str().unwrap_or_default();
        let title = link["title"].as_str().unwrap_or(url);
        out.push_str(&format!("<li>{}</li>\n", outward_link(url, title)));
    }
    out.push_str("</ul>\n");
    out
}

fn problems(claims: &[ClaimRecord]) -> String {
    let mut items = String::new();
    for claim in claims {
        for problem in &claim.problems {
            items.push_str(&parts::problem(None, Some(claim.key.provider.as_str()), problem));
        }
        if claim.standing == Standing::Loser {
            let view = conflict_problem(claim);
            items.push_str(&parts::problem(None, view.provider.as_deref(), &view.problem));
        }
    }
    if items.is_empty() { items } else { format!("<h2>Problems</h2>\n<ul class=\"cards\">\n{items}</ul>\n") }
}

fn relations(relations: &Relations) -> String {
    let mut out = String::from("<h2>Relations</h2>\n");
    if relations.is_empty() {
        out.push_str("<p class=\"soft\">None.</p>\n");
        return out;
    }
    out.push_str("<dl>\n");
    let all: Vec<_> = relations.iter().collect();
    for group in all.chunk_by(|a, b| a.kind == b.kind) {
        let shown: Vec<_> =
            group.iter().take(SHOWN_RELATIONS).map(|relation| ref_link(relation.target.as_str())).collect();
        let more = match group.len() - shown.len() {
            0 => String::new(),
            more => format!(" <span class=\"soft\">and {more} more</span>"),
        };
        out.push_str(&format!("<dt>{}</dt><dd>{}{more}</dd>\n", Esc(&group[0].kind), shown.join("<br>")));
    }
    out.push_str("</dl>\n");
    out
}

fn claims_table(claims: &[ClaimRecord]) -> String {
    if claims.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["Source", "Standing", "State", "Since (UTC)"]);
    for claim in claims {
        let view = ClaimView::from(claim);
        let listed =
            view.source.location.as_deref().map(|location| format!("<br>listed by {}", ref_link(location)));
        let released = if view.released { ", kept orphan" } else { "" };
        table.row(&[
            format!("{}{}", Esc(&view.source.words()), listed.unwrap_or_default()),
            standing_word(view.standing).to_owned(),
            format!("{}{released}", state_word(view.state)),
            time(&view.created_at),
        ]);
    }
    format!("<h2>Claims</h2>\n{}", table.html())
}

fn standing_word(standing: Standing) -> &'static str {
    match standing {
        Standing::Winner => "makes the entity",
        Standing::Loser => "loses",
        Standing::Repeated => "makes the entity too: its document is listed twice",
        Standing::Detached => "its Location does not count",
        Standing::Formless => "has no good form",
    }
}

fn state_word(state: ClaimState) -> &'static str {
    match state {
        ClaimState::Good => "good",
        ClaimState::Refused => "refused",
        ClaimState::Withdrawn => "withdrawn",
        ClaimState::Formless => "never good",
    }
}
