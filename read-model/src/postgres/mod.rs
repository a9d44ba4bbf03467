//! The read model in Postgres.
//!
//! One session commits, the leader's; a pool reads; a listener hears of the commits of all processes.
//!
//! Queries are checked against `read-model/.sqlx`. After a query or a migration changed, write it anew from
//! a database that was migrated: `DATABASE_URL=… SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$PWD/read-model/.sqlx
//! cargo check -p backstitch-read-model`.

mod chunks;
mod commit;
mod history;
mod leader;
mod load;
mod read;
mod watch;
mod write;
mod write_claims;
mod writer;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use backstitch_schemas::{
    EntityRef, ProviderName, RegisteredLocation, Timestamp,
    source::{SourceKey, SourceState},
};
use sqlx::{
    ConnectOptions as _, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::watch as watching;
use tokio_util::task::AbortOnDropHandle;

use self::{watch::Commits, writer::Writer};
use crate::{
    ClaimForm, ClaimId, ClaimRecord, Commit, CommitError, Head, HistoryRow, Leadership, Page, Parts,
    ReadModel, ReadModelError, RelationsChange, Revision, SnapshotPart, SourceRow, StitcherPart, errors,
    stored,
};

/// Where commits are notified.
const CHANNEL: &str = "backstitch_commits";

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// The read model in Postgres, version 14 or later.
#[derive(Debug)]
pub struct PostgresReadModel {
    writer: Writer,
    readers: PgPool,
    commits: Commits,
    _follower: AbortOnDropHandle<()>,
}

impl PostgresReadModel {
    /// Sessions that read at once; one of them listens.
    const READERS: u32 = 8;
    /// How long a read waits for a session.
    const PATIENCE: Duration = Duration::from_secs(5);

    /// Brings the schema of a database up to date. Safe to run from several processes.
    ///
    /// # Errors
    /// If the database is away, or does not let itself be changed.
    pub async fn migrate(url: &str) -> Result<(), ReadModelError> {
        let mut conn = options(url)?.connect().await.map_err(errors::reading)?;
        MIGRATIONS.run(&mut conn).await.map_err(|error| ReadModelError::Unusable(error.to_string()))
    }

    /// Connects to a database that was migrated.
    ///
    /// # Errors
    /// If the database is away, or was not migrated by this or a later version.
    pub async fn connect(url: &str) -> Result<Arc<Self>, ReadModelError> {
        let options = options(url)?;
        let readers = PgPoolOptions::new()
            .max_connections(Self::READERS)
            .acquire_timeout(Self::PATIENCE)
            .connect_with(options.clone())
            .await
            .map_err(errors::reading)?;
        check_schema(&readers).await?;
        let commits = Commits::new(read::revision(&readers).await.map_err(errors::reading)?);
        let follower = AbortOnDropHandle::new(tokio::spawn(watch::follow(readers.clone(), commits.clone())));
        Ok(Arc::new(Self { writer: Writer::new(options), readers, commits, _follower: follower }))
    }
}

fn options(url: &str) -> Result<PgConnectOptions, ReadModelError> {
    let options: PgConnectOptions = url.parse().map_err(errors::reading)?;
    // What is slow is told by the stages, in their words; a load of everything takes its time.
    Ok(options.application_name("backstitch").disable_statement_logging())
}

/// Refuses a database that lacks a migration of this program.
async fn check_schema(readers: &PgPool) -> Result<(), ReadModelError> {
    let needed = MIGRATIONS.iter().map(|migration| migration.version).max();
    // Not checked at compile time: the table is the migrator's, and absent before its first run.
    let applied: Result<Option<i64>, _> =
        sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
            .fetch_one(readers)
            .await;
    let applied = match applied {
        Ok(applied) => applied,
        // 42P01: there is no such table.
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => None,
        Err(error) => return Err(errors::reading(error)),
    };
    if applied >= needed {
        return Ok(());
    }
    let text = "the database has not the tables of this version; run `backstitch migrate` first";
    Err(ReadModelError::Unusable(text.to_owned()))
}

#[async_trait]
impl ReadModel for PostgresReadModel {
    async fn lead(&self, holder: &str, lease: Duration) -> Result<Option<Leadership>, ReadModelError> {
        self.writer.lead(holder, lease).await
    }

    async fn renew(&self, leadership: &Leadership, lease: Duration) -> Result<bool, ReadModelError> {
        leader::renew(&self.readers, leadership, lease).await.map_err(errors::reading)
    }

    async fn resign(&self, leadership: &Leadership) -> Result<(), ReadModelError> {
        leader::resign(&self.readers, leadership).await.map_err(errors::reading)
    }

    async fn load(&self) -> Result<Parts<StitcherPart>, ReadModelError> {
        load::load(&self.readers).await
    }

    async fn forms(&self, claims: &[ClaimId]) -> Result<Vec<ClaimForm>, ReadModelError> {
        read::forms(&self.readers, claims).await.map_err(errors::reading)
    }

    async fn commit(&self, leadership: &Leadership, commit: &Commit) -> Result<(), CommitError> {
        self.writer.commit(&self.readers, leadership, commit).await?;
        self.commits.tell(commit.revision);
        Ok(())
    }

    async fn head(&self) -> Result<Head, ReadModelError> {
        read::head(&self.readers).await
    }

    fn commits(&self) -> watching::Receiver<Revision> {
        self.commits.subscribe()
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
        let mut conn = self.readers.acquire().await.map_err(errors::reading)?;
        history::prune_history(&mut conn, before).await.map_err(errors::reading)
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
