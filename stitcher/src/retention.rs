//! Forgets history that is older than anybody may ask for.

use std::{sync::Arc, time::Duration};

use backstitch_read_model::{ReadModel, ReadModelError};
use backstitch_schemas::{Clock, Timestamp};
use tokio::{task::JoinHandle, time};

/// How often history is looked at.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// Prunes history at once, and every hour until it is dropped. Whoever leads does this: it needs no
/// epoch, as history that is old is old for everybody.
#[derive(Debug)]
pub(crate) struct Retention(JoinHandle<()>);

impl Retention {
    /// Keeps the history of the last `kept`.
    pub(crate) fn keep(read_model: Arc<dyn ReadModel>, clock: Arc<dyn Clock>, kept: Duration) -> Self {
        Self(tokio::spawn(async move {
            let mut ticks = time::interval(EVERY);
            ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                match prune(&*read_model, &*clock, kept).await {
                    Ok(0) => {}
                    Ok(rows) => tracing::info!(rows, "history beyond its retention is forgotten"),
                    Err(error) => {
                        tracing::warn!(%error, "old history could not be removed; tried again in an hour")
                    }
                }
            }
        }))
    }
}

impl Drop for Retention {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn prune(read_model: &dyn ReadModel, clock: &dyn Clock, kept: Duration) -> Result<u64, ReadModelError> {
    let kept = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
    read_model.prune_history(Timestamp(clock.now().0.saturating_sub(kept))).await
}
