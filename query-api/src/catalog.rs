//! The catalog in memory: loaded from a snapshot, kept up to date by tailing commits.
//!
//! While the read model is away the last commit goes on being served; only readiness tells. When
//! history no longer reaches back, or another incarnation began, a new snapshot is taken.

use std::{sync::Arc, time::Duration};

use backstitch_read_model::{ReadModel, ReadModelError, Revision};
use tokio::{
    sync::{Mutex, watch},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    Config,
    index::{Index, Loader, Memory},
    view::VisibleSets,
};

/// Waits between attempts while the read model is away.
const RETRY: Duration = Duration::from_secs(1);

/// How old a measurement of memory may be before the index is weighed again.
const WEIGHED_EVERY: Duration = Duration::from_secs(30);

/// The catalog as of the last commit that is known here. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalog {
    published: watch::Receiver<Published>,
    stale_after: Duration,
    visible: VisibleSets,
    weighed: Arc<Mutex<Option<Weighed>>>,
}

/// What an index weighed.
#[derive(Clone, Copy, Debug)]
struct Weighed {
    at: Instant,
    entities: usize,
    memory: Memory,
}

/// What the tailing task tells.
#[derive(Clone, Debug)]
struct Published {
    /// `None` until the first snapshot is loaded.
    index: Option<Arc<Index>>,
    /// When the read model last answered.
    heard: Instant,
    /// What it said when it did not.
    trouble: Option<String>,
}

/// Why the catalog is not ready.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// The first snapshot is under way.
    #[error("the catalog is being loaded")]
    Loading,
    /// What is served may be old.
    #[error("the read model has been away for {0} seconds: {1}")]
    Stale(u64, String),
}

/// Why a revision cannot be waited for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// Nothing is loaded yet.
    #[error("The catalog is being loaded, try again soon")]
    Loading,
    /// It did not come in time.
    #[error("Revision {wanted} is not visible here yet; the catalog is at revision {current}")]
    TooLate {
        /// What was asked for.
        wanted: Revision,
        /// What is here.
        current: Revision,
    },
    /// It will never come.
    #[error(
        "Revision {0} is of another incarnation of the catalog; read without minRevision and go on from there"
    )]
    OtherIncarnation(Revision),
}

impl Catalog {
    /// Starts the task that loads and tails; it ends with `shutdown`.
    pub fn start(read_model: Arc<dyn ReadModel>, config: &Config, shutdown: CancellationToken) -> Self {
        let nothing = Published { index: None, heard: Instant::now(), trouble: None };
        let (sender, published) = watch::channel(nothing);
        let tail =
            Tail { read_model, sender, poll_every: config.poll_every(), batch_rows: config.batch_rows };
        tokio::spawn(async move { shutdown.run_until_cancelled(tail.run()).await });
        let (visible, weighed) = (VisibleSets::default(), Arc::default());
        Self { published, stale_after: config.stale_after(), visible, weighed }
    }

    /// The last commit; `None` until the first snapshot is loaded.
    pub fn index(&self) -> Option<Arc<Index>> {
        self.published.borrow().index.clone()
    }

    /// What those see who do not see all.
    pub(crate) fn visible(&self) -> &VisibleSets {
        &self.visible
    }

    /// Whether reads are answered, and from what is current.
    ///
    /// # Errors
    /// If nothing is loaded, or the read model has been away for long.
    pub fn ready(&self) -> Result<(), NotReady> {
        let published = self.published.borrow();
        if published.index.is_none() {
            return Err(NotReady::Loading);
        }
        let away = published.heard.elapsed();
        match &published.trouble {
            Some(trouble) if away > self.stale_after => Err(NotReady::Stale(away.as_secs(), trouble.clone())),
            _ => Ok(()),
        }
    }

    /// What an index weighs, as measured within the last half minute with about as many entities.
    pub async fn memory(&self, index: &Arc<Index>) -> Memory {
        let mut weighed = self.weighed.lock().await;
        if let Some(known) = weighed.filter(|known| known.still_tells(index)) {
            return known.memory;
        }
        let entities = index.len();
        let index = Arc::clone(index);
        let memory = computed(move || index.memory()).await;
        *weighed = Some(Weighed { at: Instant::now(), entities, memory });
        memory
    }

