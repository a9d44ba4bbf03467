//! Waiting for a condition, with a deadline and a word about what was seen instead.

use std::{fmt::Debug, future::Future, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval};

/// Looks again and again until `good`. Panics after `limit`, showing what was seen last.
pub(crate) async fn eventually<T: Debug, F: Future<Output = T>>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> F,
    good: impl Fn(&T) -> bool,
) -> T {
    let deadline = Instant::now() + limit;
    let mut looks = interval(Duration::from_millis(10));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let seen = look().await;
        if good(&seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "{what} did not come within {limit:?}; last seen: {seen:?}");
    }
}
