//! The owner of one provider: everything that is said about its entities goes through here.
//!
//! One task per provider applies mutations, findings and commands one at a time: it compares each
//! with what the log already says ([`crate::claims`]), holds a wave of removals back
//! ([`crate::hold`]), and appends the difference in atomic steps. What was appended once is never
//! appended again, however often it is said and whatever crashed in between.

mod apply;
mod command;
mod delete_entity;
mod doubts;
mod read_times;
mod refreshing;
mod registration;
mod reprocess;
mod scm_events;
mod step;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};

use backstitch_event_log::{Advance, EventLog};
use backstitch_schemas::{
    Clock, Identity, Problem, ProviderName, Timestamp,
    change::CauseKind,
    command::Command,
    source::{Held, SourceState},
};
use futures::FutureExt;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

pub use self::read_times::ReadTimes;
use self::{doubts::Doubt, refreshing::Refreshing, reprocess::Reprocess, step::Stop};
use crate::{
    CatalogPolicy, Config, Finding, FollowedLocation, Follower, Request,
    claims::{Claims, location::FollowedCache},
    hold::Hold,
    tail::{Tail, locked},
    writer::Writer,
};

/// How a pushed provider is marked in `catalog.sources` ([`SourceState::note`]): it is in no
/// configuration and stays all the same.
pub(crate) const PUSHED: &str = "pushed";

/// How often numbers that changed are written to `catalog.sources` although nothing else did.
const SUMMARY_EVERY: Duration = Duration::from_secs(600);

/// When they are first written: after what a start brings.
const FIRST_SUMMARY: Duration = Duration::from_secs(5);

/// How many findings share a step.
const FINDINGS_AT_ONCE: usize = 500;

/// What reading found, and what to note about the places.
type Found = (Vec<Finding>, Vec<(String, SourceState)>);

/// How long to wait before the log is asked again.
const RETRY: Duration = Duration::from_millis(500);

/// What all owners of a process share.
pub(crate) struct Shared {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) tail: Arc<Tail>,
    pub(crate) config: Config,
    pub(crate) policy: CatalogPolicy,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) mint: Arc<dyn Fn() -> Identity + Send + Sync>,
    /// Whether the log was away when it was last needed.
    pub(crate) log_away: AtomicBool,
}

/// What an owner is told besides mutations.
pub(crate) enum Message {
    /// A person asks for something; `done` is told once the outcome is in the log.
    Command { command: Command, advance: Advance, done: oneshot::Sender<()> },
    /// The provider's own run failed, or goes on.
    Ran(Option<Problem>),
    /// The provider is in no configuration any more.
    Withdraw,
    /// Somebody asks when these places, by location ref, were read and are read again.
    ReadTimes { places: Vec<String>, answer: oneshot::Sender<Vec<Option<ReadTimes>>> },
}

/// How an owner is doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProviderStatus {
    /// Whether it was pushed, rather than configured.
    pub pushed: bool,
    /// `ok`, `failed` or `withdrawn`.
    pub outcome: String,
    /// How many entities it claims, orphans that are kept included.
    pub entities: usize,
    /// When it was heard, and when it reads again.
    pub times: ReadTimes,
    /// Removals that wait for a person.
    pub held: Option<Held>,
    /// What is wrong with the provider itself.
    pub errors: Vec<Problem>,
    /// Whether everything is being appended again because the rules of processing changed.
    pub reprocessing: bool,
    /// Whether a read or a mutation is due or under way.
    pub busy: bool,
    /// Per partition of `catalog.changes`, the offset after its last record.
    pub position: Vec<(u32, i64)>,
}

/// The way to an owner.
#[derive(Clone)]
pub(crate) struct OwnerHandle {
    pub(crate) requests: mpsc::Sender<Request>,
    pub(crate) messages: mpsc::Sender<Message>,
    pub(crate) status: watch::Receiver<ProviderStatus>,
    /// Held for a whole push: mutations of one provider run one at a time.
    pub(crate) turn: Arc<tokio::sync::Mutex<()>>,
}

/// Who is owned, and how.
pub(crate) struct Task {
    pub(crate) provider: ProviderName,
    pub(crate) configured: bool,
    pub(crate) follower: Box<dyn Follower>,
    pub(crate) writer: Arc<Writer>,
}

