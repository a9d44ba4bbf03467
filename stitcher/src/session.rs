//! One leadership: load, catch up, follow.
//!
//! A batch is computed beside the catalog, committed with its positions in one transaction, and only
//! then applied. Whatever happens in between, the read model says how far it came.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use backstitch_event_log::{
    EventLog, Offset, Partition, Positions, Producer, Reader, StoredRecord, trace::Spans,
};
use backstitch_read_model::{Leadership, PositionRow, ReadModel, Revision, StitcherPart};
use backstitch_schemas::{Clock, Topic};
use tokio::{sync::watch, task};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Catalog, Config, Delta, Error, Frame, Loading, Memory, State, Status,
    batch_policy::{BatchPolicy, Collected},
    committer::{Committer, Refused},
    computing::Computing,
    dead_letters::{Told, dead_letter},
    error::Stop,
    incarnation,
    input::{Batch, Taken, Treatment, source_rows},
    lease::Lease,
    metrics::{Metrics, Tally},
    retention::Retention,
};

/// The name under which the stitcher appends to the log; the one who leads holds it.
const WRITER: &str = "stitcher";
/// How old the lag in the status may be.
const LAG_AGE: Duration = Duration::from_secs(1);

/// What every session of a worker works with.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) read_model: Arc<dyn ReadModel>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: Config,
    pub(crate) status: watch::Sender<Status>,
    pub(crate) metrics: Metrics,
    pub(crate) spans: Arc<Spans>,
    pub(crate) shutdown: CancellationToken,
}

/// The work of one leadership.
pub(crate) struct Session {
    around: Surroundings,
    committer: Committer,
    lease: Lease,
    _retention: Retention,
    producer: Box<dyn Producer>,
    processed: Box<dyn Reader>,
    sources: Box<dyn Reader>,
    catalog: Arc<Mutex<Catalog>>,
    revision: Revision,
    /// Set until the first commit of an incarnation is made.
    log_id: Option<Uuid>,
    positions: BTreeMap<i32, PositionRow>,
    lag_known_at: Option<Instant>,
    /// Records that could not be read, as `catalog.sources` tells of them.
    dead_letters: Told,
}

/// What came out of the log.
enum Input {
    Processed(Vec<StoredRecord>),
    Sources(Vec<StoredRecord>),
}

impl Session {
    /// Loads what there is and finds the place in the log.
    pub(crate) async fn open(around: Surroundings, leadership: Leadership) -> Result<Self, Stop> {
        around.status.send_modify(|status| status.state = State::Loading);
        let lease = Lease::keep(Arc::clone(&around.read_model), leadership.clone(), around.config.lease);
        let log = around.log.identity().id;
        if let Some(built_from) = leadership.log_id.filter(|built_from| *built_from != log) {
            return Err(Error::OtherLog { built_from, log }.into());
        }
        let (catalog, head) = load(&*around.read_model).await?;
        let next = Offset(head.sources_next);
        let dead_letters = Told::load(&*around.read_model, &*around.log, next).await?;
        let mut producer = around.log.producer(WRITER).await?;
        let begins = leadership.log_id.is_none();
        let revision =
            if begins { incarnation::begin(&*around.log, &mut *producer).await? } else { head.revision };
        let from: Positions = head.positions.iter().map(place).collect();
        within(&*around.log, &from).await?;
        let processed = around.log.read(Topic::Processed, &from).await?;
        let from = [(Partition(0), Offset(head.sources_next))];
        let sources = around.log.read(Topic::Sources, &from).await?;
        around.status.send_modify(|status| {
            status.state = if begins { State::Rebuilding } else { State::Loading };
            status.revision = revision;
            status.positions.clone_from(&head.positions);
        });
        let kept = around.config.history;
        let retention = Retention::keep(Arc::clone(&around.read_model), Arc::clone(&around.clock), kept);
        Ok(Self {
            committer: Committer::new(
                Arc::clone(&around.read_model),
                leadership,
                around.status.clone(),
                around.shutdown.clone(),
            ),
            around,
            lease,
            _retention: retention,
            producer,
            processed,
            sources,
            catalog: Arc::new(Mutex::new(catalog)),
            revision,
            log_id: begins.then_some(log),
            positions: head.positions.into_iter().map(|row| (row.partition, row)).collect(),
            lag_known_at: None,
            dead_letters,
        })
    }

    /// Works until something stops it.
    pub(crate) async fn run(mut self) -> Stop {
        match self.work().await {
            Ok(never) => match never {},
            Err(stop) => stop,
        }
    }

    async fn work(&mut self) -> Result<std::convert::Infallible, Stop> {
        let policy = BatchPolicy::new(&self.around.config);
        self.catch_up(&policy).await?;
        self.around.status.send_modify(|status| {
            status.state = State::Live;
            status.lag = 0;
        });
        loop {
            match self.next(&policy).await? {
                Input::Processed(first) => {
                    let records = self.collect(&policy, first).await?;
                    self.take(records).await?;
                }
                Input::Sources(records) => self.take_sources(&records).await?,
            }
        }
    }

