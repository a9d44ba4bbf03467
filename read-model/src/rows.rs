//! The rows of the read model, as the stages see them.

use backstitch_schemas::{
    ClaimKey, Digest, EntityRef, Identity, LocationId, Problem, Timestamp, change::Cause, source::SourceState,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Revision;

/// A claim's number in the database. The stitcher hands them out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimId(pub i64);

/// An entity ref's number. The stitcher hands them out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefId(pub i32);

/// A relation type's number. The stitcher hands them out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub i16);

/// A ref and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefRow {
    /// Its number.
    pub id: RefId,
    /// The ref.
    pub entity_ref: EntityRef,
}

/// A relation type and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeRow {
    /// Its number.
    pub id: TypeId,
    /// E.g. `ownedBy`.
    pub name: String,
}

/// Where reading of one partition goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionRow {
    /// The partition, of `catalog.processed` as of `catalog.changes`.
    pub partition: i32,
    /// The offset of `catalog.processed` that is read next.
    pub processed_next: i64,
    /// Everything in `catalog.changes` before this offset has its outcome in here.
    pub changes_next: i64,
}

/// What became of a claim's latest form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimState {
    /// It has a good form.
    Good,
    /// Rules or kinds do not let it in.
    Refused,
    /// The source took it back; the row stays, so that a late record cannot bring it back.
    Withdrawn,
    /// It never had a form, only errors.
    Formless,
}

/// How a claim stands among the claims of its ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It makes the final entity.
    Winner,
    /// It is live and good, but another claim wins: a conflict.
    Loser,
    /// It is live and good, and stands in the very document that wins, which is listed twice: no
    /// conflict.
    Repeated,
    /// Its Location does not win, so it does not count.
    Detached,
    /// It has no good form, so it can not win.
    Formless,
}

/// A claim, as the stitcher writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimRow {
    /// Its number.
    pub id: ClaimId,
    /// What it is about.
    pub key: ClaimKey,
    /// Number of its ref.
    pub ref_id: RefId,
    /// Identity of the form (of the errors while there is no form).
    pub identity: Identity,
    /// When the claim was first made.
    pub created_at: Timestamp,
    /// Location key, if the source gave one.
    pub location_key: Option<String>,
    /// Id of the registered location that the claim is.
    pub location_id: Option<LocationId>,
    /// Kept orphan.
    pub released: bool,
    /// Version of the form; -1 while there is none, as 0 is an offset too.
    pub version: i64,
    /// What became of the latest form.
    pub state: ClaimState,
    /// What the form depends on besides its change.
    pub fingerprint: String,
    /// The good form as the stitcher needs it again: canonical JSON of the entity or, for a claim that
    /// does not win and so has no relation rows, of `[entity, relations]`.
    pub form: Option<String>,
    /// Digest of the form's text.
    pub form_digest: Digest,
    /// Errors beside a good form, or the reason of a refusal.
    pub form_errors: Vec<Problem>,
    /// Version of the errors part; -1 while there is none.
    pub errors_version: i64,
    /// Identity that the errors part carries.
    pub errors_identity: Uuid,
    /// The errors part; counts while its version exceeds the form's.
    pub errors: Vec<Problem>,
    /// The owner that the version with these errors names.
    pub errors_owner: Option<EntityRef>,
    /// How it stands.
    pub standing: Standing,
}

/// A claim without its form, as the stitcher loads it. Fields as in [`ClaimRow`].
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of ClaimRow")]
pub struct ClaimHead {
    pub id: ClaimId,
    pub key: ClaimKey,
    pub ref_id: RefId,
    pub identity: Identity,
    pub created_at: Timestamp,
    pub location_key: Option<String>,
    pub location_id: Option<LocationId>,
    pub released: bool,
    pub version: i64,
    pub state: ClaimState,
    pub fingerprint: String,
    pub form_digest: Digest,
    pub form_errors: Vec<Problem>,
    pub errors_version: i64,
    pub errors_identity: Uuid,
    pub errors: Vec<Problem>,
    pub errors_owner: Option<EntityRef>,
    pub standing: Standing,
}

/// The good form of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimForm {
    /// The claim.
    pub id: ClaimId,
    /// The form, as in [`ClaimRow::form`].
    pub form: String,
}

/// A claim as people are told about it.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimRecord {
    /// What it is about.
    pub key: ClaimKey,
    /// Its identity.
    pub identity: Identity,
    /// When it was first made.
    pub created_at: Timestamp,
    /// Location key, if the source gave one.
    pub location_key: Option<String>,
    /// Kept orphan.
    pub released: bool,
    /// What became of its latest form.
    pub state: ClaimState,
    /// How it stands.
    pub standing: Standing,
    /// The problems that count now: the errors part if it is newer, else those beside the form.
    pub problems: Vec<Problem>,
    /// The owner that the version with these problems names, if the errors part counts.
    pub owner: Option<EntityRef>,
    /// The key of the claim that wins the ref, if one does.
    pub winner: Option<ClaimKey>,
}

/// A relation and who implies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelationRow {
    /// The claim whose form implies it.
    pub originator: ClaimId,
    /// The entity that shows it.
    pub source: RefId,
    /// Its type.
    pub kind: TypeId,
    /// The entity that it points at.
    pub target: RefId,
}

