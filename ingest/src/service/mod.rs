//! Which providers this process owns.
//!
//! Ownership and commands arrive together: the process that holds a partition of `catalog.commands`
//! owns the providers of that partition. Taking a partition means to take its producer, which fences
//! the predecessor, to wait until the tail has reached the end of the log, and then to start.

mod commands;
mod partition;
mod sending;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use backstitch_event_log::{Batch, BatchLimits, Consumer, Delivery, EventLog, LogError, Partition};
use backstitch_schemas::{Clock, Identity, ProviderName, Topic, source::SourceState, topic::partition_of};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    CatalogPolicy, Commander, Config, EntityProvider, Follower, ProviderStatus, ReadTimes,
    locations::HostStatus,
    owner::{Message, OwnerHandle, PUSHED, Shared},
    tail::{Tail, locked},
    writer::Writer,
};

/// The consumer group that shares the providers out.
const GROUP: &str = "ingest";

const RETRY: Duration = Duration::from_secs(1);

/// How long an owner is waited for that may be waiting for the log.
const READ_TIMES_PATIENCE: Duration = Duration::from_secs(1);

/// Makes the follower of a provider that is about to be owned.
pub trait FollowerFactory: Send + Sync + 'static {
    /// `known` is what `catalog.sources` says about the places that it read before, by location ref.
    fn follower(&self, provider: &ProviderName, known: HashMap<String, SourceState>) -> Box<dyn Follower>;

    /// How reading from each host goes, if these followers read from hosts.
    fn hosts(&self) -> Vec<HostStatus> {
        Vec::new()
    }
}

/// What ingest is made of.
pub struct Parts {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// The section `backstitch.ingest`.
    pub config: Config,
    /// What it takes from `catalog`.
    pub policy: CatalogPolicy,
    /// The configured providers.
    pub providers: Vec<Arc<dyn EntityProvider>>,
    /// Follows Locations.
    pub followers: Arc<dyn FollowerFactory>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Mints the identities of claims.
    pub mint: Arc<dyn Fn() -> Identity + Send + Sync>,
}

/// Ingest in one process.
pub struct Ingest {
    directory: Arc<Directory>,
}

/// Why a provider cannot be spoken to here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHere {
    /// This process is about to own it, or is not told yet what it owns.
    #[error("the provider's owner is still starting")]
    Starting,
    /// Another process owns it.
    #[error("another ingest process owns the provider")]
    Elsewhere,
}

/// The providers that this process owns, and the way to them.
pub struct Directory {
    shared: Arc<Shared>,
    providers: HashMap<ProviderName, Arc<dyn EntityProvider>>,
    followers: Arc<dyn FollowerFactory>,
    partitions: Mutex<HashMap<u32, Ownership>>,
    commander: Commander,
    /// Whether the group has said whose the partitions are.
    joined: AtomicBool,
    /// Whether it ever had.
    was_member: AtomicBool,
    reachable: OnceLock<Reachable>,
}

/// Where other ingest processes reach this one, and how this one reaches them.
struct Reachable {
    address: String,
    client: reqwest::Client,
}

/// A partition that was assigned to this process.
struct Ownership {
    shutdown: CancellationToken,
    commands: mpsc::UnboundedSender<Batch>,
    /// Absent until the partition is taken.
    taken: Option<Taken>,
}

struct Taken {
    writer: Arc<Writer>,
    shutdown: CancellationToken,
    owners: HashMap<ProviderName, OwnerHandle>,
}

impl Ingest {
    /// Ingest that owns nothing yet.
    pub fn new(parts: Parts) -> Self {
        let tail = Arc::new(Tail::new(parts.log.clone()));
        let commander = Commander::new(parts.log.clone());
        let providers = parts.providers.into_iter().map(|provider| (provider.name(), provider));
        let directory = Directory {
            providers: providers.collect(),
            followers: parts.followers,
            partitions: Mutex::default(),
            commander,
            joined: AtomicBool::new(false),
            was_member: AtomicBool::new(false),
            reachable: OnceLock::new(),
            shared: Arc::new(Shared {
                log: parts.log,
                tail,
                config: parts.config,
                policy: parts.policy,
                clock: parts.clock,
                mint: parts.mint,
                log_away: AtomicBool::new(false),
            }),
        };
        Self { directory: Arc::new(directory) }
    }

