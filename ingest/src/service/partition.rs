//! Taking a partition and running its providers.

use std::{collections::HashMap, sync::Arc, time::Duration};

use backstitch_event_log::{Batch, LogError, Partition};
use backstitch_schemas::{
    ProviderName,
    source::{SourceKey, SourceState},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Directory, NotHere, RETRY, Taken};
use crate::{
    Connection, EntityProvider, Strategy,
    owner::{Message, Owner, OwnerHandle, Task},
    record,
    tail::locked,
    writer::Writer,
};

/// How long to leave a partition to whoever fenced us before it is taken again. If it really is
/// somebody else's, we are told within that time.
const AFTER_FENCING: Duration = Duration::from_secs(5);

const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const LAST_BACK_OFF: Duration = Duration::from_secs(300);

impl Directory {
    /// Owns a partition until `shutdown`.
    pub(super) async fn own(
        self: Arc<Self>,
        partition: Partition,
        mut commands: mpsc::UnboundedReceiver<Batch>,
        shutdown: CancellationToken,
    ) {
        let mut in_hand = None;
        while !shutdown.is_cancelled() {
            let writer = Arc::new(Writer::new(self.shared.log.clone(), format!("ingest-{}", partition.0)));
            let term = shutdown.child_token();
            tokio::select! {
                () = shutdown.cancelled() => return,
                taken = self.take(&writer) => if let Err(cause) = taken {
                    tracing::error!(partition = partition.0, %cause, "the partition cannot be taken");
                    tokio::time::sleep(AFTER_FENCING).await;
                    continue;
                },
            }
            self.announce(partition.0, &writer).await;
            self.open(partition.0, &writer, &term);
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = writer.fenced() => {}
                () = self.obey(&writer, &mut commands, &mut in_hand) => {}
            }
            term.cancel();
            if let Some(ownership) =
                locked(&self.partitions).get_mut(&partition.0).filter(|_| !shutdown.is_cancelled())
            {
                ownership.taken = None;
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(AFTER_FENCING) => {}
            }
        }
    }

    /// Fences the predecessor, then learns all that it wrote.
    async fn take(&self, writer: &Writer) -> Result<(), LogError> {
        loop {
            let taken = async {
                writer.take().await?;
                self.shared.tail.caught_up().await
            };
            match taken.await {
                Err(LogError::Unavailable(cause)) => {
                    tracing::warn!(cause, "the log is away, waiting to take the partition");
                    tokio::time::sleep(RETRY).await;
                }
                other => return other,
            }
        }
    }

    /// Tells the other processes where pushes to the partition's providers go. Without that they
    /// answer 503, which is no reason not to own it.
    async fn announce(&self, partition: u32, writer: &Writer) {
        let Some(reachable) = self.reachable.get() else { return };
        let name = address_name(partition);
        if self.shared.tail.our_note(&name).as_deref() == Some(&reachable.address) {
            return;
        }
        let note = Some(reachable.address.clone());
        let state = SourceState { outcome: "ok".to_owned(), note, ..SourceState::default() };
        let record = record::of_source(&SourceKey::Ours(name), &state, self.shared.clock.now());
        if let Err(cause) = writer.append(&[record], None).await {
            tracing::warn!(partition, %cause, "other processes do not know that the partition is here");
            // The producer has to be there for what follows.
            let _ = writer.take().await;
        }
    }

    /// Starts the providers of the partition.
    fn open(self: &Arc<Self>, partition: u32, writer: &Arc<Writer>, term: &CancellationToken) {
        let mut owners = HashMap::new();
        let mut names = self.shared.tail.providers();
        names.extend(self.providers.keys().cloned());
        names.sort();
        names.dedup();
        for name in names.into_iter().filter(|name| self.partition_of(name) == partition) {
            if let Some(provider) = self.providers.get(&name) {
                let owner = self.start(&name, true, writer, term);
                tokio::spawn(run(provider.clone(), owner.clone(), term.clone()));
                owners.insert(name, owner);
            } else if self.was_pushed(&name) {
                let owner = self.start(&name, false, writer, term);
                owners.insert(name, owner);
            } else if locked(&self.shared.tail.claims(&name)).len() > 0 {
                let owner = self.start(&name, true, writer, term);
                self.retire(&owner, &name);
                owners.insert(name, owner);
            }
        }
        if let Some(ownership) = locked(&self.partitions).get_mut(&partition) {
            ownership.taken = Some(Taken { writer: writer.clone(), shutdown: term.clone(), owners });
        }
    }

    /// A provider that the configuration no longer names.
    fn retire(&self, owner: &OwnerHandle, name: &ProviderName) {
        let message = match self.shared.policy.orphan_providers {
            Strategy::Delete => {
                tracing::info!(provider = %name, "no longer configured, withdrawing what it claims");
                Message::Withdraw
            }
            Strategy::Keep => Message::Ran(None),
        };
        // The channel is new and has room.
        let _ = owner.messages.try_send(message);
    }

    pub(super) fn start(
        &self,
        name: &ProviderName,
        configured: bool,
        writer: &Arc<Writer>,
        term: &CancellationToken,
    ) -> OwnerHandle {
        let known = self.shared.tail.location_states(name);
        let task = Task {
            provider: name.clone(),
            configured,
            follower: self.followers.follower(name, known),
            writer: writer.clone(),
        };
        Owner::start(self.shared.clone(), task, term.child_token())
    }

    /// Waits until the owner of a provider can be spoken to.
    pub(crate) async fn owner_when_started(
        &self,
        provider: &ProviderName,
        patience: Duration,
    ) -> Result<OwnerHandle, NotHere> {
        let started = async {
            loop {
                match self.owner(provider) {
                    Err(NotHere::Starting) => tokio::time::sleep(Duration::from_millis(20)).await,
                    other => return other,
                }
            }
        };
        tokio::time::timeout(patience, started).await.unwrap_or(Err(NotHere::Starting))
    }
}

/// The name in `catalog.sources` under which the owner of a partition says where it is.
pub(super) fn address_name(partition: u32) -> String {
    format!("ingest-{partition}")
}

/// Runs a provider for as long as it is owned; after an error again, with back-off.
async fn run(provider: Arc<dyn EntityProvider>, owner: OwnerHandle, shutdown: CancellationToken) {
    let mut back_off = FIRST_BACK_OFF;
    loop {
        let connection = Connection::new(owner.requests.clone());
        let ended = tokio::select! {
            () = shutdown.cancelled() => return,
            ended = provider.run(connection, shutdown.clone()) => ended,
        };
        let failed = ended.is_err();
        if owner.messages.send(Message::Ran(ended.err())).await.is_err() {
            return;
        }
        if !failed {
            // It has said all there is; its claims stay.
            return shutdown.cancelled().await;
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(back_off) => back_off = (back_off * 2).min(LAST_BACK_OFF),
        }
    }
}