/// Owns one provider.
pub(crate) struct Owner {
    shared: Arc<Shared>,
    provider: ProviderName,
    configured: bool,
    claims: Arc<Mutex<Claims>>,
    hold: Hold,
    writer: Arc<Writer>,
    follower: Box<dyn Follower>,
    following: Vec<FollowedLocation>,
    parsed: FollowedCache,
    /// As it stands in the log; `None` if nothing does.
    written: Option<SourceState>,
    /// What is held, as it stands in the log.
    written_missing: Option<String>,
    /// The trace that what is appended now belongs to, if it came with one.
    trace: Option<String>,
    /// As it should stand there.
    state: SourceState,
    times: ReadTimes,
    reprocess: Option<Reprocess>,
    /// Refreshes whose reads are under way.
    refreshing: Vec<Refreshing>,
    /// Registered locations that a git host says are gone, and that are being looked at.
    doubts: Vec<Doubt>,
    /// Whether the provider has said what there is since the start.
    heard: bool,
    status: watch::Sender<ProviderStatus>,
    shutdown: CancellationToken,
}

/// Under which name of ours `catalog.sources` keeps what is held.
fn missing_name(provider: &ProviderName) -> String {
    format!("{}{provider}", backstitch_schemas::source::HELD)
}

impl Owner {
    /// Starts owning. The tail has to have reached the end, under the producer that is used.
    pub(crate) fn start(shared: Arc<Shared>, task: Task, shutdown: CancellationToken) -> OwnerHandle {
        let (requests, requested) = mpsc::channel(4);
        let (messages, told) = mpsc::channel(16);
        let (status, watched) = watch::channel(ProviderStatus {
            pushed: !task.configured,
            busy: true,
            ..ProviderStatus::default()
        });
        let written = shared.tail.provider_state(&task.provider);
        let missing = shared.tail.our_note(&missing_name(&task.provider));
        let mut state = written.clone().unwrap_or_default();
        state.note = (!task.configured).then(|| PUSHED.to_owned());
        if written.is_none() {
            state.outcome = "ok".to_owned();
        }
        let owner = Self {
            claims: shared.tail.claims(&task.provider),
            hold: Hold::resumed(shared.config.removal_hold, state.held.clone(), missing.as_deref()),
            written_missing: missing,
            trace: None,
            provider: task.provider,
            configured: task.configured,
            writer: task.writer,
            follower: task.follower,
            times: ReadTimes::of(&state),
            following: Vec::new(),
            parsed: FollowedCache::default(),
            written,
            state,
            reprocess: None,
            refreshing: Vec::new(),
            doubts: Vec::new(),
            heard: !task.configured,
            status,
            shutdown,
            shared,
        };
        tokio::spawn(owner.run(requested, told));
        let turn = Arc::new(tokio::sync::Mutex::new(()));
        OwnerHandle { requests, messages, status: watched, turn }
    }

    async fn run(mut self, mut requests: mpsc::Receiver<Request>, mut messages: mpsc::Receiver<Message>) {
        let shutdown = self.shutdown.clone();
        let ended = tokio::select! {
            () = shutdown.cancelled() => Ok(()),
            ended = self.work(&mut requests, &mut messages) => ended,
        };
        if let Err(stop) = ended {
            tracing::warn!(provider = %self.provider, %stop, "the provider is no longer owned here");
        }
    }

    async fn work(
        &mut self,
        requests: &mut mpsc::Receiver<Request>,
        messages: &mut mpsc::Receiver<Message>,
    ) -> Result<(), Stop> {
        self.settle_in().await?;
        let first = tokio::time::Instant::now() + FIRST_SUMMARY;
        let mut summary = tokio::time::interval_at(first, SUMMARY_EVERY);
        loop {
            self.report(requests.is_empty());
            // What people and providers say goes before what is read, and that before what is only
            // processed again.
            tokio::select! {
                biased;
                Some(message) = messages.recv() => self.hear(message).await?,
                Some(request) = requests.recv() => self.answer(request).await?,
                found = self.follower.next() => {
                    let (findings, states) = self.and_what_else_was_found(found);
                    self.take_in(findings, states).await?;
                    self.finish_refreshes().await?;
                    self.settle_doubts().await?;
                }
                _ = summary.tick() => self.write_state(true).await?,
                bodies = reprocess::next(&mut self.reprocess) => self.append_again(bodies).await?,
                else => return Ok(()),
            }
        }
    }

