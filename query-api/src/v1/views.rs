//! How claims, changes and problems are told, as JSON and on the page.

use backstitch_read_model::{ClaimRecord, ClaimState, HistoryRow, RelationEnd, Standing};
use backstitch_schemas::{ClaimKey, EntityRef, Level, Problem, change::Cause};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::feed::{Change, Past};

/// A problem and what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProblemView {
    /// The entity that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entity_ref: Option<String>,
    /// The provider that has it, or whose claim has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider: Option<String>,
    /// The owner that the invalid version names, which the entity in the catalog need not have.
    #[serde(skip)]
    pub(crate) owner: Option<EntityRef>,
    /// How bad it is.
    level: Level,
    /// The problem itself.
    #[serde(flatten)]
    pub(crate) problem: Problem,
}

impl ProblemView {
    /// A problem of what is named.
    pub(crate) fn new(entity_ref: Option<String>, provider: Option<String>, problem: Problem) -> Self {
        Self { entity_ref, provider, owner: None, level: problem.level(), problem }
    }

    /// The same problem of an entity that names this owner.
    pub(crate) fn with_owner(self, owner: Option<EntityRef>) -> Self {
        Self { owner, ..self }
    }
}

/// Where a claim comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClaimSource {
    /// The provider.
    pub(crate) provider: String,
    /// The Location that lists it; absent for what the provider itself submitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) location: Option<String>,
    /// The document that it stands in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) document: Option<String>,
}

/// A claim, and how it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClaimView {
    /// The claimed ref.
    pub(crate) entity_ref: String,
    /// Where it comes from.
    pub(crate) source: ClaimSource,
    /// The uid that the entity has while this claim wins.
    pub(crate) identity: String,
    /// When it was first made.
    pub(crate) created_at: String,
    /// Its location key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) location_key: Option<String>,
    /// Kept orphan.
    pub(crate) released: bool,
    /// What became of its latest form.
    pub(crate) state: ClaimState,
    /// How it stands.
    pub(crate) standing: Standing,
    /// What is wrong with it.
    pub(crate) problems: Vec<Problem>,
    /// The source of the claim that wins the ref.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) winner: Option<ClaimSource>,
}

/// A change of the final state.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangeView {
    /// Its place in the total order.
    pub(crate) revision: i64,
    /// The last revision of its commit.
    pub(crate) commit: i64,
    /// When it was committed.
    pub(crate) at: String,
    /// Which entity.
    pub(crate) entity_ref: String,
    /// `created`, `updated` or `deleted`.
    pub(crate) operation: backstitch_read_model::HistoryOperation,
    /// Its uid.
    pub(crate) uid: String,
    /// Its etag afterwards; empty when deleted.
    pub(crate) etag: String,
    /// Whether more than its relations changed.
    pub(crate) body_changed: bool,
    /// Relations that it shows newly.
    pub(crate) relations_added: Vec<RelationEnd>,
    /// Relations that it shows no longer.
    pub(crate) relations_removed: Vec<RelationEnd>,
    /// Why.
    pub(crate) cause: CauseView,
}

/// Why something changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct CauseView {
    /// `read`, `push`, `command`, …
    pub(crate) kind: &'static str,
    /// Which file, push or command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
    /// When it happened.
    pub(crate) at: String,
}

impl From<&ClaimKey> for ClaimSource {
    fn from(key: &ClaimKey) -> Self {
        Self {
            provider: key.provider.to_string(),
            location: key.listing.as_ref().map(|listing| listing.location.to_string()),
            document: key.listing.as_ref().map(|listing| listing.listed.to_string()),
        }
    }
}

impl ClaimSource {
    /// In words: the document, or the provider if it has none.
    pub(crate) fn words(&self) -> String {
        match &self.document {
            Some(document) => format!("{document} (provider {})", self.provider),
            None => format!("provider {}", self.provider),
        }
    }

    /// What distinguishes `other` from this source, in words.
    fn told_apart(&self, other: &ClaimKey) -> String {
        match Self::from(other) {
            Self { document: Some(document), provider, .. } if provider == self.provider => {
                let place = document.strip_prefix("file:").or(document.strip_prefix("url:"));
                format!("the one in `{}`", place.unwrap_or(&document))
            }
            other => format!("the one of {}", other.words()),
        }
    }
}

impl From<&ClaimRecord> for ClaimView {
    fn from(claim: &ClaimRecord) -> Self {
        Self {
            entity_ref: claim.key.entity_ref.to_string(),
            source: ClaimSource::from(&claim.key),
            identity: claim.identity.to_string(),
            created_at: claim.created_at.to_string(),
            location_key: claim.location_key.clone(),
            released: claim.released,
            state: claim.state,
            standing: claim.standing,
            problems: claim.problems.clone(),
            winner: claim.winner.as_ref().filter(|winner| **winner != claim.key).map(ClaimSource::from),
        }
    }
}

/// A change with its entity before and after it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct WholeChangeView<'a> {
    #[serde(flatten)]
    change: ChangeView,
    /// The entity before, without relations and etag; absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'a RawValue>,
    /// The entity after, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<&'a RawValue>,
}

impl ChangeView {
    /// The change with what it changed. The bodies are copied, not parsed.
    pub(crate) fn whole(change: &Change) -> WholeChangeView<'_> {
        WholeChangeView {
            change: Self::from(&change.row),
            before: raw(change.before.as_ref()),
            after: raw(change.after.as_ref()),
        }
    }
}

/// The body as it is written into an answer.
fn raw(past: Option<&Past>) -> Option<&RawValue> {
    serde_json::from_str(past?.body.as_deref()?).ok()
}

impl From<&HistoryRow> for ChangeView {
    fn from(row: &HistoryRow) -> Self {
        Self {
            revision: row.revision.0,
            commit: row.commit.0,
            at: row.at.to_string(),
            entity_ref: row.entity_ref.to_string(),
            operation: row.operation,
            uid: row.uid.to_string(),
            etag: row.etag.clone(),
            body_changed: row.body.is_some(),
            relations_added: row.relations_added.clone(),
            relations_removed: row.relations_removed.clone(),
            cause: CauseView::from(&row.cause),
        }
    }
}

impl From<&Cause> for CauseView {
    fn from(cause: &Cause) -> Self {
        Self { kind: cause.kind.as_str(), detail: cause.detail.clone(), at: cause.at.to_string() }
    }
}

/// A claim that lost, as the problem that it is.
pub(crate) fn conflict_problem(claim: &ClaimRecord) -> ProblemView {
    let source = ClaimSource::from(&claim.key);
    let entity_ref = claim.key.entity_ref.to_string();
    let loser = source.words();
    let winner = claim
        .winner
        .as_ref()
        .map_or_else(|| "another claim".to_owned(), |winner| ClaimSource::from(winner).words());
    let advice = format!(
        "{entity_ref} is claimed twice, and {} wins; rename one of the two or remove it",
        claim.winner.as_ref().map_or_else(|| "the other claim".to_owned(), |other| source.told_apart(other)),
    );
    let message = format!("Entity {entity_ref} of {loser} conflicts with {winner}, which wins");
    let location = claim.key.listing.as_ref().map(|listing| listing.listed.to_string());
    let problem = Problem { location, ..Problem::new("ConflictError", message).with_advice(advice) };
    ProblemView::new(Some(entity_ref), Some(source.provider), problem)
}
