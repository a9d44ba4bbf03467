//! The long-running parts of a process: if one fails, all are asked to end.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// How long parts may take to end once they were asked to; what is cut off then loses nothing, as
/// every step is atomic.
const GRACE: Duration = Duration::from_secs(10);

/// The running parts of a process.
pub(super) struct Tasks {
    running: JoinSet<Result<()>>,
    shutdown: CancellationToken,
}

impl Tasks {
    /// No parts yet; `shutdown` asks those to come to end.
    pub(super) fn new(shutdown: CancellationToken) -> Self {
        Self { running: JoinSet::new(), shutdown }
    }

    /// Starts a part. Its failure is the failure of the process.
    pub(super) fn start(
        &mut self,
        name: &'static str,
        part: impl Future<Output = Result<()>> + Send + 'static,
    ) {
        self.running.spawn(async move { part.await.context(name) });
    }

    /// Waits until shutdown, or until a part fails, and then for the others to end.
    ///
    /// # Errors
    /// The first failure.
    pub(super) async fn finish(mut self) -> Result<()> {
        let first = tokio::select! {
            () = self.shutdown.cancelled() => Ok(()),
            ended = self.running.join_next() => outcome(ended),
        };
        self.shutdown.cancel();
        let rest = async {
            let mut first = first;
            while let Some(ended) = self.running.join_next().await {
                first = first.and(outcome(Some(ended)));
            }
            first
        };
        match tokio::time::timeout(GRACE, rest).await {
            Ok(outcome) => outcome,
            Err(_) => {
                tracing::warn!("some parts did not end in time and were cut off; nothing is lost");
                Ok(())
            }
        }
    }
}

fn outcome(ended: Option<Result<Result<()>, JoinError>>) -> Result<()> {
    match ended {
        None => Ok(()),
        Some(Ok(outcome)) => outcome,
        Some(Err(error)) => Err(error).context("a part of the process panicked; see above"),
    }
}
