//! A wave of removals waits for a person.
//!
//! Removals that reading found are counted over a sliding hour. Beyond the limit they are held, and
//! while some are held every further one is, so that a source that empties slowly is caught as well.
//! What is held is remembered as the claims that were missing; what only they led to follows from
//! that. Held claims that are found again are held no longer. *Discarded* ones are forgotten: the
//! claims stay until they are found missing anew.
//!
//! The log keeps which claims were missing, so that a person can decide after a restart too. If they
//! are too many to be kept, the next read finds them again, and until then the restored count alone
//! holds what is found; a confirmation in that time is good for as many removals as were held.

use std::collections::{BTreeSet, VecDeque};

use backstitch_schemas::{ClaimKey, Timestamp, source::Held};

use crate::config::RemovalHold;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// How many refs are named in `catalog.sources`.
const SAMPLE: usize = 20;

/// How many missing claims the log keeps at most.
const MOST_KEPT: usize = 10_000;

/// How many bytes of them; a record has to have room for them.
const MOST_KEPT_BYTES: usize = 4 << 20;

/// The removals of one provider.
#[derive(Debug)]
pub(crate) struct Hold {
    limits: Option<RemovalHold>,
    recent: VecDeque<(Timestamp, usize)>,
    missing: BTreeSet<ClaimKey>,
    /// How many claims go with `missing`, they included.
    count: usize,
    since: Option<Timestamp>,
    /// What the log says was held before a restart, until reading has told again.
    restored: Option<Held>,
    /// Removals that a person confirmed before they were found again.
    allowance: usize,
}

impl Hold {
    /// A hold under these limits, as the log says it stands; no limits, no hold.
    pub(crate) fn new(limits: Option<RemovalHold>, restored: Option<Held>) -> Self {
        let restored = restored.filter(|_| limits.is_some());
        let since = restored.as_ref().map(|held| held.since);
        Self {
            limits,
            recent: VecDeque::new(),
            missing: BTreeSet::new(),
            count: 0,
            since,
            restored,
            allowance: 0,
        }
    }

    /// A hold as the log says it stands, with what [`Hold::note`] said was missing.
    pub(crate) fn resumed(limits: Option<RemovalHold>, restored: Option<Held>, note: Option<&str>) -> Self {
        let mut hold = Self::new(limits, restored);
        let missing = note.and_then(|note| serde_json::from_str::<Vec<String>>(note).ok());
        let missing = missing.iter().flatten().map(|key| ClaimKey::decode(key.as_bytes()));
        let missing: BTreeSet<_> = missing.filter_map(Result::ok).collect();
        if let Some(held) = hold.restored.take_if(|_| !missing.is_empty()) {
            hold.count = usize::try_from(held.count).unwrap_or(missing.len());
            hold.missing = missing;
        }
        hold
    }

    /// What is missing, as the log keeps it; `None` if nothing is, or too much.
    pub(crate) fn note(&self) -> Option<String> {
        if self.missing.is_empty() || self.missing.len() > MOST_KEPT {
            return None;
        }
        let keys = self.missing.iter().map(|key| String::from_utf8_lossy(&key.encode()).into_owned());
        let note = serde_json::to_string(&keys.collect::<Vec<_>>()).expect("texts always serialise");
        (note.len() <= MOST_KEPT_BYTES).then_some(note)
    }

    /// Whether `removals` more may go now, out of `entities` that the provider has. What may go is
    /// counted.
    pub(crate) fn admits(&mut self, removals: usize, entities: usize, now: Timestamp) -> bool {
        let Some(limits) = self.limits.filter(|_| removals > 0) else { return true };
        if removals <= self.allowance {
            self.allowance -= removals;
            return true;
        }
        while self.recent.front().is_some_and(|(at, _)| at.0 <= now.0 - HOUR_MS) {
            self.recent.pop_front();
        }
        let recent: usize = self.recent.iter().map(|(_, count)| count).sum();
        let total = recent + removals;
        #[expect(clippy::cast_precision_loss, reason = "a share of a count needs no more than 52 bits")]
        let beyond = total as f64 > limits.share * (entities + recent) as f64;
        if self.stands() || (beyond && total >= limits.minimum.max(1)) {
            return false;
        }
        self.recent.push_back((now, removals));
        true
    }

    /// Whether removals wait.
    pub(crate) fn stands(&self) -> bool {
        !self.missing.is_empty() || self.restored.is_some()
    }

    /// Whether this claim is among those that wait.
    pub(crate) fn has(&self, key: &ClaimKey) -> bool {
        self.missing.contains(key)
    }

    /// What was missing and waits.
    pub(crate) fn missing(&self) -> impl Iterator<Item = &ClaimKey> {
        self.missing.iter()
    }

    /// Lets these wait as well.
    pub(crate) fn add(&mut self, missing: impl IntoIterator<Item = ClaimKey>, now: Timestamp) {
        self.missing.extend(missing);
        self.since.get_or_insert(now);
    }

    /// Forgets those that are there after all or are gone for another reason. Returns whether any was.
    pub(crate) fn retain(&mut self, still_missing: impl Fn(&ClaimKey) -> bool) -> bool {
        let before = self.missing.len();
        self.missing.retain(still_missing);
        self.end_if_empty();
        before != self.missing.len()
    }

