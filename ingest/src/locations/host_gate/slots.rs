//! How many requests are under way at once, with room kept for the urgent ones.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::Wake;

/// Slots for requests: one is kept from polling, and one more from all but people, where there are
/// enough of them.
pub(super) struct Slots {
    all: usize,
    /// What may be under way of each urgency and all below it.
    levels: [Semaphore; 3],
}

/// A slot in use, until this is dropped.
pub(super) struct Slot<'a>(#[expect(dead_code, reason = "held, not looked at")] Vec<SemaphorePermit<'a>>);

impl Slots {
    /// So many slots; at least one.
    pub(super) fn new(slots: usize) -> Self {
        let all = slots.max(1);
        let level = |kept: usize| Semaphore::new(all.saturating_sub(kept).max(1));
        Self { all, levels: [level(2), level(1), level(0)] }
    }

    /// Waits for a slot. Those of one urgency are served in order.
    pub(super) async fn take(&self, wake: Wake) -> Slot<'_> {
        let mut permits = Vec::with_capacity(self.levels.len());
        for level in &self.levels[wake.urgency()..] {
            permits.push(level.acquire().await.expect("the semaphore is never closed"));
        }
        Slot(permits)
    }

    /// How many are in use.
    pub(super) fn in_use(&self) -> usize {
        self.all - self.levels[2].available_permits()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn polling_cannot_take_the_slots_that_are_kept() {
        let slots = Slots::new(4);
        let polls: Vec<_> = (0..4).map_while(|_| slots.take(Wake::Polling).now_or_never()).collect();
        assert_eq!((polls.len(), slots.in_use()), (2, 2));
        let told = slots.take(Wake::Watched).now_or_never();
        assert!(told.is_some() && slots.take(Wake::Watched).now_or_never().is_none());
        assert!(slots.take(Wake::Person).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_single_slot_serves_everybody() {
        let slots = Slots::new(1);
        let slot = slots.take(Wake::Polling).await;
        assert!(slots.take(Wake::Person).now_or_never().is_none());
        drop(slot);
        assert!(slots.take(Wake::Person).now_or_never().is_some());
    }
}
