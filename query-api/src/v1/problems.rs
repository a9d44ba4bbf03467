//! `GET /api/catalog/v1/errors` and `GET /api/catalog/v1/conflicts`

use std::collections::HashSet;

use axum::{extract::State, http::Uri, response::Response};
use backstitch_read_model::{ClaimRecord, Page, ReadModel, ReadModelError, SourceRow};
use backstitch_schemas::{
    Problem,
    source::{DEAD_LETTER, SourceKey},
};
use serde_json::json;

use super::narrowing::Narrowing;
use super::views::{ClaimView, ProblemView, conflict_problem};
use crate::{
    answer,
    error::ApiError,
    openapi::{Answer, Group, Operation, Param, ParamKind},
    params::Params,
    snapshot::Snapshot,
    state::ApiState,
    view::View,
};

/// Claims that are looked at for somebody who does not see all; the totals reach no further.
const LOOKED_AT: usize = 100_000;

/// What is wrong in the catalog, as far as it is listed, and how much there is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Problems {
    /// Errors of claims and sources, then conflicts.
    pub(crate) listed: Vec<ProblemView>,
    /// All of them.
    pub(crate) total: i64,
    /// The conflicts among them.
    pub(crate) conflicts: i64,
}

impl Problems {
    /// Collects the problems of claims and sources, and the conflicts.
    pub(crate) async fn collect(
        read_model: &dyn ReadModel,
        view: &View,
        sources: &[SourceRow],
        limit: usize,
    ) -> Result<Self, ReadModelError> {
        let claims = claims_with_problems(read_model, view, limit).await?;
        let conflicts = lost_claims(read_model, view, limit).await?;
        let mut problems =
            Self::of(&claims.items, claims.total, sources, &conflicts.items, conflicts.total, limit);
        if !view.is_limited() && count(&claims.items) < claims.total {
            problems.total = read_model.count_errors().await? + conflicts.total;
        }
        Ok(problems)
    }

    /// Claims that are not given count as one problem each.
    fn of(
        claims: &[ClaimRecord],
        claims_total: i64,
        sources: &[SourceRow],
        conflicts: &[ClaimRecord],
        conflicts_total: i64,
        limit: usize,
    ) -> Self {
        let unlisted_claims = claims_total - count(claims);
        // A document that is listed twice has its problems twice.
        let mut told = HashSet::new();
        let claimed = claims.iter().flat_map(claim_problems);
        let mut listed: Vec<_> =
            claimed.filter(|view| told.insert((view.entity_ref.clone(), place_of(&view.problem)))).collect();
        let mut known: HashSet<_> = told.into_iter().map(|(_, place)| place).collect();
        for problem in sources.iter().flat_map(source_problems) {
            // What a Location's claim says already is not said again by what it lists.
            if known.insert(place_of(&problem.problem)) {
                listed.push(problem);
            }
        }
        listed.extend(conflicts.iter().map(conflict_problem));
        let total = unlisted_claims + (conflicts_total - count(conflicts)) + count(&listed);
        listed.truncate(limit);
        Self { listed, total, conflicts: conflicts_total }
    }
}

/// What sources say. They are no entities and name files and refs of all, so they are for those who see all.
pub(crate) async fn visible_sources(
    read_model: &dyn ReadModel,
    view: &View,
) -> Result<Vec<SourceRow>, ReadModelError> {
    if view.is_limited() { Ok(Vec::new()) } else { read_model.sources().await }
}

/// The claims with problems that are told, and how many there are.
pub(super) async fn claims_with_problems(
    read_model: &dyn ReadModel,
    view: &View,
    limit: usize,
) -> Result<Page<ClaimRecord>, ReadModelError> {
    Ok(visible_claims(view, read_model.claims_with_problems(looked_at(view, limit)).await?, limit))
}

async fn lost_claims(
    read_model: &dyn ReadModel,
    view: &View,
    limit: usize,
) -> Result<Page<ClaimRecord>, ReadModelError> {
    Ok(visible_claims(view, read_model.conflicts(looked_at(view, limit)).await?, limit))
}

/// How many claims to look at to find and count those that are seen.
pub(super) fn looked_at(view: &View, limit: usize) -> usize {
    if view.is_limited() { LOOKED_AT.max(limit) } else { limit }
}

/// The first claims that are told, and how many there are.
pub(super) fn visible_claims(view: &View, page: Page<ClaimRecord>, limit: usize) -> Page<ClaimRecord> {
    if !view.is_limited() {
        return page;
    }
    let mut items = page.items;
    items.retain(|claim| view.tells_claims_on(&claim.key.entity_ref));
    let total = count(&items);
    items.truncate(limit);
    Page { items, total }
}

