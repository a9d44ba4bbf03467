//! Rows as the databases hand them over, and what the stages see of them.

use backstitch_schemas::{EntityRef, Identity, LocationId, LocationRef, RegisteredLocation, Timestamp};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{
    ClaimHead, ClaimId, ClaimRecord, ClaimState, EntityHead, EntityRecord, HistoryOperation, HistoryRow,
    ReadModelError, RefId, RelationsChange, Revision, Standing,
    stored::{self, Unsqueeze, Word as _},
};

/// A claim with its ref and the winner of that ref.
#[derive(Debug, FromRow)]
pub(crate) struct StoredClaim {
    pub(crate) entity_ref: String,
    pub(crate) provider: String,
    pub(crate) listing: Option<String>,
    pub(crate) identity: Uuid,
    pub(crate) created_at: i64,
    pub(crate) location_key: Option<String>,
    pub(crate) released: bool,
    pub(crate) version: i64,
    pub(crate) state: String,
    pub(crate) standing: String,
    pub(crate) form_errors: String,
    pub(crate) errors_version: i64,
    pub(crate) errors: String,
    pub(crate) winner_provider: Option<String>,
    pub(crate) winner_listing: Option<String>,
}

impl StoredClaim {
    /// What people are told about some claims.
    pub(crate) fn records(rows: Vec<Self>) -> Result<Vec<ClaimRecord>, ReadModelError> {
        rows.into_iter().map(ClaimRecord::try_from).collect()
    }
}

impl TryFrom<StoredClaim> for ClaimRecord {
    type Error = ReadModelError;

    fn try_from(row: StoredClaim) -> Result<Self, ReadModelError> {
        let entity_ref = EntityRef::from_canonical(&row.entity_ref);
        let winner = row
            .winner_provider
            .map(|provider| stored::claim_key(entity_ref.clone(), &provider, row.winner_listing.as_deref()));
        let (problems, owner) = match row.errors_version > row.version {
            true => stored::of_json_errors(&row.errors)?,
            false => (stored::of_json_list(&row.form_errors)?, None),
        };
        Ok(Self {
            key: stored::claim_key(entity_ref, &row.provider, row.listing.as_deref())?,
            identity: Identity(row.identity),
            created_at: Timestamp(row.created_at),
            location_key: row.location_key,
            released: row.released,
            state: ClaimState::of_word(&row.state)?,
            standing: Standing::of_word(&row.standing)?,
            problems,
            owner,
            winner: winner.transpose()?,
        })
    }
}

/// The claim of a registered location.
#[derive(Debug, FromRow)]
pub(crate) struct StoredLocation {
    pub(crate) location_id: Uuid,
    pub(crate) location_key: String,
    pub(crate) entity_ref: String,
}

impl TryFrom<StoredLocation> for RegisteredLocation {
    type Error = ReadModelError;

    /// Its location key is `type:target`, each as it was registered.
    fn try_from(row: StoredLocation) -> Result<Self, ReadModelError> {
        let split = row.location_key.split_once(':');
        let (kind, target) = split.ok_or_else(|| stored::damaged("the key of a location has no type"))?;
        Ok(Self {
            id: LocationId(row.location_id),
            location: LocationRef::new(kind, target),
            entity_ref: EntityRef::from_canonical(&row.entity_ref),
        })
    }
}

/// A claim without its form.
#[derive(Debug, FromRow)]
pub(crate) struct StoredHead {
    pub(crate) id: i64,
    pub(crate) ref_id: i32,
    pub(crate) provider: String,
    pub(crate) listing: Option<String>,
    pub(crate) identity: Uuid,
    pub(crate) created_at: i64,
    pub(crate) location_key: Option<String>,
    pub(crate) location_id: Option<Uuid>,
    pub(crate) released: bool,
    pub(crate) version: i64,
    pub(crate) state: String,
    pub(crate) standing: String,
    pub(crate) fingerprint: String,
    pub(crate) form_digest: Vec<u8>,
    pub(crate) form_errors: String,
    pub(crate) errors_version: i64,
    pub(crate) errors_identity: Uuid,
    pub(crate) errors: String,
}

impl StoredHead {
    /// The head of a claim on `entity_ref`.
    pub(crate) fn claim(self, entity_ref: EntityRef) -> Result<ClaimHead, ReadModelError> {
        let (errors, errors_owner) = stored::of_json_errors(&self.errors)?;
        Ok(ClaimHead {
            id: ClaimId(self.id),
            key: stored::claim_key(entity_ref, &self.provider, self.listing.as_deref())?,
            ref_id: RefId(self.ref_id),
            identity: Identity(self.identity),
            created_at: Timestamp(self.created_at),
            location_key: self.location_key,
            location_id: self.location_id.map(LocationId),
            released: self.released,
            version: self.version,
            state: ClaimState::of_word(&self.state)?,
            fingerprint: self.fingerprint,
            form_digest: stored::digest(&self.form_digest)?,
            form_errors: stored::of_json_list(&self.form_errors)?,
            errors_version: self.errors_version,
            errors_identity: self.errors_identity,
            errors,
            errors_owner,
            standing: Standing::of_word(&self.standing)?,
        })
    }
}

