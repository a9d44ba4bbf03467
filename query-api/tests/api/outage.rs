//! What readers notice when the read model goes away, or is another one when it comes back.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use backstitch_query_api::{Catalog, Config, NotReady};
use backstitch_read_model::{
    ClaimForm, ClaimId, ClaimRecord, Commit, CommitError, Head, HistoryRow, Leadership, Page, Parts,
    ReadModel, ReadModelError, RelationsChange, Revision, SnapshotPart, SourceRow, StitcherPart,
};
use backstitch_schemas::{
    EntityRef, ProviderName, RegisteredLocation, Timestamp,
    source::{SourceKey, SourceState},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::fixture::{Fixture, component};

/// Another read model behind a line that can be cut, and can be connected to another one.
#[derive(Debug)]
struct Line {
    other_end: Mutex<Option<Arc<dyn ReadModel>>>,
    commits: watch::Sender<Revision>,
}

impl Line {
    fn to(read_model: Arc<dyn ReadModel>) -> Arc<Self> {
        let (commits, _) = watch::channel(Revision::default());
        Arc::new(Self { other_end: Mutex::new(Some(read_model)), commits })
    }

    /// Connects to another read model, or to none, and makes readers look.
    fn connect(&self, read_model: Option<Arc<dyn ReadModel>>) {
        *self.other_end.lock().unwrap() = read_model;
        self.commits.send_modify(|revision| *revision = revision.next());
    }

    fn end(&self) -> Result<Arc<dyn ReadModel>, ReadModelError> {
        let end = self.other_end.lock().unwrap().clone();
        end.ok_or_else(|| ReadModelError::Unavailable("the line is cut".to_owned()))
    }
}

#[async_trait]
impl ReadModel for Line {
    async fn lead(&self, holder: &str, lease: Duration) -> Result<Option<Leadership>, ReadModelError> {
        self.end()?.lead(holder, lease).await
    }
    async fn renew(&self, leadership: &Leadership, lease: Duration) -> Result<bool, ReadModelError> {
        self.end()?.renew(leadership, lease).await
    }
    async fn resign(&self, leadership: &Leadership) -> Result<(), ReadModelError> {
        self.end()?.resign(leadership).await
    }
    async fn load(&self) -> Result<Parts<StitcherPart>, ReadModelError> {
        self.end()?.load().await
    }
    async fn forms(&self, claims: &[ClaimId]) -> Result<Vec<ClaimForm>, ReadModelError> {
        self.end()?.forms(claims).await
    }
    async fn commit(&self, leadership: &Leadership, commit: &Commit) -> Result<(), CommitError> {
        self.end()?.commit(leadership, commit).await
    }
    async fn head(&self) -> Result<Head, ReadModelError> {
        self.end()?.head().await
    }
    fn commits(&self) -> watch::Receiver<Revision> {
        self.commits.subscribe()
    }
    async fn snapshot(&self) -> Result<(Revision, Parts<SnapshotPart>), ReadModelError> {
        self.end()?.snapshot().await
    }
    async fn changes_since(
        &self,
        since: Revision,
        rows: usize,
    ) -> Result<Option<Vec<HistoryRow>>, ReadModelError> {
        self.end()?.changes_since(since, rows).await
    }
    async fn history_after(
        &self,
        since: Revision,
        rows: usize,
    ) -> Result<Option<Vec<HistoryRow>>, ReadModelError> {
        self.end()?.history_after(since, rows).await
    }
    async fn relations_after(
        &self,
        refs: &[EntityRef],
        since: Revision,
    ) -> Result<Vec<RelationsChange>, ReadModelError> {
        self.end()?.relations_after(refs, since).await
    }
    async fn bodies_at(
        &self,
        refs: &[EntityRef],
        at: Revision,
    ) -> Result<Vec<(EntityRef, String)>, ReadModelError> {
        self.end()?.bodies_at(refs, at).await
    }
    async fn prune_history(&self, before: Timestamp) -> Result<u64, ReadModelError> {
        self.end()?.prune_history(before).await
    }
    async fn history_of(
        &self,
        entity_ref: &EntityRef,
        limit: usize,
    ) -> Result<Vec<HistoryRow>, ReadModelError> {
        self.end()?.history_of(entity_ref, limit).await
    }
    async fn latest_changes(&self, limit: usize) -> Result<Vec<HistoryRow>, ReadModelError> {
        self.end()?.latest_changes(limit).await
    }
    async fn claims_of(&self, entity_ref: &EntityRef) -> Result<Vec<ClaimRecord>, ReadModelError> {
        self.end()?.claims_of(entity_ref).await
    }
    async fn claims_of_provider(
        &self,
        provider: &ProviderName,
        refs: &[EntityRef],
    ) -> Result<Vec<ClaimRecord>, ReadModelError> {
        self.end()?.claims_of_provider(provider, refs).await
    }
    async fn claims_with_problems(&self, limit: usize) -> Result<Page<ClaimRecord>, ReadModelError> {
        self.end()?.claims_with_problems(limit).await
    }
    async fn count_errors(&self) -> Result<i64, ReadModelError> {
        self.end()?.count_errors().await
    }
    async fn conflicts(&self, limit: usize) -> Result<Page<ClaimRecord>, ReadModelError> {
        self.end()?.conflicts(limit).await
    }
    async fn locations(&self) -> Result<Vec<RegisteredLocation>, ReadModelError> {
        self.end()?.locations().await
    }

    async fn source(&self, key: &SourceKey) -> Result<Option<SourceState>, ReadModelError> {
        self.end()?.source(key).await
    }

    async fn claims_in(&self, document: &str, limit: usize) -> Result<Page<ClaimRecord>, ReadModelError> {
        self.end()?.claims_in(document, limit).await
    }
    async fn sources(&self) -> Result<Vec<SourceRow>, ReadModelError> {
        self.end()?.sources().await
    }
}

/// Waits until `is` says so.
async fn eventually(what: &str, is: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn start(line: &Arc<Line>, shutdown: &CancellationToken) -> Catalog {
    let config = Config { stale_seconds: 0, poll_seconds: 1, ..Config::default() };
    Catalog::start(Arc::clone(line) as Arc<dyn ReadModel>, &config, shutdown.clone())
}

fn has(catalog: &Catalog, name: &str) -> bool {
    let entity_ref = EntityRef::new("component", None, name);
    catalog.index().is_some_and(|index| index.find(&entity_ref).is_some())
}

#[tokio::test]
async fn reads_go_on_while_the_read_model_is_away_and_readiness_says_so() {
    let mut fixture = Fixture::with(&[component("a", "service")]).await;
    let line = Line::to(fixture.read_model.clone());
    let shutdown = CancellationToken::new();
    let catalog = start(&line, &shutdown);
    assert_eq!(catalog.ready(), Err(NotReady::Loading));
    eventually("loaded", || has(&catalog, "a")).await;
    assert_eq!(catalog.ready(), Ok(()));

    line.connect(None);
    eventually("stale", || matches!(catalog.ready(), Err(NotReady::Stale(..)))).await;
    assert!(has(&catalog, "a"));
    fixture.add(&[component("b", "service")]).await;
    line.connect(Some(fixture.read_model.clone()));
    eventually("caught up", || has(&catalog, "b")).await;
    assert_eq!(catalog.ready(), Ok(()));
    shutdown.cancel();
}

#[tokio::test]
async fn a_history_that_does_not_go_on_from_here_means_a_new_snapshot() {
    let long = Fixture::with(&[component("a", "service"), component("b", "service")]).await;
    let line = Line::to(long.read_model.clone());
    let shutdown = CancellationToken::new();
    let catalog = start(&line, &shutdown);
    eventually("loaded", || has(&catalog, "b")).await;
    // Rebuilt from less: its last revision lies before the one that was served.
    let short = Fixture::with(&[component("c", "service")]).await;
    line.connect(Some(short.read_model.clone()));
    eventually("loaded again", || has(&catalog, "c") && !has(&catalog, "a")).await;
    shutdown.cancel();
}