    /// How many claims go in all when this is confirmed.
    pub(crate) fn set_count(&mut self, count: usize) {
        self.count = count;
    }

    /// Everything was looked at since the restart: what was not found missing again is there.
    pub(crate) fn looked_at_everything(&mut self) {
        self.restored = None;
        self.allowance = 0;
        self.end_if_empty();
    }

    /// Ends the hold: a person wants these gone. They are not counted again.
    pub(crate) fn confirm(&mut self) -> Vec<ClaimKey> {
        if self.missing.is_empty() {
            let held = self.restored.as_ref().map_or(0, |held| held.count);
            self.allowance = usize::try_from(held).unwrap_or(0);
        }
        self.recent.clear();
        self.clear()
    }

    /// Ends the hold: a person wants these to stay.
    pub(crate) fn discard(&mut self) {
        self.clear();
    }

    /// As `catalog.sources` tells it.
    pub(crate) fn state(&self) -> Option<Held> {
        if self.missing.is_empty() {
            return self.restored.clone();
        }
        Some(Held {
            count: i64::try_from(self.count).unwrap_or(i64::MAX),
            since: self.since.unwrap_or_default(),
            sample: self.missing.iter().take(SAMPLE).map(|key| key.entity_ref.to_string()).collect(),
        })
    }

    fn clear(&mut self) -> Vec<ClaimKey> {
        self.restored = None;
        self.since = None;
        self.count = 0;
        std::mem::take(&mut self.missing).into_iter().collect()
    }

    fn end_if_empty(&mut self) {
        if !self.stands() {
            self.since = None;
            self.count = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use backstitch_schemas::{EntityRef, ProviderName};

    use super::*;

    fn key(n: usize) -> ClaimKey {
        let entity_ref = EntityRef::new("component", None, &format!("c{n}"));
        ClaimKey::own(entity_ref, ProviderName::new("p"))
    }

    fn hold() -> Hold {
        Hold::new(Some(RemovalHold::default()), None)
    }

    #[test]
    fn few_removals_go_and_a_wave_waits() {
        assert!(hold().admits(20, 100, Timestamp(0)));
        assert!(!hold().admits(21, 100, Timestamp(0)));
        assert!(hold().admits(9, 9, Timestamp(0)), "fewer than the minimum");
        assert!(!hold().admits(10, 10, Timestamp(0)));
        assert!(Hold::new(None, None).admits(100, 100, Timestamp(0)));
    }

    #[test]
    fn removals_are_counted_over_an_hour() {
        let mut hold = hold();
        assert!(hold.admits(15, 100, Timestamp(0)));
        assert!(!hold.admits(15, 85, Timestamp(HOUR_MS - 1)));
        assert!(hold.admits(15, 85, Timestamp(HOUR_MS)));
    }

    #[test]
    fn while_some_wait_every_further_one_does() {
        let mut hold = hold();
        hold.add([key(1), key(2)], Timestamp(5));
        hold.set_count(2);
        assert!(!hold.admits(1, 1_000, Timestamp(6)));
        assert_eq!(hold.state().unwrap().since, Timestamp(5));
        assert!(hold.retain(|key| *key == self::key(1)));
        assert_eq!(hold.confirm(), [key(1)]);
        assert!(hold.admits(1, 1_000, Timestamp(7)));
    }

    #[test]
    fn a_restored_hold_stands_until_everything_was_looked_at() {
        let held = Held { count: 30, since: Timestamp(5), sample: Vec::new() };
        let mut hold = Hold::new(Some(RemovalHold::default()), Some(held.clone()));
        assert_eq!(hold.state(), Some(held.clone()));
        assert!(!hold.admits(1, 1_000, Timestamp(6)));
        hold.looked_at_everything();
        assert_eq!(hold.state(), None);

        let mut hold = Hold::new(Some(RemovalHold::default()), Some(held));
        hold.confirm();
        assert!(hold.admits(30, 100, Timestamp(6)), "confirmed before they were found again");
        assert!(!hold.admits(30, 70, Timestamp(6)));
    }

    #[test]
    fn a_hold_that_was_kept_knows_what_is_missing() {
        let limits = Some(RemovalHold::default());
        let mut hold = hold();
        hold.add([key(1), key(2)], Timestamp(5));
        hold.set_count(7);
        let mut resumed = Hold::resumed(limits, hold.state(), hold.note().as_deref());
        assert_eq!(resumed.state(), hold.state());
        assert_eq!(resumed.confirm(), [key(1), key(2)]);
        assert_eq!((resumed.state(), resumed.note()), (None, None));
        hold.add((0..=MOST_KEPT).map(key), Timestamp(6));
        assert_eq!(hold.note(), None, "too many for a record");
    }

    #[test]
    fn discarded_removals_count_anew() {
        let mut hold = hold();
        hold.add([key(1)], Timestamp(5));
        hold.discard();
        assert_eq!(hold.state(), None);
        assert!(hold.admits(1, 100, Timestamp(6)));
    }
}
