//! Something that is counted when it is asked for, but not each time.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use backstitch_schemas::{Clock, Timestamp};

/// A count that may have some age.
pub(super) struct Aged<T> {
    clock: Arc<dyn Clock>,
    every: Duration,
    last: Mutex<Option<(Timestamp, T)>>,
}

impl<T: Clone> Aged<T> {
    /// Nothing is counted yet; later counts are at least `every` apart.
    pub(super) fn new(clock: Arc<dyn Clock>, every: Duration) -> Self {
        Self { clock, every, last: Mutex::default() }
    }

    /// The last count, or, if that is old, what `count` makes of it.
    pub(super) fn get(&self, count: impl FnOnce(Option<T>) -> T) -> T {
        self.get_known(|before| Some(count(before))).expect("this count always succeeds")
    }

    /// Likewise, where counting may fail: then nothing is remembered, and the next who asks tries again.
    pub(super) fn get_known(&self, count: impl FnOnce(Option<T>) -> Option<T>) -> Option<T> {
        let mut last = self.last.lock().expect("counting does not panic");
        let now = self.clock.now();
        let (at, counted) = match last.take() {
            Some((at, counted)) if !is_old(at, now, self.every) => (at, counted),
            old => (now, count(old.map(|(_, counted)| counted))?),
        };
        *last = Some((at, counted.clone()));
        Some(counted)
    }
}

/// Whether a count has to be made again. One from the future is: the clock was set back.
fn is_old(counted: Timestamp, now: Timestamp, every: Duration) -> bool {
    u128::try_from(now.0 - counted.0).map_or(true, |age| age >= every.as_millis())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    struct Hand(AtomicI64);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            Timestamp(self.0.load(Ordering::Relaxed))
        }
    }

    #[test]
    fn a_count_is_made_again_after_its_time_and_when_the_clock_was_set_back() {
        let clock = Arc::new(Hand(AtomicI64::new(0)));
        let counts = Aged::new(clock.clone(), Duration::from_secs(30));
        let at = |now| {
            clock.0.store(now, Ordering::Relaxed);
            counts.get(|before| before.unwrap_or(0) + 1)
        };
        assert_eq!([at(0), at(29_999), at(30_000), at(59_999), at(60_000)], [1, 1, 2, 2, 3]);
        assert_eq!([at(59_000), at(60_000)], [4, 4]);
    }

    #[test]
    fn a_count_that_failed_is_made_again_at_once() {
        let counts = Aged::new(Arc::new(Hand(AtomicI64::new(0))), Duration::from_secs(30));
        assert_eq!(counts.get_known(|_| None), None);
        assert_eq!(counts.get_known(|_| Some(7)), Some(7));
        assert_eq!(counts.get_known(|_| None), Some(7), "it is not old");
    }
}
