//! The database between stitcher and query API: one trait, Postgres and SQLite behind it.
//!
//! The stitcher writes whole commits, [`Commit`], in one transaction each; the query API reads a
//! snapshot at a commit and then what each later commit changed. Everything in here can be deleted
//! and rebuilt from the log.

mod commit;
mod errors;
mod guard;
mod parts;
mod postgres;
mod revision;
mod rows;
mod sqlite;
mod stored;
mod stored_rows;

pub use commit::*;
pub use postgres::PostgresReadModel;
pub use revision::Revision;
pub use rows::*;
pub use sqlite::SqliteReadModel;

use std::time::Duration;

use async_trait::async_trait;
use backstitch_schemas::{
    EntityRef, ProviderName, RegisteredLocation, Timestamp,
    source::{SourceKey, SourceState},
};
use tokio::sync::{mpsc, watch};

/// Why the read model did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ReadModelError {
    /// The database is away; the same call may succeed later.
    #[error("the read model is unavailable: {0}")]
    Unavailable(String),
    /// The database is not what it should be (schema, permissions, damage); a person must look.
    #[error("{0}")]
    Unusable(String),
}

/// Parts of a consistent read, in the order of its documentation; the channel closes at the end.
pub type Parts<T> = mpsc::Receiver<Result<T, ReadModelError>>;

/// The database between stitcher and query API.
#[async_trait]
pub trait ReadModel: Send + Sync + std::fmt::Debug + 'static {
    // --- the stitcher writes ---

    /// Becomes the leader if there is none, if it leads already, or if the leader's lease has run out (by
    /// the database's clock), each time under a new epoch; ends the predecessor's database session.
    /// `None` while another one leads. A commit that takes long holds back renewals: leases are longer.
    async fn lead(&self, holder: &str, lease: Duration) -> Result<Option<Leadership>, ReadModelError>;

    /// Extends the lease; `false` when somebody else leads by now.
    async fn renew(&self, leadership: &Leadership, lease: Duration) -> Result<bool, ReadModelError>;

    /// Gives leadership back, so that a successor need not wait for the lease to run out.
    async fn resign(&self, leadership: &Leadership) -> Result<(), ReadModelError>;

    /// Everything the stitcher keeps in memory, at one commit: refs, relation types, claims without
    /// their forms, relations, entities without their bodies, positions; in this order.
    async fn load(&self) -> Result<Parts<StitcherPart>, ReadModelError>;

    /// The forms of some claims; those without one are left out.
    async fn forms(&self, claims: &[ClaimId]) -> Result<Vec<ClaimForm>, ReadModelError>;

    /// Writes one commit, all or nothing, and wakes those who watch [`ReadModel::commits`].
    async fn commit(&self, leadership: &Leadership, commit: &Commit) -> Result<(), CommitError>;

    // --- everybody reads ---

    /// Where the read model stands.
    async fn head(&self) -> Result<Head, ReadModelError>;

    /// The last revision known here; changes soon after each commit, wherever it was made.
    fn commits(&self) -> watch::Receiver<Revision>;

    /// All final entities and relations at one commit: refs, relation types, entities, relations.
    async fn snapshot(&self) -> Result<(Revision, Parts<SnapshotPart>), ReadModelError>;

    /// What the commits after `since` changed, whole commits only, at least `rows` rows if there are
    /// that many. `None` if history no longer reaches back to `since`, or it is of another
    /// incarnation: take a snapshot.
    async fn changes_since(
        &self,
        since: Revision,
        rows: usize,
    ) -> Result<Option<Vec<HistoryRow>>, ReadModelError>;

    /// What changed after `since`, oldest first: the next `rows` changes, even if they end within a
    /// commit. `None` as for [`ReadModel::changes_since`].
    async fn history_after(
        &self,
        since: Revision,
        rows: usize,
    ) -> Result<Option<Vec<HistoryRow>>, ReadModelError>;

    /// What changed some refs after `since`, oldest first, without bodies.
    async fn relations_after(
        &self,
        refs: &[EntityRef],
        since: Revision,
    ) -> Result<Vec<RelationsChange>, ReadModelError>;

    /// The bodies that some refs had at a revision to which history reaches back; those that had no
    /// entity are left out.
    async fn bodies_at(
        &self,
        refs: &[EntityRef],
        at: Revision,
    ) -> Result<Vec<(EntityRef, String)>, ReadModelError>;

    /// Forgets history up to the last whole commit before `before`, but for the last body of each
    /// entity. Returns how many rows went.
    async fn prune_history(&self, before: Timestamp) -> Result<u64, ReadModelError>;

    /// The history of one ref, newest first.
    async fn history_of(
        &self,
        entity_ref: &EntityRef,
        limit: usize,
    ) -> Result<Vec<HistoryRow>, ReadModelError>;

    /// The newest changes, newest first.
    async fn latest_changes(&self, limit: usize) -> Result<Vec<HistoryRow>, ReadModelError>;

    /// All claims on one ref, losers included, with their problems.
    async fn claims_of(&self, entity_ref: &EntityRef) -> Result<Vec<ClaimRecord>, ReadModelError>;

    /// Claims of one provider on some refs.
    async fn claims_of_provider(
        &self,
        provider: &ProviderName,
        refs: &[EntityRef],
    ) -> Result<Vec<ClaimRecord>, ReadModelError>;

    /// Claims with errors, and refused ones; oldest ref first.
    async fn claims_with_problems(&self, limit: usize) -> Result<Page<ClaimRecord>, ReadModelError>;

    /// How many errors claims and sources have together. The same error of several claims on one ref is one, and
    /// so is an error of a source that a claim has at the same place. Looks at every error.
    async fn count_errors(&self) -> Result<i64, ReadModelError>;

    /// Claims that lost against another claim on the same ref.
    async fn conflicts(&self, limit: usize) -> Result<Page<ClaimRecord>, ReadModelError>;

    /// The registered locations, by id: those whose Location entity another claim wins included.
    async fn locations(&self) -> Result<Vec<RegisteredLocation>, ReadModelError>;

    /// What `catalog.sources` says about one source, as last copied.
    async fn source(&self, key: &SourceKey) -> Result<Option<SourceState>, ReadModelError>;

    /// Claims on what stands in a document, by its location ref, withdrawn ones included. Looks at every
    /// claim, so it is for a person who asks, not for every request.
    async fn claims_in(&self, document: &str, limit: usize) -> Result<Page<ClaimRecord>, ReadModelError>;

    /// What `catalog.sources` says, as last copied.
    async fn sources(&self) -> Result<Vec<SourceRow>, ReadModelError>;
}