    /// Adds what was found meanwhile, so that many small files share a step.
    fn and_what_else_was_found(&mut self, first: Found) -> Found {
        let (mut findings, mut states) = first;
        while findings.len() < FINDINGS_AT_ONCE {
            let Some((more, noted)) = self.follower.next().now_or_never() else { break };
            findings.extend(more);
            states.extend(noted);
        }
        (findings, states)
    }

    /// Finishes what a predecessor left behind, and follows the Locations.
    async fn settle_in(&mut self) -> Result<(), Stop> {
        self.remove_leftovers().await?;
        self.begin_reprocessing().await?;
        self.follow().await;
        if self.written.is_none() && locked(&self.claims).len() == 0 {
            // A name that nothing was ever said under is no provider yet.
            return Ok(());
        }
        self.write_state(false).await
    }

    async fn hear(&mut self, message: Message) -> Result<(), Stop> {
        match message {
            Message::Command { command, advance, done } => {
                self.obey(&command, &advance).await?;
                // Whoever waited may have gone; the outcome is in the log.
                let _ = done.send(());
                Ok(())
            }
            Message::Withdraw => {
                self.heard = true;
                self.withdraw_all(CauseKind::Configuration, "no longer configured").await
            }
            Message::ReadTimes { places, answer } => {
                // Whoever asked may not have had the time to wait.
                let _ = answer.send(places.iter().map(|place| self.follower.read_times(place)).collect());
                Ok(())
            }
            Message::Ran(problem) => {
                self.heard = true;
                self.state.outcome = if problem.is_some() { "failed" } else { "ok" }.to_owned();
                self.state.errors = problem.into_iter().collect();
                self.write_state(false).await
            }
        }
    }

    async fn answer(&mut self, request: Request) -> Result<(), Stop> {
        self.trace = request.trace;
        let outcome = self.apply(request.mutation, request.cause, request.detail).await;
        self.trace = None;
        self.heard = true;
        // A pusher that hung up does not take its mutation back.
        match outcome {
            Ok(outcome) => drop(request.answer.send(Ok(outcome))),
            Err(stop) => {
                drop(request.answer.send(Err(crate::ApplyError::NotOwned)));
                return Err(stop);
            }
        }
        Ok(())
    }

    /// Tells the follower which Locations there are, if that changed.
    async fn follow(&mut self) {
        let (locations, known) = {
            let claims = locked(&self.claims);
            let policy = &self.shared.policy;
            let locations = self.parsed.of(&claims, &policy.model, &policy.rules);
            if locations == self.following {
                return;
            }
            (locations, claims.listings())
        };
        self.following.clone_from(&locations);
        self.follower.follow(locations, &known).await;
    }

    fn report(&mut self, idle: bool) {
        self.times.next_read = self.follower.next_read();
        let claims = locked(&self.claims);
        let status = ProviderStatus {
            pushed: !self.configured,
            outcome: self.state.outcome.clone(),
            entities: claims.len(),
            times: self.times,
            held: self.hold.state(),
            errors: self.state.errors.clone(),
            reprocessing: self.reprocess.is_some(),
            busy: !idle || !self.heard || self.reprocess.is_some() || self.follower.is_busy(),
            position: claims.position(),
        };
        self.status.send_if_modified(|known| {
            let changed = *known != status;
            *known = status;
            changed
        });
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Which offsets to begin at to find the records of these claims.
    fn first_offsets(places: impl Iterator<Item = (u32, i64)>) -> HashMap<u32, i64> {
        let mut first = HashMap::new();
        for (partition, offset) in places {
            let known = first.entry(partition).or_insert(offset);
            *known = offset.min(*known);
        }
        first
    }

    /// Findings that say nothing new need no step.
    fn is_silent(findings: &[Finding]) -> bool {
        findings.iter().all(|finding| matches!(finding, Finding::Unchanged(_) | Finding::Failed { .. }))
    }
}
