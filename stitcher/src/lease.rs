//! Keeps the lead while its holder works.

use std::{sync::Arc, time::Duration};

use backstitch_read_model::{Leadership, ReadModel};
use tokio::{task::JoinHandle, time};
use tokio_util::sync::CancellationToken;

/// Renews the lease until it is dropped. Commits check the epoch themselves; this only keeps others
/// from taking over, and notices early when one has.
#[derive(Debug)]
pub(crate) struct Lease {
    renewing: JoinHandle<()>,
    lost: CancellationToken,
}

impl Lease {
    pub(crate) fn keep(read_model: Arc<dyn ReadModel>, leadership: Leadership, lease: Duration) -> Self {
        let lost = CancellationToken::new();
        let renewing = tokio::spawn(renew(read_model, leadership, lease, lost.clone()));
        Self { renewing, lost }
    }

    /// Completes when somebody else leads.
    pub(crate) async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

async fn renew(
    read_model: Arc<dyn ReadModel>,
    leadership: Leadership,
    lease: Duration,
    lost: CancellationToken,
) {
    let mut ticks = time::interval(lease / 3);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match read_model.renew(&leadership, lease).await {
            Ok(true) => {}
            Ok(false) => return lost.cancel(),
            Err(error) => tracing::warn!(%error, "the lead could not be renewed"),
        }
    }
}
