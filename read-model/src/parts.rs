//! Sends long reads in parts through a bounded channel, so that neither side holds a whole table.

use futures::{Stream, StreamExt as _};
use tokio::sync::mpsc;

use crate::{ReadModelError, errors};

/// Rows in a part.
pub(crate) const ROWS: usize = 5_000;
/// Rows in a part whose rows hold bodies.
pub(crate) const BODIES: usize = 1_000;
/// Parts that wait to be taken.
pub(crate) const WAITING: usize = 4;

/// Why a read ends early.
pub(crate) enum Stop {
    /// Nobody listens any more.
    Unheard,
    /// The read failed.
    Failed(ReadModelError),
}

impl From<ReadModelError> for Stop {
    fn from(error: ReadModelError) -> Self {
        Self::Failed(error)
    }
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(errors::reading(error))
    }
}

/// The sending end of [`crate::Parts`].
pub(crate) struct Sender<P>(mpsc::Sender<Result<P, ReadModelError>>);

impl<P> Sender<P> {
    pub(crate) fn new(channel: mpsc::Sender<Result<P, ReadModelError>>) -> Self {
        Self(channel)
    }

    /// Sends one part, waiting for room.
    pub(crate) async fn send(&self, part: P) -> Result<(), Stop> {
        self.0.send(Ok(part)).await.map_err(|_| Stop::Unheard)
    }

    /// Sends all rows in parts of at most `size` of them.
    pub(crate) async fn send_rows<S, T>(
        &self,
        mut rows: impl Stream<Item = Result<S, sqlx::Error>> + Unpin,
        size: usize,
        mut convert: impl FnMut(S) -> Result<T, ReadModelError>,
        part: fn(Vec<T>) -> P,
    ) -> Result<(), Stop> {
        let mut waiting = Vec::new();
        while let Some(row) = rows.next().await {
            waiting.push(convert(row?)?);
            if waiting.len() == size {
                self.send(part(std::mem::take(&mut waiting))).await?;
            }
        }
        if waiting.is_empty() { Ok(()) } else { self.send(part(waiting)).await }
    }

    /// Tells the receiver why the read ended, unless it ended well.
    pub(crate) async fn finish(self, outcome: Result<(), Stop>) {
        if let Err(Stop::Failed(error)) = outcome {
            // A receiver that is gone need not know.
            let _ = self.0.send(Err(error)).await;
        }
    }
}
