//! Follows the commits of all processes, so that whoever waits for a revision wakes soon after it.

use std::{sync::Arc, time::Duration};

use sqlx::{PgPool, postgres::PgListener};
use tokio::sync::watch;

use super::{CHANNEL, read};
use crate::Revision;

/// First and longest pause before listening is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Tells the last revision. It never goes back, whoever tells it late.
#[derive(Clone, Debug)]
pub(super) struct Commits(Arc<watch::Sender<Revision>>);

impl Commits {
    pub(super) fn new(revision: Revision) -> Self {
        Self(Arc::new(watch::channel(revision).0))
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Revision> {
        self.0.subscribe()
    }

    /// Wakes also when the revision stays: the positions moved, and somebody may wait for those.
    pub(super) fn tell(&self, revision: Revision) {
        self.0.send_if_modified(|last| {
            let news = revision >= *last;
            if news {
                *last = revision;
            }
            news
        });
    }
}

/// Listens for ever. After each gap the head is read, so no commit is missed for longer than the gap.
pub(super) async fn follow(readers: PgPool, commits: Commits) {
    let mut pause = PAUSES.0;
    loop {
        let heard = listen(&readers, &commits, &mut pause).await;
        if readers.is_closed() {
            return;
        }
        if let Err(error) = heard {
            tracing::warn!(%error, "commits are not heard until the database is back");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

async fn listen(readers: &PgPool, commits: &Commits, pause: &mut Duration) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(readers).await?;
    listener.listen(CHANNEL).await?;
    loop {
        // Read after listening began, or a commit in between would be missed.
        commits.tell(read::revision(readers).await?);
        *pause = PAUSES.0;
        while let Some(notification) = listener.try_recv().await? {
            if let Ok(revision) = notification.payload().parse() {
                commits.tell(Revision(revision));
            }
        }
    }
}
