//! A read model that fails where it is told to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use backstitch_read_model::*;
use backstitch_schemas::{
    EntityRef, ProviderName, RegisteredLocation, Timestamp,
    source::{SourceKey, SourceState},
};
use tokio::sync::{Notify, watch};

/// What happens to one commit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    None,
    Unavailable,
    UnclearAndNotMade,
    UnclearAndMade,
    Lost,
    KilledBefore,
    KilledAfter,
}

/// Passes everything on but the commits that are to fail.
#[derive(Debug)]
pub(crate) struct Faulty {
    inner: Arc<dyn ReadModel>,
    faults: Mutex<VecDeque<Fault>>,
    refused: Option<EntityRef>,
    /// Says that the caller of a commit is to be killed now.
    pub(crate) killed: Notify,
}

impl Faulty {
    /// One fault for each commit in turn, then none.
    pub(crate) fn with(inner: Arc<dyn ReadModel>, faults: Vec<Fault>) -> Arc<Self> {
        Arc::new(Self { inner, faults: Mutex::new(faults.into()), refused: None, killed: Notify::new() })
    }

    /// Refuses the data of every commit with a good form of this ref.
    pub(crate) fn refusing(inner: Arc<dyn ReadModel>, refused: EntityRef) -> Arc<Self> {
        let faults = Mutex::default();
        Arc::new(Self { inner, faults, refused: Some(refused), killed: Notify::new() })
    }

    async fn die(&self) {
        self.killed.notify_one();
        std::future::pending::<()>().await;
    }
}

#[async_trait]
impl ReadModel for Faulty {
    async fn commit(&self, leadership: &Leadership, commit: &Commit) -> Result<(), CommitError> {
        let is_refused = |row: &ClaimRow| Some(&row.key.entity_ref) == self.refused.as_ref();
        if commit.claims.iter().any(|row| is_refused(row) && row.form.is_some()) {
            return Err(CommitError::Data("too strange".to_owned()));
        }
        let fault = self.faults.lock().unwrap().pop_front().unwrap_or(Fault::None);
        let away = || "the test cut the line".to_owned();
        match fault {
            Fault::None => self.inner.commit(leadership, commit).await,
            Fault::Unavailable => Err(ReadModelError::Unavailable(away()).into()),
            Fault::UnclearAndNotMade => Err(CommitError::Unclear(away())),
            Fault::UnclearAndMade => {
                self.inner.commit(leadership, commit).await?;
                Err(CommitError::Unclear(away()))
            }
            Fault::Lost => Err(CommitError::LostLeadership),
            Fault::KilledBefore => {
                self.die().await;
                Ok(())
            }
            Fault::KilledAfter => {
                self.inner.commit(leadership, commit).await?;
                self.die().await;
                Ok(())
            }
        }
    }

    async fn lead(&self, holder: &str, lease: Duration) -> Result<Option<Leadership>, ReadModelError> {
        self.inner.lead(holder, lease).await
    }

    async fn renew(&self, leadership: &Leadership, lease: Duration) -> Result<bool, ReadModelError> {
        self.inner.renew(leadership, lease).await
    }

    async fn resign(&self, leadership: &Leadership) -> Result<(), ReadModelError> {
        self.inner.resign(leadership).await
    }

    async fn load(&self) -> Result<Parts<StitcherPart>, ReadModelError> {
        self.inner.load().await
    }

    async fn forms(&self, claims: &[ClaimId]) -> Result<Vec<ClaimForm>, ReadModelError> {
        self.inner.forms(claims).await
    }

    async fn head(&self) -> Result<Head, ReadModelError> {
        self.inner.head().await
    }

    fn commits(&self) -> watch::Receiver<Revision> {
        self.inner.commits()
    }

    async fn snapshot(&self) -> Result<(Revision, Parts<SnapshotPart>), ReadModelError> {
        self.inner.snapshot().await
    }

    async fn changes_since(
        &self,
        since: Revision,
        rows: usize,
    ) -> Result<Option<Vec<HistoryRow>>, ReadModelError> {
        self.inner.changes_since(since, rows).await
    }

    async fn history_after(
        &self,
        since: Revision,
        rows: usize,
    ) -> Result<Option<Vec<HistoryRow>>, ReadModelError> {
        self.inner.history_after(since, rows).await
    }

    async fn relations_after(
        &self,
        refs: &[EntityRef],
        since: Revision,
    ) -> Result<Vec<RelationsChange>, ReadModelError> {
        self.inner.relations_after(refs, since).await
    }

    async fn bodies_at(
        &self,
        refs: &[EntityRef],
        at: Revision,
    ) -> Result<Vec<(EntityRef, String)>, ReadModelError> {
        self.inner.bodies_at(refs, at).await
    }

    async fn prune_history(&self, before: Timestamp) -> Result<u64, ReadModelError> {
        self.inner.prune_history(before).await
    }

    async fn history_of(
        &self,
        entity_ref: &EntityRef,
        limit: usize,
    ) -> Result<Vec<HistoryRow>, ReadModelError> {
        self.inner.history_of(entity_ref, limit).await
    }

    async fn latest_changes(&self, limit: usize) -> Result<Vec<HistoryRow>, ReadModelError> {
        self.inner.latest_changes(limit).await
    }

    async fn claims_of(&self, entity_ref: &EntityRef) -> Result<Vec<ClaimRecord>, ReadModelError> {
        self.inner.claims_of(entity_ref).await
    }

    async fn claims_of_provider(
        &self,
        provider: &ProviderName,
        refs: &[EntityRef],
    ) -> Result<Vec<ClaimRecord>, ReadModelError> {
        self.inner.claims_of_provider(provider, refs).await
    }

    async fn claims_with_problems(&self, limit: usize) -> Result<Page<ClaimRecord>, ReadModelError> {
        self.inner.claims_with_problems(limit).await
    }

    async fn count_errors(&self) -> Result<i64, ReadModelError> {
        self.inner.count_errors().await
    }

    async fn conflicts(&self, limit: usize) -> Result<Page<ClaimRecord>, ReadModelError> {
        self.inner.conflicts(limit).await
    }

    async fn locations(&self) -> Result<Vec<RegisteredLocation>, ReadModelError> {
        self.inner.locations().await
    }

    async fn source(&self, key: &SourceKey) -> Result<Option<SourceState>, ReadModelError> {
        self.inner.source(key).await
    }

    async fn claims_in(&self, document: &str, limit: usize) -> Result<Page<ClaimRecord>, ReadModelError> {
        self.inner.claims_in(document, limit).await
    }

    async fn sources(&self) -> Result<Vec<SourceRow>, ReadModelError> {
        self.inner.sources().await
    }
}
