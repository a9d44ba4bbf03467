//! One gate for each upstream host, shared by everything that reads from it.

mod budget;
mod gates;
mod rate_limit;
mod slots;
#[cfg(test)]
mod tests;

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use backstitch_schemas::{Clock, Timestamp};
use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use tokio::sync::watch;

pub use self::gates::HostStatus;
use self::{
    budget::Demand,
    slots::{Slot, Slots},
};
pub(crate) use self::{gates::HostGates, rate_limit::RateLimit};
use super::{Config, Interval};
use crate::Wake;

/// Lets requests to one host through: so many a second, so many at once, as many as its budget has
/// room for, none while it asks to be left alone, and those that a person waits for first.
pub(crate) struct HostGate {
    limiter: DefaultDirectRateLimiter,
    slots: Slots,
    overall: Arc<Slots>,
    /// How many requests of each urgency wait for the rate, by [`Wake::urgency`].
    waiting: watch::Sender<[usize; 3]>,
    /// The longest that a host is left alone at its own word.
    longest_wait: Duration,
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
}

/// A request under way, until this is dropped.
pub(crate) struct Turn<'a>(#[expect(dead_code, reason = "held, not looked at")] [Slot<'a>; 2]);

/// What is known of a host.
#[derive(Default)]
struct Known {
    closed_until: Option<Timestamp>,
    limit: Option<RateLimit>,
    /// How long its windows are.
    window: Duration,
    demand: Demand,
}

impl HostGate {
    fn new(config: &Config, overall: &Arc<Slots>, clock: &Arc<dyn Clock>) -> Self {
        let rate = NonZeroU32::new(config.requests_per_second).unwrap_or(NonZeroU32::MIN);
        Self {
            limiter: RateLimiter::direct(Quota::per_second(rate)),
            slots: Slots::new(config.requests_per_host),
            overall: Arc::clone(overall),
            waiting: watch::channel([0; 3]).0,
            longest_wait: config.max_retry_after,
            clock: Arc::clone(clock),
            known: Mutex::default(),
        }
    }

    /// Waits for its turn.
    ///
    /// # Errors
    /// At once, with the time to wait, while the host asks to be left alone or what is left of its
    /// budget is not for such a request.
    pub(crate) async fn enter(&self, wake: Wake) -> Result<Turn<'_>, Duration> {
        self.check_open(wake)?;
        let slot = self.slots.take(wake).await;
        self.pace(wake).await;
        let overall = self.overall.take(wake).await;
        // The slot itself is among those in use.
        self.check_open(wake)?;
        self.known().demand.requested();
        Ok(Turn([slot, overall]))
    }

    /// Takes note of what the host says about its budget.
    pub(crate) fn learned(&self, limit: RateLimit) {
        let now = self.clock.now();
        let reset = Timestamp(limit.reset.0.min(now.0 + milliseconds(self.longest_wait)));
        let mut known = self.known();
        known.window = known.window.max(budget::window(left(reset, now)));
        known.limit = Some(RateLimit { reset, ..limit });
    }

    /// Lets nobody through for a while.
    pub(crate) fn close(&self, wait: Duration) {
        let wait = wait.min(self.longest_wait);
        self.known().closed_until = Some(Timestamp(self.clock.now().0 + milliseconds(wait)));
    }

    /// Notes that a document was read, with however many requests.
    pub(in crate::locations) fn has_read(&self) {
        self.known().demand.read();
    }

    /// The interval at which reading everything again fits the budget.
    pub(in crate::locations) fn interval(&self, configured: Interval) -> Interval {
        let known = self.known();
        match known.limit {
            Some(limit) => {
                budget::stretched(configured, known.demand.requests_per_pass(), limit.limit, known.window)
            }
            None => configured,
        }
    }

    /// Waits until the rate allows one more. Only those who have a slot are waited for: they can go on.
    async fn pace(&self, wake: Wake) {
        let _waiting = AtTheGate::new(&self.waiting, wake);
        loop {
            let mut waiting = self.waiting.subscribe();
            // The sender in `self` keeps the channel open.
            let _ = waiting.wait_for(|at| at[wake.urgency() + 1..].iter().all(|count| *count == 0)).await;
            match self.limiter.check() {
                Ok(()) => return,
                Err(early) => tokio::time::sleep(early.wait_time_from(DefaultClock::default().now())).await,
            }
        }
    }

    fn check_open(&self, wake: Wake) -> Result<(), Duration> {
        let now = self.clock.now();
        self.shut_until(wake, now).map_or(Ok(()), |until| Err(left(until, now)))
    }

    fn shut_until(&self, wake: Wake, now: Timestamp) -> Option<Timestamp> {
        let known = self.known();
        let closed = known.closed_until.filter(|until| *until > now);
        let others = self.slots.in_use().saturating_sub(1) as u64;
        let spent = known.limit.and_then(|limit| budget::admits(limit, others, wake, now).err());
        closed.max(spent)
    }

    fn status(&self, host: &str, configured: Option<Interval>) -> HostStatus {
        let now = self.clock.now();
        let waiting_until = self.shut_until(Wake::Polling, now);
        let pass = configured.map(|configured| self.interval(configured));
        let known = self.known();
        let over = known.limit.is_some_and(|limit| limit.reset <= now);
        HostStatus {
            host: host.to_owned(),
            documents: known.demand.documents,
            limit: known.limit.map(|limit| limit.limit),
            remaining: known.limit.map(|limit| if over { limit.limit } else { limit.remaining }),
            reset: known.limit.map(|limit| limit.reset).filter(|_| !over),
            waiting_until,
            pass,
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A document that is read through a gate, until this is dropped.
pub(in crate::locations) struct ReadThrough {
    gate: Arc<HostGate>,
    /// Whether each pass reads it; not if a listing tells when it changes.
    polled: bool,
}

impl ReadThrough {
    pub(in crate::locations) fn new(gate: Arc<HostGate>, polled: bool) -> Self {
        gate.known().demand.documents += usize::from(polled);
        Self { gate, polled }
    }

    pub(in crate::locations) fn gate(&self) -> &HostGate {
        &self.gate
    }
}

impl Drop for ReadThrough {
    fn drop(&mut self) {
        self.gate.known().demand.documents -= usize::from(self.polled);
    }
}

/// A request waits for the rate, until this is dropped.
struct AtTheGate<'a>(&'a watch::Sender<[usize; 3]>, Wake);

impl<'a> AtTheGate<'a> {
    fn new(waiting: &'a watch::Sender<[usize; 3]>, wake: Wake) -> Self {
        waiting.send_modify(|waiting| waiting[wake.urgency()] += 1);
        Self(waiting, wake)
    }
}

impl Drop for AtTheGate<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| waiting[self.1.urgency()] -= 1);
    }
}

fn left(until: Timestamp, now: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(until.0 - now.0).unwrap_or(0))
}

fn milliseconds(wait: Duration) -> i64 {
    i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 2)
}
