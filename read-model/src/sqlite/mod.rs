//! The read model in one SQLite file, for the embedded default.
//!
//! One connection writes; a few others read, each from the state at its transaction's begin. Commits
//! are durable when they return (`synchronous=FULL`).

mod commit;
mod history;
mod insert;
mod leader;
mod load;
mod read;
mod write;

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use backstitch_schemas::{
    EntityRef, ProviderName, RegisteredLocation, Timestamp,
    source::{SourceKey, SourceState},
};
use sqlx::{
    ConnectOptions as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{Mutex, watch};

use crate::{
    ClaimForm, ClaimId, ClaimRecord, Commit, CommitError, Head, HistoryRow, Leadership, Page, Parts,
    ReadModel, ReadModelError, RelationsChange, Revision, SnapshotPart, SourceRow, StitcherPart, errors,
    stored,
};

/// The read model in one SQLite file.
#[derive(Debug)]
pub struct SqliteReadModel {
    writer: Mutex<SqliteConnection>,
    readers: SqlitePool,
    revision: watch::Sender<Revision>,
}

impl SqliteReadModel {
    /// Readers at once; more would wait for the two or four cores anyway.
    const READERS: u32 = 4;
    /// Each list of each commit is written with a few sizes of statement; all of them stay prepared.
    const PREPARED: usize = 256;
    /// Rows that SQLite's thread reads ahead. With few of them, the time goes into changing threads.
    const ROWS_AHEAD: usize = 256;

    /// Opens the file, which is made if absent, and brings its schema up to date.
    ///
    /// The caller has locked the data directory, so whoever led before is dead: its leadership ends.
    ///
    /// # Errors
    /// `Unusable` if the file is not a read model of this or an earlier version.
    pub async fn open(path: &Path) -> Result<Arc<Self>, ReadModelError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10))
            .statement_cache_capacity(Self::PREPARED)
            .row_buffer_size(Self::ROWS_AHEAD)
            // What a long read kept from being written back does not stay on the disk for ever. In bytes.
            .pragma("journal_size_limit", "67108864")
            // In pages. Fewer checkpoints, fewer pages that are written to the file twice.
            .pragma("wal_autocheckpoint", "8000")
            // What is slow is told by the stages, in their words; a load of everything takes its time.
            .disable_statement_logging();
        // Caches are in KiB when negative. The indexes that each commit touches should fit in the writer's.
        let writing = options.clone().pragma("cache_size", "-65536");
        let mut writer = writing.connect().await.map_err(errors::reading)?;
        let migrations = sqlx::migrate!("migrations/sqlite");
        migrations.run(&mut writer).await.map_err(|error| ReadModelError::Unusable(error.to_string()))?;
        leader::dismiss(&mut writer).await.map_err(errors::reading)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(Self::READERS)
            .connect_with(options.create_if_missing(false).read_only(true).pragma("cache_size", "-8192"))
            .await
            .map_err(errors::reading)?;
        let head = read::head(&readers).await?;
        let (revision, _) = watch::channel(head.revision);
        Ok(Arc::new(Self { writer: Mutex::new(writer), readers, revision }))
    }
}

#[async_trait]
impl ReadModel for SqliteReadModel {
    async fn lead(&self, holder: &str, lease: Duration) -> Result<Option<Leadership>, ReadModelError> {
        let mut writer = self.writer.lock().await;
        leader::lead(&mut writer, holder, lease).await.map_err(errors::reading)
    }

    async fn renew(&self, leadership: &Leadership, lease: Duration) -> Result<bool, ReadModelError> {
        let mut writer = self.writer.lock().await;
        leader::renew(&mut writer, leadership, lease).await.map_err(errors::reading)
    }

    async fn resign(&self, leadership: &Leadership) -> Result<(), ReadModelError> {
        let mut writer = self.writer.lock().await;
        leader::resign(&mut writer, leadership).await.map_err(errors::reading)
    }

    async fn load(&self) -> Result<Parts<StitcherPart>, ReadModelError> {
        load::load(&self.readers).await
    }