    /// Waits until there is more than `known`; `None` when nothing more will come, because the process
    /// ends.
    pub async fn beyond(&self, known: Revision) -> Option<Arc<Index>> {
        let mut published = self.published.clone();
        // A reader that is far behind ends too.
        published.has_changed().ok()?;
        let is_beyond =
            |published: &Published| published.index.as_ref().is_some_and(|index| index.revision() > known);
        published.wait_for(is_beyond).await.ok()?.index.clone()
    }

    /// Waits until `wanted` is in here, but no longer than `patience`.
    ///
    /// # Errors
    /// If it does not come in time, or never will.
    pub async fn at_least(&self, wanted: Revision, patience: Duration) -> Result<Arc<Index>, WaitError> {
        let mut published = self.published.clone();
        // An older incarnation will not come back; a newer one may be on its way here.
        let decided = published
            .wait_for(|published| published.index.as_ref().is_some_and(|index| index.revision() >= wanted));
        // A time-out and the end of the task are the same here: what counts is what is published.
        let _ = timeout(patience, decided).await;
        let index = self.index().ok_or(WaitError::Loading)?;
        let current = index.revision();
        if current.incarnation() > wanted.incarnation() {
            return Err(WaitError::OtherIncarnation(wanted));
        }
        if current < wanted {
            return Err(WaitError::TooLate { wanted, current });
        }
        Ok(index)
    }
}

impl Weighed {
    fn still_tells(&self, index: &Index) -> bool {
        // A catalog that is being filled weighs something else every second.
        let is_alike = index.len().abs_diff(self.entities) <= self.entities / 10;
        is_alike && self.at.elapsed() < WEIGHED_EVERY
    }
}

/// The tailing task.
struct Tail {
    read_model: Arc<dyn ReadModel>,
    sender: watch::Sender<Published>,
    poll_every: Duration,
    batch_rows: usize,
}

impl Tail {
    async fn run(self) {
        let mut commits = self.read_model.commits();
        loop {
            commits.mark_unchanged();
            match self.catch_up().await {
                Ok(()) => {
                    // Whether it was announced or not, the read model is asked what is new.
                    let _ = timeout(self.poll_every, commits.changed()).await;
                }
                Err(error) => {
                    self.note_trouble(&error);
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Brings the published index to the last commit.
    async fn catch_up(&self) -> Result<(), ReadModelError> {
        let current = self.sender.borrow().index.clone();
        let mut index = match current {
            Some(index) => index,
            None => self.load().await?,
        };
        loop {
            match self.read_model.changes_since(index.revision(), self.batch_rows).await? {
                Some(rows) if rows.is_empty() => break,
                Some(rows) => {
                    let mut next = Index::clone(&index);
                    index = computed(move || {
                        next.apply(&rows);
                        Arc::new(next)
                    })
                    .await;
                    self.publish(Arc::clone(&index));
                }
                None => index = self.load().await?,
            }
        }
        self.publish(index);
        Ok(())
    }

    async fn load(&self) -> Result<Arc<Index>, ReadModelError> {
        let started = Instant::now();
        let (revision, mut parts) = self.read_model.snapshot().await?;
        let mut loader = Loader::default();
        while let Some(part) = parts.recv().await {
            loader.take(part?);
        }
        let index = computed(move || Arc::new(loader.finish(revision))).await;
        let took = started.elapsed();
        info!(revision = revision.0, entities = index.len(), ?took, "catalog loaded");
        self.publish(Arc::clone(&index));
        Ok(index)
    }

    fn publish(&self, index: Arc<Index>) {
        self.sender.send_modify(|published| {
            *published = Published { index: Some(index), heard: Instant::now(), trouble: None };
        });
    }

    fn note_trouble(&self, error: &ReadModelError) {
        self.sender.send_modify(|published| {
            if published.trouble.is_none() {
                warn!(%error, "the read model does not answer; reads go on from the last commit");
            }
            published.trouble = Some(error.to_string());
        });
    }
}

/// Runs what takes long on a thread for such work.
async fn computed<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("building the index does not panic")
}