/// A final entity, as the stitcher writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityRow {
    /// Number of its ref.
    pub ref_id: RefId,
    /// Its `metadata.uid`: the identity of the winning claim.
    pub uid: Uuid,
    /// The winning claim.
    pub claim: ClaimId,
    /// Canonical JSON of everything but `relations` and `metadata.etag`.
    pub body: String,
    /// Digest of `body`.
    pub body_digest: Digest,
    /// Digest of its relations.
    pub relations_digest: Digest,
    /// Its etag.
    pub etag: String,
    /// The revision that last changed it.
    pub revision: Revision,
}

/// A final entity without its body, as the stitcher loads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityHead {
    /// Number of its ref.
    pub ref_id: RefId,
    /// Its uid.
    pub uid: Uuid,
    /// The winning claim.
    pub claim: ClaimId,
    /// Digest of its body.
    pub body_digest: Digest,
    /// Digest of its relations.
    pub relations_digest: Digest,
}

/// A final entity, as the query API loads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityRecord {
    /// Number of its ref.
    pub ref_id: RefId,
    /// Its uid.
    pub uid: Uuid,
    /// Canonical JSON of everything but `relations` and `metadata.etag`.
    pub body: String,
    /// Its etag.
    pub etag: String,
    /// The revision that last changed it.
    pub revision: Revision,
}

/// What a revision did to its entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HistoryOperation {
    /// The ref had no final entity before; all its relations count as added.
    Created,
    /// It changed.
    Updated,
    /// It is gone; all its relations count as removed.
    Deleted,
}

/// A relation as one of its ends shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RelationEnd {
    /// E.g. `ownedBy`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The other end.
    #[serde(rename = "targetRef")]
    pub target: EntityRef,
}

/// One change of the final state.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryRow {
    /// Its place in the total order.
    pub revision: Revision,
    /// The last revision of its commit; readers show commit boundaries only.
    pub commit: Revision,
    /// When it was committed.
    pub at: Timestamp,
    /// Which entity.
    pub entity_ref: EntityRef,
    /// What happened to it.
    pub operation: HistoryOperation,
    /// The entity's uid, of the last form when deleted.
    pub uid: Uuid,
    /// The etag after; empty when deleted.
    pub etag: String,
    /// The body after; absent when it stayed as it was, or is gone.
    pub body: Option<String>,
    /// Relations that the entity shows newly, sorted.
    pub relations_added: Vec<RelationEnd>,
    /// Relations that it shows no longer, sorted.
    pub relations_removed: Vec<RelationEnd>,
    /// Why, from the record that led here. A change of a neighbour's claim is that neighbour's cause.
    pub cause: Cause,
}

/// What one change did to the relations of its entity; see `ReadModel::relations_after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationsChange {
    /// Its place in the total order.
    pub revision: Revision,
    /// Which entity.
    pub entity_ref: EntityRef,
    /// What happened to it.
    pub operation: HistoryOperation,
    /// Relations that the entity shows newly, sorted.
    pub added: Vec<RelationEnd>,
    /// Relations that it shows no longer, sorted.
    pub removed: Vec<RelationEnd>,
}

/// What `catalog.sources` says about one source.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceRow {
    /// The record key's parts, as the JSON array that it is.
    pub key: String,
    /// The state.
    pub state: SourceState,
}

/// Where the read model stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The last revision.
    pub revision: Revision,
    /// The leader's epoch.
    pub epoch: i64,
    /// Final entities.
    pub entities: i64,
    /// Positions, by partition.
    pub positions: Vec<PositionRow>,
    /// The offset of `catalog.sources` that is read next.
    pub sources_next: i64,
    /// The oldest revision from which history is complete.
    pub history_from: Revision,
}

impl Head {
    /// Whether history tells what happened after `since`: it is of this incarnation, not of the
    /// future, and nothing after it was pruned.
    pub fn reaches_back_to(&self, since: Revision) -> bool {
        since.incarnation() == self.revision.incarnation()
            && (self.history_from..=self.revision).contains(&since)
    }
}

/// The first rows of a list, and how many there are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page<T> {
    /// The first rows.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: i64,
}

/// A part of what the stitcher loads; see `ReadModel::load`.
#[derive(Clone, Debug, PartialEq)]
pub enum StitcherPart {
    /// Some refs.
    Refs(Vec<RefRow>),
    /// All relation types.
    Types(Vec<TypeRow>),
    /// Some claims.
    Claims(Vec<ClaimHead>),
    /// Some relations.
    Relations(Vec<RelationRow>),
    /// Some final entities.
    Entities(Vec<EntityHead>),
    /// Where everything stands.
    Head(Head),
}

/// A part of a snapshot; see `ReadModel::snapshot`.
#[derive(Clone, Debug, PartialEq)]
pub enum SnapshotPart {
    /// Some refs.
    Refs(Vec<RefRow>),
    /// All relation types.
    Types(Vec<TypeRow>),
    /// Some final entities.
    Entities(Vec<EntityRecord>),
    /// Some relations, possibly repeated where several claims imply one.
    Relations(Vec<RelationRow>),
}