    /// Takes what is in the log by now, in batches as large as they may be.
    async fn catch_up(&mut self, policy: &BatchPolicy) -> Result<(), Stop> {
        loop {
            let first = self.read_on(policy.all_room()).await?;
            if first.is_empty() {
                return Ok(());
            }
            let records = self.collect(policy, first).await?;
            self.take(records).await?;
        }
    }

    /// Waits for records.
    async fn next(&mut self, policy: &BatchPolicy) -> Result<Input, Stop> {
        let limits = policy.all_room();
        // Shutdown first: under load there is always another batch. Sources before records, for the
        // same reason; there are few of them.
        tokio::select! {
            biased;
            () = self.around.shutdown.cancelled() => Err(Stop::Shutdown),
            () = self.lease.lost() => Err(Stop::Lost),
            records = self.sources.next(&limits) => Ok(Input::Sources(records?)),
            records = self.processed.next(&limits) => Ok(Input::Processed(records?)),
        }
    }

    /// Reads without waiting for what is not there.
    async fn read_on(
        &mut self,
        limits: backstitch_event_log::BatchLimits,
    ) -> Result<Vec<StoredRecord>, Stop> {
        tokio::select! {
            biased;
            () = self.around.shutdown.cancelled() => Err(Stop::Shutdown),
            () = self.lease.lost() => Err(Stop::Lost),
            records = self.processed.next_until_end(&limits) => Ok(records?),
        }
    }

    /// Adds what waits behind the first records, up to a full batch.
    async fn collect(
        &mut self,
        policy: &BatchPolicy,
        first: Vec<StoredRecord>,
    ) -> Result<Vec<StoredRecord>, Stop> {
        let started = Instant::now();
        let mut records = first;
        let mut bytes: usize = records.iter().map(size).sum();
        let mut collected = Collected { records: records.len(), bytes, since: Duration::ZERO };
        while let Some(limits) = policy.room(collected) {
            let more = self.read_on(limits).await?;
            if more.is_empty() {
                break;
            }
            bytes += more.iter().map(size).sum::<usize>();
            records.extend(more);
            collected = Collected { records: records.len(), bytes, since: started.elapsed() };
        }
        Ok(records)
    }

    /// Takes records: all together or, where the database refuses their data, without the culprits.
    async fn take(&mut self, records: Vec<StoredRecord>) -> Result<(), Stop> {
        let records = records.into_iter().map(|record| Taken { record, treatment: Treatment::Read });
        let batch = Batch { records: records.collect(), positions: self.processed.positions() };
        let mut waiting = vec![batch];
        while let Some(batch) = waiting.pop() {
            let batch = Arc::new(batch);
            let refused = match self.stitch(Arc::clone(&batch)).await? {
                Ok(()) => continue,
                Err(Refused(reason)) => reason,
            };
            let batch = Arc::unwrap_or_clone(batch);
            tracing::warn!(records = batch.records.len(), reason = %refused, "a commit is refused; bisecting");
            if batch.records.len() > 1 {
                let (first, second) = batch.halves();
                waiting.extend([second, first]);
            } else {
                let other = batch.treated_otherwise(&refused).ok_or(Error::Refused(refused))?;
                waiting.push(other);
            }
        }
        self.measure_lag().await;
        Ok(())
    }

    async fn stitch(&mut self, batch: Arc<Batch>) -> Result<Result<(), Refused>, Stop> {
        let started = Instant::now();
        let records = batch.records.iter().map(|taken| &taken.record);
        let mut span = self.around.spans.begin("stitch.commit", records);
        let computing = Computing {
            catalog: Arc::clone(&self.catalog),
            read_model: Arc::clone(&self.around.read_model),
            positions: self.positions.clone(),
            frame: self.frame(),
        };
        let computed = Arc::clone(&batch);
        let (delta, dead) =
            task::spawn_blocking(move || computing.delta(&computed)).await.map_err(panicked)??;
        self.put_aside(&batch, &dead).await?;
        let made = self.commit(delta).await?;
        match &made {
            Ok(()) => self.around.metrics.stitched(started.elapsed()),
            Err(Refused(reason)) => span.failed(reason),
        }
        span.tell("catalog.revision", self.revision.0);
        Ok(made)
    }

    /// Puts records into the dead letters of which nothing can be made, and tells people. Before the commit, so
    /// that nothing is lost if it is not made; then this is done again.
    async fn put_aside(&mut self, batch: &Batch, dead: &[(StoredRecord, String)]) -> Result<(), Stop> {
        let mut records: Vec<_> = dead.iter().map(|(record, reason)| dead_letter(record, reason)).collect();
        let read = batch.records.iter().map(|taken| &taken.record);
        records.extend(self.dead_letters.news(read, dead, self.around.clock.now()));
        if !records.is_empty() {
            self.producer.append(&records, None).await?;
            self.around.metrics.gave_up(dead.len());
        }
        Ok(())
    }

