//! One budget for each upstream host, shared by everything that reads from it.

use std::{
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use tokio::{
    sync::{Semaphore, SemaphorePermit, watch},
    time::Instant,
};

use super::Config;
use crate::Wake;

/// Lets requests to one host through: so many a second, so many at once, none while the host asks to
/// be left alone, and those that a person waits for first.
pub(super) struct HostGate {
    limiter: DefaultDirectRateLimiter,
    slots: Semaphore,
    /// How many requests that a person waits for are at the gate.
    persons: watch::Sender<usize>,
    closed_until: Mutex<Option<Instant>>,
}

impl HostGate {
    pub(super) fn new(config: &Config) -> Self {
        let rate = NonZeroU32::new(config.requests_per_second).unwrap_or(NonZeroU32::MIN);
        Self {
            limiter: RateLimiter::direct(Quota::per_second(rate)),
            slots: Semaphore::new(config.requests_per_host.max(1)),
            persons: watch::channel(0).0,
            closed_until: Mutex::new(None),
        }
    }

    /// Waits for its turn.
    ///
    /// # Errors
    /// At once, with the time to wait, while the host asks to be left alone.
    pub(super) async fn enter(&self, wake: Wake) -> Result<SemaphorePermit<'_>, Duration> {
        let person = (wake == Wake::Person).then(|| AtTheGate::new(&self.persons));
        loop {
            self.check_open()?;
            if person.is_none() {
                // The sender in `self` keeps the channel open.
                let _ = self.persons.subscribe().wait_for(|waiting| *waiting == 0).await;
            }
            match self.limiter.check() {
                Ok(()) => break,
                Err(early) => tokio::time::sleep(early.wait_time_from(DefaultClock::default().now())).await,
            }
        }
        let slot = self.slots.acquire().await.expect("the semaphore is never closed");
        self.check_open()?;
        Ok(slot)
    }

    /// Lets nobody through for a while.
    pub(super) fn close(&self, wait: Duration) {
        *self.closed_until() = Some(Instant::now() + wait);
    }

    fn check_open(&self) -> Result<(), Duration> {
        let wait = self.closed_until().map(|until| until.saturating_duration_since(Instant::now()));
        wait.filter(|wait| !wait.is_zero()).map_or(Ok(()), Err)
    }

    fn closed_until(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.closed_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A person waits at the gate, until this is dropped.
struct AtTheGate<'a>(&'a watch::Sender<usize>);

impl<'a> AtTheGate<'a> {
    fn new(persons: &'a watch::Sender<usize>) -> Self {
        persons.send_modify(|waiting| *waiting += 1);
        Self(persons)
    }
}

impl Drop for AtTheGate<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_person_goes_first() {
        let config = Config { requests_per_second: 20, requests_per_host: 1, ..Config::default() };
        let gate = Arc::new(HostGate::new(&config));
        for _ in 0..20 {
            drop(gate.enter(Wake::Polling).await);
        }
        let order = Arc::new(Mutex::new(Vec::new()));
        let wakes = [Wake::Polling, Wake::Polling, Wake::Person];
        let tasks = wakes.map(|wake| {
            let (gate, order) = (Arc::clone(&gate), Arc::clone(&order));
            async move {
                drop(gate.enter(wake).await);
                order.lock().unwrap().push(wake);
            }
        });
        futures::future::join_all(tasks).await;
        assert_eq!(order.lock().unwrap()[0], Wake::Person);
    }

    #[tokio::test]
    async fn a_host_that_asks_to_be_left_alone_is() {
        let gate = HostGate::new(&Config::default());
        assert!(gate.enter(Wake::Polling).await.is_ok());
        gate.close(Duration::from_secs(60));
        assert!(gate.enter(Wake::Person).await.is_err());
    }
}
