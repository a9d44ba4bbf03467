//! What the log says, kept current in every ingest process.
//!
//! Each process follows all of `catalog.changes` (headers; bodies of Locations only) and of
//! `catalog.sources`, so that it can take any provider over without reading the log first: it only
//! waits until its tail has reached the end.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use backstitch_event_log::{BatchLimits, EventLog, LogError, Offset, Partition, StoredRecord};
use backstitch_schemas::{
    Change, ClaimKey, ProviderName, Topic,
    headers::ChangeHeaders,
    source::{SourceKey, SourceState},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::claims::Claims;

const BACK_OFF: Duration = Duration::from_millis(500);

type Reached = BTreeMap<Partition, Offset>;

/// What the log says about every provider.
#[derive(Debug)]
pub(crate) struct Tail {
    log: Arc<dyn EventLog>,
    claims: Mutex<HashMap<ProviderName, Arc<Mutex<Claims>>>>,
    sources: Mutex<HashMap<SourceKey, SourceState>>,
    changes_reached: watch::Sender<Reached>,
    sources_reached: watch::Sender<Reached>,
}

impl Tail {
    pub(crate) fn new(log: Arc<dyn EventLog>) -> Self {
        Self {
            log,
            claims: Mutex::default(),
            sources: Mutex::default(),
            changes_reached: watch::Sender::default(),
            sources_reached: watch::Sender::default(),
        }
    }

    /// The claims of a provider. Its owner changes them as soon as the log has acknowledged.
    pub(crate) fn claims(&self, provider: &ProviderName) -> Arc<Mutex<Claims>> {
        let mut claims = locked(&self.claims);
        let made = || Arc::new(Mutex::new(Claims::new(provider.clone())));
        claims.entry(provider.clone()).or_insert_with(made).clone()
    }

    /// The providers that have claims or a state.
    pub(crate) fn providers(&self) -> Vec<ProviderName> {
        let claiming: Vec<_> = locked(&self.claims).values().cloned().collect();
        let claiming = claiming.iter().map(|claims| {
            let claims = locked(claims);
            (claims.len() > 0).then(|| claims.provider().clone())
        });
        let mut names: Vec<_> = claiming.flatten().collect();
        names.extend(locked(&self.sources).keys().filter_map(|key| match key {
            SourceKey::Provider(name) => Some(name.clone()),
            SourceKey::Location(..) | SourceKey::Ours(_) => None,
        }));
        names.sort();
        names.dedup();
        names
    }

    /// What `catalog.sources` says about a provider.
    pub(crate) fn provider_state(&self, provider: &ProviderName) -> Option<SourceState> {
        locked(&self.sources).get(&SourceKey::Provider(provider.clone())).cloned()
    }

    /// The note under a name of ours.
    pub(crate) fn our_note(&self, name: &str) -> Option<String> {
        locked(&self.sources).get(&SourceKey::Ours(name.to_owned()))?.note.clone()
    }

    /// What `catalog.sources` says about the places that a provider reads.
    pub(crate) fn location_states(&self, provider: &ProviderName) -> HashMap<String, SourceState> {
        let sources = locked(&self.sources);
        let own = sources.iter().filter_map(|(key, state)| match key {
            SourceKey::Location(name, place) if name == provider => Some((place.clone(), state.clone())),
            _ => None,
        });
        own.collect()
    }

    /// Waits until everything that is committed now has been taken in.
    pub(crate) async fn caught_up(&self) -> Result<(), LogError> {
        for (topic, reached) in
            [(Topic::Changes, &self.changes_reached), (Topic::Sources, &self.sources_reached)]
        {
            let end = self.log.end(topic).await?;
            let mut reached = reached.subscribe();
            let there = |reached: &Reached| {
                end.iter().all(|(partition, end)| {
                    end.0 == 0 || reached.get(partition).is_some_and(|offset| offset >= end)
                })
            };
            let waited = reached.wait_for(there).await;
            waited.map_err(|_| LogError::Unavailable("the tail has stopped".to_owned()))?;
        }
        Ok(())
    }

    /// Waits until `catalog.sources` says something about a provider that `holds`.
    pub(crate) async fn provider_state_where<T>(
        &self,
        provider: &ProviderName,
        holds: impl Fn(&SourceState) -> Option<T>,
    ) -> Option<T> {
        let mut reached = self.sources_reached.subscribe();
        loop {
            reached.borrow_and_update();
            if let Some(found) = self.provider_state(provider).and_then(|state| holds(&state)) {
                return Some(found);
            }
            reached.changed().await.ok()?;
        }
    }

    /// Follows both topics until `shutdown`.
    ///
    /// # Errors
    /// If the log is not what it should be; while it is merely away, this waits.
    pub(crate) async fn run(&self, shutdown: CancellationToken) -> Result<(), LogError> {
        let changes = self.follow(Topic::Changes, &self.changes_reached, |record| self.take_change(record));
        let sources = self.follow(Topic::Sources, &self.sources_reached, |record| self.take_source(record));
        tokio::select! {
            () = shutdown.cancelled() => Ok(()),
            ended = async { tokio::try_join!(changes, sources) } => ended.map(|_| ()),
        }
    }

    async fn follow(
        &self,
        topic: Topic,
        reached: &watch::Sender<Reached>,
        take: impl Fn(&StoredRecord),
    ) -> Result<(), LogError> {
        let limits = BatchLimits::default();
        loop {
            let from: Vec<_> =
                reached.borrow().iter().map(|(partition, offset)| (*partition, *offset)).collect();
            let cause = match self.log.read(topic, &from).await {
                Ok(mut reader) => loop {
                    reached.send_replace(reader.positions().into_iter().collect());
                    match reader.next(&limits).await {
                        Ok(records) => records.iter().for_each(&take),
                        Err(cause) => break cause,
                    }
                },
                Err(cause) => cause,
            };
            let LogError::Unavailable(cause) = cause else { return Err(cause) };
            tracing::warn!(%topic, cause, "the log is away, waiting to follow it again");
            tokio::time::sleep(BACK_OFF).await;
        }
    }

    fn take_change(&self, record: &StoredRecord) {
        // The log's header, and nothing else, has a key that is no claim.
        let Ok(key) = ClaimKey::decode(&record.key) else { return };
        let Some(headers) = ChangeHeaders::decode(|name| record.header(name)) else {
            tracing::warn!(offset = record.offset.0, "a change without its headers was passed over");
            return;
        };
        let content = if key.entity_ref.is_location() {
            Change::decode(&record.value).ok().and_then(|change| change.content).map(Arc::new)
        } else {
            None
        };
        let claims = self.claims(&key.provider);
        locked(&claims).apply(&key, &headers, (record.partition.0, record.offset.0), content);
    }

    fn take_source(&self, record: &StoredRecord) {
        let Ok(key) = SourceKey::decode(&record.key) else { return };
        if let Ok(state) = SourceState::decode(&record.value) {
            locked(&self.sources).insert(key, state);
        }
    }
}

/// A lock that outlives a panic elsewhere: what is behind it is changed in whole steps only.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