/// A final entity without its body.
#[derive(Debug, FromRow)]
pub(crate) struct StoredEntityHead {
    pub(crate) ref_id: i32,
    pub(crate) uid: Uuid,
    pub(crate) claim_id: i64,
    pub(crate) body_digest: Vec<u8>,
    pub(crate) relations_digest: Vec<u8>,
}

impl TryFrom<StoredEntityHead> for EntityHead {
    type Error = ReadModelError;

    fn try_from(row: StoredEntityHead) -> Result<Self, ReadModelError> {
        Ok(Self {
            ref_id: RefId(row.ref_id),
            uid: row.uid,
            claim: ClaimId(row.claim_id),
            body_digest: stored::digest(&row.body_digest)?,
            relations_digest: stored::digest(&row.relations_digest)?,
        })
    }
}

/// A final entity with its body.
#[derive(Debug, FromRow)]
pub(crate) struct StoredEntity {
    pub(crate) ref_id: i32,
    pub(crate) uid: Uuid,
    pub(crate) body: String,
    pub(crate) etag: String,
    pub(crate) revision: i64,
}

impl From<StoredEntity> for EntityRecord {
    fn from(row: StoredEntity) -> Self {
        Self {
            ref_id: RefId(row.ref_id),
            uid: row.uid,
            body: row.body,
            etag: row.etag,
            revision: Revision(row.revision),
        }
    }
}

/// One change.
#[derive(Debug, FromRow)]
pub(crate) struct StoredChange {
    pub(crate) revision: i64,
    pub(crate) commit_revision: i64,
    pub(crate) committed_at: i64,
    pub(crate) entity_ref: String,
    pub(crate) operation: String,
    pub(crate) uid: Uuid,
    pub(crate) etag: String,
    pub(crate) relations_added: String,
    pub(crate) relations_removed: String,
    pub(crate) cause: String,
    pub(crate) body: Option<Vec<u8>>,
}

impl StoredChange {
    /// What the stages see of some changes.
    pub(crate) fn history(rows: Vec<Self>) -> Result<Vec<HistoryRow>, ReadModelError> {
        let mut unsqueeze = Unsqueeze::new();
        rows.into_iter().map(|row| row.history_row(&mut unsqueeze)).collect()
    }

    fn history_row(self, unsqueeze: &mut Unsqueeze) -> Result<HistoryRow, ReadModelError> {
        Ok(HistoryRow {
            revision: Revision(self.revision),
            commit: Revision(self.commit_revision),
            at: Timestamp(self.committed_at),
            entity_ref: EntityRef::from_canonical(&self.entity_ref),
            operation: HistoryOperation::of_word(&self.operation)?,
            uid: self.uid,
            etag: self.etag,
            body: self.body.as_deref().map(|frame| unsqueeze.body(frame)).transpose()?,
            relations_added: stored::of_json_list(&self.relations_added)?,
            relations_removed: stored::of_json_list(&self.relations_removed)?,
            cause: stored::of_json(&self.cause)?,
        })
    }
}

/// A change of relations, as stored.
#[derive(Debug, FromRow)]
pub(crate) struct StoredRelationsChange {
    pub(crate) revision: i64,
    pub(crate) entity_ref: String,
    pub(crate) operation: String,
    pub(crate) relations_added: String,
    pub(crate) relations_removed: String,
}

impl StoredRelationsChange {
    /// What the stages see of some changes.
    pub(crate) fn changes(rows: Vec<Self>) -> Result<Vec<RelationsChange>, ReadModelError> {
        let change = |row: Self| {
            Ok(RelationsChange {
                revision: Revision(row.revision),
                entity_ref: EntityRef::from_canonical(&row.entity_ref),
                operation: HistoryOperation::of_word(&row.operation)?,
                added: stored::of_json_list(&row.relations_added)?,
                removed: stored::of_json_list(&row.relations_removed)?,
            })
        };
        rows.into_iter().map(change).collect()
    }
}

/// The newest body that a ref had, as stored; none if it had no entity.
#[derive(Debug, FromRow)]
pub(crate) struct StoredBody {
    pub(crate) entity_ref: String,
    pub(crate) body: Option<Vec<u8>>,
}

impl StoredBody {
    /// The bodies among some rows.
    pub(crate) fn bodies(rows: Vec<Self>) -> Result<Vec<(EntityRef, String)>, ReadModelError> {
        let mut unsqueeze = Unsqueeze::new();
        let body = |row: Self| {
            let frame = row.body?;
            Some(unsqueeze.body(&frame).map(|body| (EntityRef::from_canonical(&row.entity_ref), body)))
        };
        rows.into_iter().filter_map(body).collect()
    }
}