fn count<T>(items: &[T]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX)
}

/// What makes two problems the same to a person.
fn place_of(problem: &Problem) -> (String, Option<String>, Option<i32>) {
    (problem.message.clone(), problem.location.clone(), problem.line)
}

fn claim_problems(claim: &ClaimRecord) -> impl Iterator<Item = ProblemView> {
    let (entity_ref, provider) = (claim.key.entity_ref.to_string(), claim.key.provider.to_string());
    claim.problems.iter().map(move |problem| {
        ProblemView::new(Some(entity_ref.clone()), Some(provider.clone()), problem.clone())
            .with_owner(claim.owner.clone())
    })
}

fn source_problems(row: &SourceRow) -> Vec<ProblemView> {
    let (mut entity_ref, mut provider, mut place) = (None, None, None);
    match SourceKey::decode(row.key.as_bytes()) {
        Ok(SourceKey::Provider(name)) => provider = Some(name.to_string()),
        Ok(SourceKey::Location(name, location)) => {
            (provider, place) = (Some(name.to_string()), Some(location));
        }
        Ok(SourceKey::Ours(name)) if name.starts_with(DEAD_LETTER) => entity_ref.clone_from(&row.state.note),
        Ok(SourceKey::Ours(_)) | Err(_) => {}
    }
    let view = |problem: &Problem| {
        let location = problem.location.clone().or_else(|| place.clone());
        let problem = Problem { location, ..problem.clone() };
        ProblemView::new(entity_ref.clone(), provider.clone(), problem)
    };
    row.state.errors.iter().map(view).collect()
}

const LIMIT: Param = Param::new("limit", ParamKind::Count, "How many at most.");

const LOCATION: Param = Param::new(
    "location",
    ParamKind::Text,
    "Only problems of documents whose location ref, or target, begins with this.",
);

const OWNER: Param = Param::new(
    "owner",
    ParamKind::Text,
    "Only problems of entities that this group or user owns. Where an entity never came to be, the owner that its \
     document names counts, if the entity is invalid. Of what a rule or an unknown kind shut out no owner is kept: for \
     that, as for what cannot be read, it counts whether something else in the document is owned.",
);

pub(crate) const ERRORS: Operation =
    Operation::get(Group::Ours, "/v1/errors", "getErrors", "What is wrong with claims and sources.")
        .query(&[LIMIT, LOCATION, OWNER])
        .answers(&[Answer::json("Problems", "The problems, and how many there are.")])
        .reads_catalog();

pub(crate) const CONFLICTS: Operation = Operation::get(
    Group::Ours,
    "/v1/conflicts",
    "getConflicts",
    "The claims that lost against another claim on the same ref.",
)
.query(&[LIMIT])
.answers(&[Answer::json("Conflicts", "The claims, and how many there are.")])
.reads_catalog();

/// Lists what is wrong with claims and sources.
#[tracing::instrument(name = "api.v1.errors", skip_all)]
pub(crate) async fn errors(
    State(state): State<ApiState>,
    Snapshot(view): Snapshot,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::read(uri.query());
    let limit = params.count("limit")?.unwrap_or(state.config.listed_problems);
    let narrowing = Narrowing::of(&params)?;
    let sources = visible_sources(&*state.read_model, &view).await?;
    let claims = claims_with_problems(&*state.read_model, &view, LOOKED_AT).await?;
    let mut problems = Problems::of(&claims.items, claims.total, &sources, &[], 0, LOOKED_AT);
    if !narrowing.is_open() {
        problems.listed.retain(|problem| narrowing.keeps(&view, problem));
        problems.total = count(&problems.listed);
    }
    // The total is that of all problems, however many are asked for.
    problems.listed.truncate(limit);
    Ok(answer::json(&json!({"items": problems.listed, "totalItems": problems.total})))
}

/// Lists the claims that lost against another claim on the same ref.
#[tracing::instrument(name = "api.v1.conflicts", skip_all)]
pub(crate) async fn conflicts(
    State(state): State<ApiState>,
    Snapshot(view): Snapshot,
    uri: Uri,
) -> Result<Response, ApiError> {
    let params = Params::read(uri.query());
    let limit = params.count("limit")?.unwrap_or(state.config.listed_problems);
    let page = lost_claims(&*state.read_model, &view, limit).await?;
    let items: Vec<_> = page.items.iter().map(ClaimView::from).collect();
    Ok(answer::json(&json!({"items": items, "totalItems": page.total})))
}
