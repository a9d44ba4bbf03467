//! `GET /api/catalog/v1/status`

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use backstitch_read_model::{Head, ReadModelError};
use serde::Serialize;

use super::{
    hosts::HostStatus,
    problems::{Problems, visible_sources},
    providers::{ProviderStatus, providers},
    views::ProblemView,
};
use crate::{
    answer,
    error::ApiError,
    index::Memory,
    openapi::{Answer, Group, Operation},
    snapshot::Snapshot,
    state::{ApiState, PipelineStatus},
    view::View,
};

/// To somebody who would wonder why the catalog is empty.
const NOBODY_DECIDES: &str = "nothing is shown, because the permission backend could not be asked what you may see; \
    the log of this server says why";

/// How the catalog is.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    pub(crate) revision: i64,
    pub(crate) incarnation: i64,
    pub(crate) entities: usize,
    /// Entities by kind, as it is written.
    pub(crate) kinds: BTreeMap<String, u64>,
    pub(crate) providers: Vec<ProviderStatus>,
    /// The hosts that this process reads from.
    pub(crate) hosts: Vec<HostStatus>,
    pub(crate) lag: Lag,
    /// Whether something is read, or is under way between the stages.
    pub(crate) busy: bool,
    pub(crate) problems: Vec<ProblemView>,
    pub(crate) problems_total: i64,
    pub(crate) conflicts_total: i64,
    pub(crate) notices: Vec<String>,
}

/// Records that are still to be read, by stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Lag {
    pub(crate) changes: i64,
    pub(crate) processed: i64,
}

/// The status with what the index weighs, which the page does not show.
#[derive(Debug, Serialize)]
struct Weighed {
    #[serde(flatten)]
    status: Status,
    /// For those who see all: it would tell how much is hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<IndexMemory>,
}

/// Bytes of the index by part, in all, and for each entity beyond its own JSON.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct IndexMemory {
    #[serde(flatten)]
    parts: Memory,
    total: u64,
    beyond_body_per_entity: u64,
}

impl IndexMemory {
    fn of(parts: Memory, entities: usize) -> Self {
        let beyond_body_per_entity = parts.beyond_bodies() / (entities as u64).max(1);
        Self { parts, total: parts.total(), beyond_body_per_entity }
    }
}

pub(crate) const OPERATION: Operation = Operation::get(
    Group::Ours,
    "/v1/status",
    "getStatus",
    "How the catalog is. What it holds, how reading goes, what is under way, what is wrong.",
)
.answers(&[Answer::json("Status", "How the catalog is.")])
.reads_catalog();

/// Tells how the catalog is.
#[tracing::instrument(name = "api.v1.status", skip_all)]
pub(crate) async fn get_status(
    State(state): State<ApiState>,
    Snapshot(view): Snapshot,
) -> Result<Response, ApiError> {
    let status = Status::collect(&state, &view).await?;
    let memory = match view.is_limited() {
        true => None,
        false => Some(IndexMemory::of(state.catalog.memory(view.index()).await, view.len())),
    };
    Ok(answer::json(&Weighed { status, memory }))
}

impl Status {
    /// Asks everybody.
    pub(crate) async fn collect(state: &ApiState, view: &View) -> Result<Self, ReadModelError> {
        // The pipeline first: what it has emitted by then shows in the positions read afterwards.
        let mut pipeline = match &state.status {
            Some(source) => source.pipeline().await,
            None => PipelineStatus::default(),
        };
        if view.is_limited() {
            // Providers and hosts count, and notices name, what may be hidden.
            pipeline.providers.clear();
            pipeline.hosts.clear();
            pipeline.notices.clear();
        }
        if view.is_undecided() {
            pipeline.notices.push(NOBODY_DECIDES.to_owned());
        }
        let head = state.read_model.head().await?;
        let sources = visible_sources(&*state.read_model, view).await?;
        let limit = state.config.listed_problems;
        let problems = Problems::collect(&*state.read_model, view, &sources, limit).await?;
        let lag = Lag::of(&pipeline, &head);
        let is_behind = view.revision() < head.revision;
        let knows_sources = pipeline.sources_end.is_none_or(|end| end <= head.sources_next);
        Ok(Self {
            revision: view.revision().0,
            incarnation: view.revision().incarnation(),
            entities: view.len(),
            kinds: view.facet(None, "kind").into_iter().map(|kind| (kind.value, kind.count)).collect(),
            providers: providers(&sources, &pipeline.providers),
            hosts: pipeline.hosts.iter().map(HostStatus::from).collect(),
            lag,
            // What the last reads found wrong is told by their sources.
            busy: pipeline.reading || lag != Lag::default() || is_behind || !knows_sources,
            problems: problems.listed,
            problems_total: problems.total,
            conflicts_total: problems.conflicts,
            notices: pipeline.notices,
        })
    }
}

impl Lag {
    /// What the log holds beyond the positions of the read model.
    pub(crate) fn of(pipeline: &PipelineStatus, head: &Head) -> Self {
        let changes: i64 = head.positions.iter().map(|position| position.changes_next).sum();
        let processed: i64 = head.positions.iter().map(|position| position.processed_next).sum();
        let beyond = |end: Option<i64>, read: i64| end.map_or(0, |end| (end - read).max(0));
        Self {
            changes: beyond(pipeline.changes_end, changes),
            processed: beyond(pipeline.processed_end, processed),
        }
    }
}

#[cfg(test)]
mod tests {
    use backstitch_read_model::PositionRow;

    use super::*;

    #[test]
    fn lag_is_what_the_log_holds_beyond_the_positions() {
        let position = |partition| PositionRow { partition, processed_next: 3, changes_next: 4 };
        let head = Head { positions: vec![position(0), position(1)], ..Head::default() };
        let pipeline = PipelineStatus { changes_end: Some(10), processed_end: Some(5), ..Default::default() };
        assert_eq!(Lag::of(&pipeline, &head), Lag { changes: 2, processed: 0 });
        assert_eq!(Lag::of(&PipelineStatus::default(), &head), Lag::default());
    }
}