    /// Lets other ingest processes forward pushes to this one, at the base URL `address`, and this
    /// one to them. Without it a push to another process's provider is answered with 503.
    pub fn reachable_at(self, address: impl Into<String>, client: reqwest::Client) -> Self {
        let reachable = Reachable { address: address.into(), client };
        // Said twice, the first counts: others have read it by then.
        let _ = self.directory.reachable.set(reachable);
        self
    }

    /// The way to the providers, for the HTTP endpoints and for status.
    pub fn directory(&self) -> Arc<Directory> {
        self.directory.clone()
    }

    /// Owns its share of the providers until `shutdown`.
    ///
    /// # Errors
    /// If the log is not what it should be; while it is merely away, this waits.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), LogError> {
        let _stop_all = shutdown.clone().drop_guard();
        tokio::select! {
            ended = self.directory.shared.tail.run(shutdown.clone()) => ended,
            ended = self.consume(&shutdown) => ended,
        }
    }

    async fn consume(&self, shutdown: &CancellationToken) -> Result<(), LogError> {
        loop {
            let cause = match self.directory.shared.log.join(GROUP, Topic::Commands).await {
                Ok(consumer) => match self.take_deliveries(consumer, shutdown).await {
                    Ok(()) => return Ok(()),
                    Err(cause) => cause,
                },
                Err(cause) => cause,
            };
            let LogError::Unavailable(cause) = cause else { return Err(cause) };
            tracing::warn!(cause, "the log is away, waiting to join again");
            self.directory.revoke_all();
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn take_deliveries(
        &self,
        mut consumer: Box<dyn Consumer>,
        shutdown: &CancellationToken,
    ) -> Result<(), LogError> {
        // One command at a time, so that each outcome goes with the position of its command.
        let limits = BatchLimits { records: 1, ..BatchLimits::default() };
        loop {
            let delivery = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                delivery = consumer.next(&limits) => delivery?,
            };
            match delivery {
                Delivery::Assigned(partitions) => {
                    partitions.iter().for_each(|partition| self.assign(*partition, shutdown));
                    self.directory.joined.store(true, Ordering::Release);
                    self.directory.was_member.store(true, Ordering::Release);
                }
                Delivery::Revoked(partitions) => {
                    self.directory.joined.store(false, Ordering::Release);
                    partitions.iter().for_each(|partition| self.directory.revoke(partition.0));
                }
                Delivery::Batch(batch) => self.directory.pass_on(batch),
            }
        }
    }

    fn assign(&self, partition: Partition, shutdown: &CancellationToken) {
        let (commands, commanded) = mpsc::unbounded_channel();
        let shutdown = shutdown.child_token();
        let ownership = Ownership { shutdown: shutdown.clone(), commands, taken: None };
        let previous = locked(&self.directory.partitions).insert(partition.0, ownership);
        if let Some(previous) = previous {
            previous.shutdown.cancel();
        }
        tokio::spawn(self.directory.clone().own(partition, commanded, shutdown));
    }
}

impl Directory {
    /// How the providers are that this process owns, by name.
    pub fn statuses(&self) -> Vec<(ProviderName, ProviderStatus)> {
        let partitions = locked(&self.partitions);
        let owners = partitions.values().filter_map(|ownership| ownership.taken.as_ref());
        let owners = owners.flat_map(|taken| &taken.owners);
        let mut statuses: Vec<_> =
            owners.map(|(name, owner)| (name.clone(), owner.status.borrow().clone())).collect();
        statuses.sort_by(|(a, _), (b, _)| a.cmp(b));
        statuses
    }

    /// How reading from each host goes.
    pub fn hosts(&self) -> Vec<HostStatus> {
        self.followers.hosts()
    }

    /// Whether the log took what was last said; readiness is red while it does not.
    pub fn is_healthy(&self) -> bool {
        !self.shared.log_away.load(Ordering::Relaxed)
    }

    /// Whether a provider is being started, or a read or a mutation is due or under way.
    pub fn is_busy(&self) -> bool {
        let starting = locked(&self.partitions).values().any(|ownership| ownership.taken.is_none());
        let joined = self.joined.load(Ordering::Acquire);
        !joined || starting || self.statuses().iter().any(|(_, status)| status.busy)
    }

    /// The offset after the last record that the owners here had acknowledged, per partition.
    pub fn position(&self) -> Vec<(u32, i64)> {
        let mut furthest = std::collections::BTreeMap::new();
        for (partition, offset) in self.statuses().into_iter().flat_map(|(_, status)| status.position) {
            let known = furthest.entry(partition).or_insert(offset);
            *known = offset.max(*known);
        }
        furthest.into_iter().collect()
    }