    async fn forms(&self, claims: &[ClaimId]) -> Result<Vec<ClaimForm>, ReadModelError> {
        read::forms(&self.readers, claims).await
    }

    async fn commit(&self, leadership: &Leadership, commit: &Commit) -> Result<(), CommitError> {
        let mut writer = self.writer.lock().await;
        commit::commit(&mut writer, leadership, commit).await?;
        // Also when the revision stays: the positions moved, and somebody may wait for those.
        self.revision.send_replace(commit.revision);
        Ok(())
    }

    async fn head(&self) -> Result<Head, ReadModelError> {
        read::head(&self.readers).await
    }

    fn commits(&self) -> watch::Receiver<Revision> {
        self.revision.subscribe()
    }

    async fn snapshot(&self) -> Result<(Revision, Parts<SnapshotPart>), ReadModelError> {
        load::snapshot(&self.readers).await
    }

    async fn changes_since(
        &self,
        since: Revision,
        rows: usize,
    ) -> Result<Option<Vec<HistoryRow>>, ReadModelError> {
        history::changes_since(&self.readers, since, rows).await
    }

    async fn history_after(
        &self,
        since: Revision,
        rows: usize,
    ) -> Result<Option<Vec<HistoryRow>>, ReadModelError> {
        history::history_after(&self.readers, since, rows).await
    }

    async fn relations_after(
        &self,
        refs: &[EntityRef],
        since: Revision,
    ) -> Result<Vec<RelationsChange>, ReadModelError> {
        history::relations_after(&self.readers, refs, since).await
    }

    async fn bodies_at(
        &self,
        refs: &[EntityRef],
        at: Revision,
    ) -> Result<Vec<(EntityRef, String)>, ReadModelError> {
        history::bodies_at(&self.readers, refs, at).await
    }

    async fn prune_history(&self, before: Timestamp) -> Result<u64, ReadModelError> {
        let mut writer = self.writer.lock().await;
        history::prune_history(&mut writer, before).await
    }

    async fn history_of(
        &self,
        entity_ref: &EntityRef,
        limit: usize,
    ) -> Result<Vec<HistoryRow>, ReadModelError> {
        history::history_of(&self.readers, entity_ref, limit).await
    }

    async fn latest_changes(&self, limit: usize) -> Result<Vec<HistoryRow>, ReadModelError> {
        history::latest_changes(&self.readers, limit).await
    }

    async fn claims_of(&self, entity_ref: &EntityRef) -> Result<Vec<ClaimRecord>, ReadModelError> {
        read::claims_of(&self.readers, entity_ref).await
    }

    async fn claims_of_provider(
        &self,
        provider: &ProviderName,
        refs: &[EntityRef],
    ) -> Result<Vec<ClaimRecord>, ReadModelError> {
        read::claims_of_provider(&self.readers, provider, refs).await
    }

    async fn claims_with_problems(&self, limit: usize) -> Result<Page<ClaimRecord>, ReadModelError> {
        read::claims_with_problems(&self.readers, limit).await
    }

    async fn count_errors(&self) -> Result<i64, ReadModelError> {
        read::count_errors(&self.readers).await
    }

    async fn conflicts(&self, limit: usize) -> Result<Page<ClaimRecord>, ReadModelError> {
        read::conflicts(&self.readers, limit).await
    }

    async fn locations(&self) -> Result<Vec<RegisteredLocation>, ReadModelError> {
        read::locations(&self.readers).await
    }

    async fn source(&self, key: &SourceKey) -> Result<Option<SourceState>, ReadModelError> {
        read::source(&self.readers, &stored::source_key(key)).await
    }

    async fn claims_in(&self, document: &str, limit: usize) -> Result<Page<ClaimRecord>, ReadModelError> {
        read::claims_in(&self.readers, document, limit).await
    }

    async fn sources(&self) -> Result<Vec<SourceRow>, ReadModelError> {
        read::sources(&self.readers).await
    }
}
