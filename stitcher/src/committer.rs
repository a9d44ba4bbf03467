//! Brings a commit into the read model, whatever the connection does meanwhile.

use std::{sync::Arc, time::Duration};

use backstitch_read_model::{Commit, CommitError, Head, Leadership, ReadModel, ReadModelError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    Error, State, Status,
    error::Stop,
    outcome::{Outcome, outcome},
};

const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The database will never take the data of a commit; nothing was written.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) String);

/// Commits under one leadership.
pub(crate) struct Committer {
    read_model: Arc<dyn ReadModel>,
    leadership: Leadership,
    status: watch::Sender<Status>,
    shutdown: CancellationToken,
    pause: Duration,
}

impl Committer {
    pub(crate) fn new(
        read_model: Arc<dyn ReadModel>,
        leadership: Leadership,
        status: watch::Sender<Status>,
        shutdown: CancellationToken,
    ) -> Self {
        Self { read_model, leadership, status, shutdown, pause: SHORTEST_PAUSE }
    }

    /// Makes a commit, exactly once. Waits while the database is away.
    pub(crate) async fn commit(&mut self, commit: &Commit) -> Result<Result<(), Refused>, Stop> {
        let state = self.status.borrow().state.clone();
        let made = self.insist(commit).await?;
        self.pause = SHORTEST_PAUSE;
        self.status.send_if_modified(|status| {
            let waited = status.state != state;
            status.state = state;
            waited
        });
        Ok(made)
    }

    async fn insist(&mut self, commit: &Commit) -> Result<Result<(), Refused>, Stop> {
        loop {
            match self.read_model.commit(&self.leadership, commit).await {
                Ok(()) => return Ok(Ok(())),
                Err(CommitError::LostLeadership) => return Err(Stop::Lost),
                Err(CommitError::Data(reason)) => return Ok(Err(Refused(reason))),
                Err(CommitError::ReadModel(ReadModelError::Unusable(cause))) => {
                    return Err(Error::ReadModel(cause).into());
                }
                Err(CommitError::ReadModel(ReadModelError::Unavailable(cause))) => self.wait(cause).await?,
                Err(CommitError::Unclear(cause)) => {
                    let head = self.head().await?;
                    match outcome(&head, self.leadership.epoch, commit) {
                        Outcome::Made => return Ok(Ok(())),
                        Outcome::NotMade => self.wait(cause).await?,
                        Outcome::Elsewhere => return Err(Stop::Reload(cause)),
                    }
                }
            }
        }
    }

    async fn head(&mut self) -> Result<Head, Stop> {
        loop {
            match self.read_model.head().await {
                Err(ReadModelError::Unavailable(cause)) => self.wait(cause).await?,
                head => return Ok(head?),
            }
        }
    }

    async fn wait(&mut self, cause: String) -> Result<(), Stop> {
        tracing::warn!(cause, pause_ms = self.pause.as_millis(), "the read model is away; waiting");
        self.status.send_modify(|status| status.state = State::Waiting(cause));
        tokio::select! {
            () = self.shutdown.cancelled() => return Err(Stop::Shutdown),
            () = tokio::time::sleep(self.pause) => {}
        }
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}
