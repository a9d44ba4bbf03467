//! What is known about an entity or a document, and the explanation made of it.

use backstitch_read_model::ClaimRecord;
use backstitch_schemas::{EntityRef, Problem, Timestamp, source::SourceState};
use serde::Serialize;

use crate::{
    ports::ReadTimes,
    v1::views::{CauseView, ClaimView},
};

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
    /// Records about it that could not be read.
    pub(super) dead_letters: Vec<Problem>,
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
    /// The ways that lead to it, each from what lists it up to a provider's own Location.
    pub(super) listed: Vec<Way>,
    /// Locations that name it as a target, if nobody reads it.
    pub(super) named_by: Vec<EntityRef>,
    /// Claims on what stands in it.
    pub(super) claims: Vec<ClaimFacts>,
    /// How many claims there are, listed or not.
    pub(super) claims_total: i64,
    pub(super) tally: Tally,
    /// What it found, if it is a pattern.
    pub(super) matched: Option<Matched>,
    /// Whether whoever asks is told how reading goes; if not, that nothing is said of it means nothing.
    pub(super) tells_reading: bool,
    /// The latest change of what stood in it, if nothing does any more.
    pub(super) last_change: Option<LastChange>,
    /// Documents that may be meant.
    pub(super) nearest: Vec<String>,
}

/// How the claims of a document stand, told or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Those that were looked at and are not withdrawn.
    pub(super) live: usize,
    /// Those among them that are not in the catalog as written.
    pub(super) wrong: usize,
    /// Those that were not looked at, because there are too many.
    pub(super) unseen: i64,
}

/// What a pattern found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Matched {
    /// How many documents.
    pub(super) total: usize,
    /// How many of them cannot be read, or hold what is wrong as a whole.
    pub(super) troubled: usize,
    /// One of them.
    pub(super) first: Option<String>,
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
    /// What it lists and cannot be read now, if it is a Location.
    pub(super) unread: Unread,
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

/// A way to a document: which provider reads it, and what lists it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Way {
    pub(crate) provider: String,
    /// From the document up to what the provider itself submitted.
    pub(crate) chain: Vec<Link>,
}

/// What a Location lists and cannot be read now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Unread {
    /// Some of it, by name.
    pub(super) places: Vec<Place>,
    pub(super) total: usize,
}

/// A document and how reading it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Place {
    pub(crate) document: String,
    pub(crate) reading: SourceView,
}

/// How reading one document goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SourceView {
    pub(crate) provider: String,
    /// `ok`, `unchanged`, `failed`, `absent`, `refused` or `withdrawn`.
    pub(crate) outcome: String,
    /// Since when it is like that: since when reads fail, or since when the content is the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http_status: Option<i32>,
    /// The last attempt; absent where whoever reads it cannot be asked, as looks at what is as before are
    /// not recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_read: Option<String>,
    /// The last attempt that found it. Absent as the last attempt is, unless reads fail since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_success: Option<String>,
    /// When it is read again; absent where whoever reads it cannot be asked, or never reads it again.
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
    /// What lists it, for a document.
    pub(crate) listed: Vec<Way>,
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
    /// It is a Location in the catalog, and something that it lists cannot be read or is wrong.
    ListsTrouble,
    /// It is in the catalog in an older form, because what was written since is wrong.
    LastGoodForm,
    /// A record about it could not be read, and it is as it was before.
    DeadLetter,
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
    /// What it lists and cannot be read now, some of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) unread: Vec<Place>,
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

impl EntityFacts {
    /// The places that are told about, with how reading them goes.
    pub(super) fn places(&mut self) -> impl Iterator<Item = (&str, &mut SourceView)> {
        self.claims.iter_mut().flat_map(ClaimFacts::places)
    }
}

impl DocumentFacts {
    /// The places that are told about, with how reading them goes.
    pub(super) fn places(&mut self) -> impl Iterator<Item = (&str, &mut SourceView)> {
        let own = self.sources.iter_mut().map(|view| (self.location.as_str(), view));
        let above = self.listed.iter_mut().flat_map(|way| &mut way.chain).filter_map(Link::place);
        own.chain(above).chain(self.claims.iter_mut().flat_map(ClaimFacts::places))
    }
}

impl ClaimFacts {
    fn places(&mut self) -> impl Iterator<Item = (&str, &mut SourceView)> {
        let listed = self.unread.places.iter_mut().map(|place| (place.document.as_str(), &mut place.reading));
        self.chain.iter_mut().filter_map(Link::place).chain(listed)
    }
}

impl Link {
    fn place(&mut self) -> Option<(&str, &mut SourceView)> {
        Some((self.document.as_str(), self.reading.as_mut()?))
    }
}

impl SourceView {
    /// What was noted of a source when something about it was new. What has passed since unnoted, and when
    /// it is read next, is known to those who read it only.
    pub(super) fn of(provider: &str, state: &SourceState) -> Self {
        let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
        let view = Self {
            provider: provider.to_owned(),
            outcome: state.outcome.clone(),
            since: text(state.since_at.or(state.last_read_at)),
            http_status: state.http_status,
            last_read: None,
            last_success: text(state.last_success_at),
            next_read: None,
            errors: state.errors.clone(),
        };
        if view.is_read() { Self { last_success: None, ..view } } else { view }
    }

    /// Adds what is known right now.
    pub(super) fn with_times(&mut self, times: ReadTimes) {
        let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
        (self.last_read, self.next_read) = (text(times.last_read), text(times.next_read));
        self.last_success = text(times.last_success).or(self.last_success.take());
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
