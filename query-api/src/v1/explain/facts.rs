//! What is known about an entity or a document, and the explanation made of it.

use backstitch_read_model::ClaimRecord;
use backstitch_schemas::{EntityRef, Problem, source::SourceState};
use serde::Serialize;

use crate::v1::views::{CauseView, ClaimView};

/// Everything known about an entity ref.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct EntityFacts {
    pub(super) entity_ref: EntityRef,
    pub(super) revision: i64,
    /// The final entity, if there is one.
    pub(super) visible: Option<Visible>,
    /// What the ref's latest change did, if history reaches back so far.
    pub(super) last_change: Option<LastChange>,
    pub(super) claims: Vec<ClaimFacts>,
    /// Entities that name the ref, with the relation that they name it with.
    pub(super) mentions: Vec<(EntityRef, String)>,
    /// Refs that may be meant.
    pub(super) nearest: Vec<EntityRef>,
}

/// Everything known about a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DocumentFacts {
    pub(super) location: String,
    pub(super) revision: i64,
    /// How reading it goes, for each provider that reads it.
    pub(super) sources: Vec<SourceView>,
    /// Claims on what stands in it.
    pub(super) claims: Vec<ClaimFacts>,
    /// How many claims there are, listed or not.
    pub(super) claims_total: i64,
    /// Documents that may be meant.
    pub(super) nearest: Vec<String>,
}

/// A final entity, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Visible {
    pub(crate) uid: String,
    /// The revision that last changed it.
    pub(crate) revision: i64,
    /// Nothing lists it any more, and orphans are kept.
    pub(crate) orphan: bool,
}

/// What a ref's latest change did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LastChange {
    pub(crate) revision: i64,
    pub(crate) at: String,
    pub(crate) operation: backstitch_read_model::HistoryOperation,
    pub(crate) cause: CauseView,
}

/// A claim, and the way that leads to it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ClaimFacts {
    pub(super) claim: ClaimRecord,
    /// From the document that it stands in up to what the provider itself submitted.
    pub(super) chain: Vec<Link>,
    /// Its removal waits for a person, since then.
    pub(super) held_since: Option<String>,
}

/// One step of the way from a claim to its provider: a document, and the Location that lists it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Link {
    /// The document.
    pub(crate) document: String,
    /// The Location that lists it.
    pub(crate) listed_by: String,
    /// Whether the Location, as it stands on this way, is in the catalog.
    pub(crate) location_wins: bool,
    /// How reading the document goes; absent if nothing was noted of it yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reading: Option<SourceView>,
}

/// How reading one document goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SourceView {
    pub(crate) provider: String,
    /// `ok`, `unchanged`, `failed`, `absent`, `refused` or `withdrawn`.
    pub(crate) outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http_status: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_read: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_success: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_read: Option<String>,
    pub(crate) errors: Vec<Problem>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Explanation {
    /// The ref or the location ref that was asked for.
    pub(crate) subject: String,
    /// The revision that this is true of.
    pub(crate) revision: i64,
    /// What it comes down to, in one word.
    pub(crate) state: State,
    /// What it comes down to, in a sentence or two.
    pub(crate) summary: String,
    /// What to do.
    pub(crate) advice: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entity: Option<Visible>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_change: Option<LastChange>,
    pub(crate) claims: Vec<ExplainedClaim>,
    pub(crate) claims_total: i64,
    /// How reading goes, for a document.
    pub(crate) reading: Vec<SourceView>,
    /// Who names the ref, for an entity.
    pub(crate) mentioned_by: Vec<Mention>,
    /// What may have been meant.
    pub(crate) nearest: Vec<String>,
}

/// What it comes down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// It is in the catalog, as last read.
    Visible,
    /// It is in the catalog, and what it was last read from could not be read since.
    Stale,
    /// It is in the catalog in an older form, because what was written since is wrong.
    LastGoodForm,
    /// It is in the catalog although nothing lists it any more.
    Orphan,
    /// Its removal waits for a person.
    RemovalHeld,
    /// Rules do not let it in.
    Refused,
    /// It never passed.
    Invalid,
    /// Another claim on the ref wins.
    Lost,
    /// What leads to it is not in the catalog.
    Detached,
    /// Its source took it back.
    Withdrawn,
    /// Nobody claims it.
    Unknown,
    /// The document was read, and nothing of it is in the catalog.
    Empty,
    /// The document could not be read.
    Unreadable,
    /// Nobody reads the document.
    NotRead,
}

/// A claim with its way and its verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExplainedClaim {
    #[serde(flatten)]
    pub(crate) claim: ClaimView,
    pub(crate) chain: Vec<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) held_since: Option<String>,
    /// What stands against it, in a sentence.
    pub(crate) verdict: String,
}

/// Somebody who names the ref.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Mention {
    pub(crate) entity_ref: String,
    pub(crate) relation: String,
}

impl SourceView {
    /// What was noted of a source.
    pub(super) fn of(provider: &str, state: &SourceState) -> Self {
        let text = |time: Option<backstitch_schemas::Timestamp>| time.map(|time| time.to_string());
        Self {
            provider: provider.to_owned(),
            outcome: state.outcome.clone(),
            http_status: state.http_status,
            last_read: text(state.last_read_at),
            last_success: text(state.last_success_at),
            next_read: text(state.next_read_at),
            errors: state.errors.clone(),
        }
    }

    /// Whether the last read told what is there.
    pub(super) fn is_read(&self) -> bool {
        matches!(self.outcome.as_str(), "ok" | "unchanged")
    }

    /// What went wrong, if something did.
    pub(super) fn trouble(&self) -> Option<&Problem> {
        if self.is_read() { None } else { self.errors.first() }
    }
}