    /// Copies states of sources; they never influence an entity.
    async fn take_sources(&mut self, records: &[StoredRecord]) -> Result<(), Stop> {
        let next = self.sources.positions().first().map(|(_, offset)| offset.0);
        let rows = source_rows(records);
        self.dead_letters.learn(&rows);
        let frame = Frame { sources: rows, sources_next: next, ..self.frame() };
        let delta = lock(&self.catalog).plan([]).finish(Vec::new(), frame).map_err(Error::from)?;
        if let Err(Refused(reason)) = self.commit(delta).await? {
            tracing::warn!(reason, "the database refuses states of sources; they are left out");
            let frame = Frame { sources_next: next, ..self.frame() };
            let delta = lock(&self.catalog).plan([]).finish(Vec::new(), frame).map_err(Error::from)?;
            if let Err(Refused(reason)) = self.commit(delta).await? {
                return Err(Error::Refused(reason).into());
            }
        }
        Ok(())
    }

    fn frame(&self) -> Frame {
        Frame { base: self.revision, at: self.around.clock.now(), log_id: self.log_id, ..Frame::default() }
    }

    async fn commit(&mut self, delta: Delta) -> Result<Result<(), Refused>, Stop> {
        let (tally, started) = (Tally::of(&delta), Instant::now());
        let Delta { commit, memory, .. } = delta;
        if let Err(refused) = self.committer.commit(&commit).await? {
            return Ok(Err(refused));
        }
        self.around.metrics.committed(&tally, started.elapsed());
        apply(Arc::clone(&self.catalog), memory).await?;
        self.revision = commit.revision;
        self.log_id = None;
        self.positions.extend(commit.positions.into_iter().map(|row| (row.partition, row)));
        self.around.status.send_modify(|status| {
            status.revision = self.revision;
            status.positions = self.positions.values().copied().collect();
        });
        Ok(Ok(()))
    }

    async fn measure_lag(&mut self) {
        if self.lag_known_at.is_some_and(|at| at.elapsed() < LAG_AGE) {
            return;
        }
        // Only for people: a failure here shows where it matters.
        let Ok(end) = self.around.log.end(Topic::Processed).await else { return };
        self.lag_known_at = Some(Instant::now());
        let taken = |partition: &Partition| {
            let row = i32::try_from(partition.0).ok().and_then(|partition| self.positions.get(&partition));
            row.map_or(0, |row| row.processed_next)
        };
        let lag = end.iter().map(|(partition, end)| (end.0 - taken(partition)).max(0)).sum();
        self.around.status.send_modify(|status| status.lag = lag);
    }
}

async fn apply(catalog: Arc<Mutex<Catalog>>, memory: Memory) -> Result<(), Stop> {
    task::spawn_blocking(move || lock(&catalog).apply(memory)).await.map_err(panicked)
}

async fn load(read_model: &dyn ReadModel) -> Result<(Catalog, backstitch_read_model::Head), Stop> {
    let mut parts = read_model.load().await?;
    let (mut loading, mut head) = (Loading::default(), None);
    while let Some(part) = parts.recv().await {
        match part? {
            StitcherPart::Head(at) => head = Some(at),
            part => loading.take(part),
        }
    }
    let head = head.ok_or_else(|| Stop::Unavailable("the read model stopped sending".to_owned()))?;
    let catalog = task::spawn_blocking(|| loading.finish()).await.map_err(panicked)?.map_err(Error::from)?;
    tracing::info!(entities = catalog.entity_count(), revision = %head.revision, "loaded");
    Ok((catalog, head))
}

/// Refuses positions behind the end of the log: it was restored from an older copy.
async fn within(log: &dyn EventLog, from: &[(Partition, Offset)]) -> Result<(), Stop> {
    let end = log.end(Topic::Processed).await?;
    for (partition, offset) in from {
        let end = end.iter().find(|(known, _)| known == partition).map_or(0, |(_, end)| end.0);
        if offset.0 > end {
            let partition = i32::try_from(partition.0).unwrap_or(i32::MAX);
            return Err(Error::OutOfRange { partition, offset: offset.0 }.into());
        }
    }
    Ok(())
}

fn place(row: &PositionRow) -> (Partition, Offset) {
    let partition = u32::try_from(row.partition).expect("partitions are not negative");
    (Partition(partition), Offset(row.processed_next))
}

fn size(record: &StoredRecord) -> usize {
    record.key.len() + record.value.len()
}

pub(crate) fn lock(catalog: &Mutex<Catalog>) -> MutexGuard<'_, Catalog> {
    catalog.lock().expect("a panic under this lock has ended the session")
}

/// Memory may be half changed after a panic; what is committed is not.
fn panicked(error: task::JoinError) -> Stop {
    Stop::Reload(format!("stitching panicked: {error}"))
}