    /// Whether the configuration names this provider.
    pub fn is_configured(&self, provider: &ProviderName) -> bool {
        self.providers.contains_key(provider)
    }

    /// Whether anything is known of a provider: it is configured, or the log speaks of it.
    pub fn is_known(&self, provider: &ProviderName) -> bool {
        self.is_configured(provider) || self.shared.tail.provider_state(provider).is_some()
    }

    pub(crate) fn max_entity_bytes(&self) -> usize {
        self.shared.config.max_entity_bytes
    }

    pub(crate) fn max_mutation_bytes(&self) -> usize {
        self.shared.config.max_mutation_bytes
    }

    fn partition_of(&self, provider: &ProviderName) -> u32 {
        partition_of(provider.as_str(), self.shared.log.partitions(Topic::Commands))
    }

    /// When places of a provider that is owned here were read and are read again, in their order; `None` for
    /// what is not read.
    ///
    /// # Errors
    /// If another process has to be asked, or the owner has no time to answer.
    pub async fn read_times(
        &self,
        provider: &ProviderName,
        places: Vec<String>,
    ) -> Result<Vec<Option<ReadTimes>>, NotHere> {
        let owner = self.owner(provider)?;
        let (answer, answered) = oneshot::channel();
        let asked = async {
            owner.messages.send(Message::ReadTimes { places, answer }).await.ok()?;
            answered.await.ok()
        };
        let answered = tokio::time::timeout(READ_TIMES_PATIENCE, asked).await.ok().flatten();
        answered.ok_or(NotHere::Starting)
    }

    /// Where the owner of a provider can be reached, if that is another process.
    pub(crate) fn address_of_owner(&self, provider: &ProviderName) -> Option<(reqwest::Client, String)> {
        let reachable = self.reachable.get()?;
        let address = self.shared.tail.our_note(&partition::address_name(self.partition_of(provider)))?;
        (address != reachable.address).then(|| (reachable.client.clone(), address))
    }

    /// The owner of a provider; a pushed one is owned from its first push on.
    pub(crate) fn owner(&self, provider: &ProviderName) -> Result<OwnerHandle, NotHere> {
        let mut partitions = locked(&self.partitions);
        let Some(ownership) = partitions.get_mut(&self.partition_of(provider)) else {
            return Err(if self.is_elsewhere(provider) { NotHere::Elsewhere } else { NotHere::Starting });
        };
        let taken = ownership.taken.as_mut().ok_or(NotHere::Starting)?;
        if let Some(owner) = taken.owners.get(provider).filter(|owner| !owner.requests.is_closed()) {
            return Ok(owner.clone());
        }
        let configured = self.providers.contains_key(provider);
        let owner = self.start(provider, configured, &taken.writer, &taken.shutdown);
        taken.owners.insert(provider.clone(), owner.clone());
        Ok(owner)
    }

    /// Whether a provider that is not owned here is another process's for certain. A member whose
    /// partitions were taken need not hear from the group again: then the address that the owner
    /// left tells. To one that has only just started it tells nothing: that owner may have died.
    fn is_elsewhere(&self, provider: &ProviderName) -> bool {
        let was_member = self.was_member.load(Ordering::Acquire);
        self.joined.load(Ordering::Acquire) || (was_member && self.address_of_owner(provider).is_some())
    }

    /// Whether the provider was ever pushed and not withdrawn since.
    fn was_pushed(&self, provider: &ProviderName) -> bool {
        let state = self.shared.tail.provider_state(provider);
        state.is_some_and(|state| state.note.as_deref() == Some(PUSHED) && state.outcome != "withdrawn")
    }

    fn revoke(&self, partition: u32) {
        if let Some(ownership) = locked(&self.partitions).remove(&partition) {
            ownership.shutdown.cancel();
        }
    }

    fn revoke_all(&self) {
        locked(&self.partitions).drain().for_each(|(_, ownership)| ownership.shutdown.cancel());
    }

    fn pass_on(&self, batch: Batch) {
        let Some(record) = batch.records.first() else { return };
        if let Some(ownership) = locked(&self.partitions).get(&record.partition.0) {
            // A closed channel means that the partition is being given up; its commands stay
            // uncommitted for the next owner.
            let _ = ownership.commands.send(batch);
        }
    }
}
