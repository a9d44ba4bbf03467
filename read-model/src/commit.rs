//! One commit of the stitcher: everything it writes in one transaction.

use backstitch_schemas::{Digest, EntityRef, Problem, Timestamp};
use uuid::Uuid;

use crate::{
    ClaimId, ClaimRow, EntityRow, HistoryRow, PositionRow, ReadModelError, RefId, RefRow, RelationRow,
    Revision, SourceRow, Standing, TypeRow,
};

/// The right to commit. Every commit checks that its epoch is still the row's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// Who holds it.
    pub holder: String,
    /// Grows with every change of leader.
    pub epoch: i64,
    /// The revision when leadership was taken.
    pub revision: Revision,
    /// The log that the read model was built from; `None` while it is empty.
    pub log_id: Option<Uuid>,
}

/// Everything that one commit changes. Lists are applied in the order of the fields; within a list
/// the order does not matter, and no list names a row twice.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The revision that this commit builds on; must be the leader row's. The first commit of an
    /// incarnation, made on an empty read model, builds on [`Revision::start_of`] it.
    pub base: Revision,
    /// The last revision of this commit; equals `base` when no final entity changed.
    pub revision: Revision,
    /// When.
    pub at: Timestamp,
    /// Set with the first commit of an incarnation.
    pub log_id: Option<Uuid>,
    /// Where reading goes on.
    pub positions: Vec<PositionRow>,
    /// Where reading of `catalog.sources` goes on.
    pub sources_next: Option<i64>,
    /// Refs seen for the first time.
    pub refs: Vec<RefRow>,
    /// Relation types seen for the first time.
    pub types: Vec<TypeRow>,
    /// Claims made or changed, whole rows.
    pub claims: Vec<ClaimRow>,
    /// Claims whose form stays and whose errors part changed.
    pub claim_errors: Vec<ClaimErrorsRow>,
    /// Claims that are not in `claims` and whose standing changed.
    pub standings: Vec<(ClaimId, Standing)>,
    /// Relations that an originator no longer implies.
    pub relations_removed: Vec<RelationRow>,
    /// Relations that an originator newly implies.
    pub relations_added: Vec<RelationRow>,
    /// Final entities that are gone.
    pub entities_removed: Vec<RefId>,
    /// Final entities that are new or have a new body.
    pub entities: Vec<EntityRow>,
    /// Final entities of which only the relations changed.
    pub entities_related: Vec<EntityRelatedRow>,
    /// One row for each revision in `base + 1 ..= revision`.
    pub history: Vec<HistoryRow>,
    /// States of sources to copy.
    pub sources: Vec<SourceRow>,
}

/// The errors part of a claim whose form stays.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimErrorsRow {
    /// The claim.
    pub id: ClaimId,
    /// Version of the errors part.
    pub errors_version: i64,
    /// Identity that the errors part carries.
    pub errors_identity: Uuid,
    /// The problems.
    pub errors: Vec<Problem>,
    /// The owner that the version with these errors names.
    pub errors_owner: Option<EntityRef>,
    /// What it means for the claim.
    pub standing: Standing,
}

/// A final entity of which only the relations changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityRelatedRow {
    /// The entity.
    pub ref_id: RefId,
    /// Digest of its relations now.
    pub relations_digest: Digest,
    /// Its etag now.
    pub etag: String,
    /// The revision of this change.
    pub revision: Revision,
}

/// Why a commit was not made, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody else leads. Nothing was written; start over with `lead` and `load`.
    #[error("another stitcher leads by now")]
    LostLeadership,
    /// The connection broke at the worst moment: read the head again, then apply, try again or load.
    #[error("it is not known whether the commit was made: {0}")]
    Unclear(String),
    /// A row that the database will never take. Nothing was written; bisect the batch.
    #[error("the database refuses the data of this commit: {0}")]
    Data(String),
    /// Nothing was written; try again later.
    #[error(transparent)]
    ReadModel(#[from] ReadModelError),
}
