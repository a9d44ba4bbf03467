//! The follower of Locations: one loop over what is due, what was read, and what happens on disk.
//!
//! The loop decides nothing by itself: `Listings` knows what is listed, `Schedule` what is due,
//! `Reading` how each place goes. Reads run beside it, and their results come back one by one.

use std::{collections::HashMap, mem, sync::Arc, time::Duration};

use async_trait::async_trait;
use backstitch_schemas::{Clock, Listing, Timestamp, source::SourceState};
use tokio::{
    task::{self, JoinSet},
    time::Instant,
};

use super::{
    Config, UrlReader,
    fetch::Fetcher,
    listings::Listings,
    reading::Reading,
    refreshes::Refreshes,
    running::Done,
    schedule::{Schedule, Subject},
    watch::Watches,
};
use crate::{Finding, FollowedLocation, Follower, Places, Presence, ReadTimes, Refreshed, Ticket};

/// Findings that are taken together at most, so that the owner can append them in one step.
const BATCH: usize = 1000;
/// How long findings wait for others that are about to come.
const GATHERING: Duration = Duration::from_millis(20);
/// The outcome of a place that nobody lists any more.
const WITHDRAWN: &str = "withdrawn";
/// Draws a number between 0 and 1. Injected, so that tests own chance.
pub type Chance = Box<dyn FnMut() -> f64 + Send>;

/// Follows the Locations of one provider: reads what they list, and reports what it finds.
///
/// Files are watched and besides looked at regularly, URLs are polled. A place that cannot be read
/// is reported as failed, never as absent.
pub struct LocationFollower {
    pub(super) config: Config,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) chance: Chance,
    pub(super) fetcher: Arc<Fetcher>,
    pub(super) listings: Listings,
    pub(super) readings: HashMap<Subject, Reading>,
    pub(super) watches: Watches,
    pub(super) outbox: Outbox,
    /// What an earlier process noted, until it is taken up.
    pub(super) resumed: HashMap<String, SourceState>,
    pub(super) files: Schedule,
    pub(super) urls: Schedule,
    pub(super) reads: JoinSet<Done>,
    pub(super) subjects: HashMap<task::Id, (Subject, u64)>,
    pub(super) files_running: usize,
    /// The number of the latest read.
    pub(super) reads_begun: u64,
    pub(super) refreshes: Refreshes,
    /// Whether a read was due or under way when last looked at.
    busy: bool,
    /// Since when findings wait to be reported.
    gathering: Option<Instant>,
}

/// What is to be reported next.
#[derive(Default)]
pub(super) struct Outbox {
    pub(super) findings: Vec<Finding>,
    pub(super) states: Vec<(String, SourceState)>,
}

impl LocationFollower {
    /// A follower that takes up where `states` (by location ref, from `catalog.sources`) left off.
    pub fn new(
        config: Config,
        urls: Arc<UrlReader>,
        clock: Arc<dyn Clock>,
        chance: Chance,
        states: HashMap<String, SourceState>,
    ) -> Self {
        let fetcher = Arc::new(Fetcher::new(&config, urls));
        Self {
            config,
            clock,
            chance,
            fetcher,
            listings: Listings::default(),
            readings: HashMap::new(),
            watches: Watches::new(),
            outbox: Outbox::default(),
            resumed: states,
            files: Schedule::default(),
            urls: Schedule::default(),
            reads: JoinSet::new(),
            subjects: HashMap::new(),
            files_running: 0,
            reads_begun: 0,
            refreshes: Refreshes::default(),
            busy: false,
            gathering: None,
        }
    }

    /// Whether it is time to report: more findings are about to come while reads are under way, but
    /// they are not waited for long.
    fn is_gathered(&mut self) -> bool {
        if self.refreshes.have_news() {
            return true;
        }
        if self.outbox.is_empty() {
            return false;
        }
        let since = *self.gathering.get_or_insert_with(Instant::now);
        self.reads.is_empty() || self.outbox.findings.len() >= BATCH || since.elapsed() >= GATHERING
    }

    /// When the loop has to go on by itself.
    fn next_event(&self) -> Option<Instant> {
        let now = Instant::now();
        let planned = [&self.files, &self.urls].into_iter().filter_map(|schedule| schedule.next_after(now));
        planned.chain(self.gathering.map(|since| since + GATHERING)).min()
    }

    /// Says of places that an earlier process read, and that nobody lists any more, that what was
    /// wrong there is nothing to worry about now.
    fn withdraw_leftovers(&mut self) {
        let leftovers = mem::take(&mut self.resumed).into_iter();
        let leftovers = leftovers.filter(|(_, state)| state.outcome != WITHDRAWN);
        self.outbox.states.extend(leftovers.map(|(place, _)| (place, withdrawn())));
    }
}

impl Outbox {
    fn is_empty(&self) -> bool {
        self.findings.is_empty() && self.states.is_empty()
    }
}

/// The state of a place that nobody lists any more.
pub(super) fn withdrawn() -> SourceState {
    SourceState { outcome: WITHDRAWN.to_owned(), ..SourceState::default() }
}

#[async_trait]
impl Follower for LocationFollower {
    async fn follow(&mut self, locations: Vec<FollowedLocation>, known: &[Listing]) {
        let access = self.fetcher.urls.access();
        let changes = self.listings.follow(locations, known, &self.config, access);
        self.apply(changes);
    }

    async fn next(&mut self) -> (Vec<Finding>, Vec<(String, SourceState)>) {
        // Whatever is cancelled here is still in `self`: reads run beside the loop, and their results
        // stay in the set until they are taken.
        loop {
            self.start_due();
            if self.is_gathered() {
                self.gathering = None;
                self.refreshes.hand_out();
                let outbox = mem::take(&mut self.outbox);
                return (outbox.findings, outbox.states);
            }
            let busy = self.is_busy();
            if mem::replace(&mut self.busy, busy) != busy {
                if !busy {
                    self.withdraw_leftovers();
                }
                return Default::default();
            }
            let wake_at = self.next_event();
            let timer = async {
                match wake_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(joined) = self.reads.join_next_with_id() => {
                    self.finish(joined);
                    while let Some(joined) = self.reads.try_join_next_with_id() {
                        self.finish(joined);
                    }
                }
                happenings = self.watches.next() => {
                    for happening in happenings {
                        self.happened(happening);
                    }
                }
                () = timer => {}
            }
        }
    }

    async fn refresh(&mut self, places: &Places, forced: bool) -> Option<Ticket> {
        self.read_again(places, forced)
    }

    fn refreshed(&mut self, ticket: Ticket) -> Option<Refreshed> {
        self.refreshes.take(ticket)
    }

    fn next_read(&self) -> Option<Timestamp> {
        [&self.files, &self.urls].into_iter().filter_map(Schedule::first).min().map(|at| self.moment(at))
    }

    fn read_times(&self, location: &str) -> Option<ReadTimes> {
        self.times_of(location)
    }

    fn presence(&self, location: &str, since: Timestamp) -> Presence {
        let subjects = [Subject::Document(location.into()), Subject::Pattern(location.into())];
        let reading = subjects.iter().find_map(|subject| self.readings.get(subject));
        reading.map_or(Presence::Unknown, |reading| reading.presence(since))
    }

    fn is_busy(&self) -> bool {
        let now = Instant::now();
        !self.reads.is_empty()
            || !self.outbox.is_empty()
            || self.watches.has_news()
            || self.files.is_busy(now)
            || self.urls.is_busy(now)
    }
}
