//! The loop that takes changes from the log and puts their results back.
//!
//! Every change gives exactly one result, and the results of a batch become visible in one atomic
//! step with the positions of its input. Any number of workers share the partitions; one that lost a
//! partition is fenced, and its late results are never seen.

use std::{
    num::NonZeroUsize,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use backstitch_event_log::{
    AppendError, Batch, BatchLimits, Consumer, Delivery, EventLog, LogError, Producer, trace::Spans,
};
use backstitch_schemas::{Clock, Topic};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{Pipeline, metrics::Metrics, step::Step};

/// The consumer group of all processors.
pub const GROUP: &str = "processors";

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How changes are processed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Config {
    /// Changes in one step at most. More are faster in bulk, fewer are visible sooner.
    pub batch_records: NonZeroUsize,
    /// Bytes of changes in one step at most.
    pub batch_bytes: NonZeroUsize,
    /// Threads that process a batch; absent means one for each core.
    pub threads: Option<NonZeroUsize>,
}

impl Default for Config {
    fn default() -> Self {
        let limits = BatchLimits::default();
        let at_least_one = |n| NonZeroUsize::new(n).unwrap_or(NonZeroUsize::MIN);
        Self {
            batch_records: at_least_one(limits.records),
            batch_bytes: at_least_one(limits.bytes),
            threads: None,
        }
    }
}

/// How a worker is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It has not reached the log yet.
    Starting,
    /// It takes changes as they come.
    Working,
    /// The log is away, for this reason; nothing is lost while it waits.
    Waiting(String),
}

/// Why a worker stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log cannot be used, and waiting does not help.
    #[error("processing cannot go on")]
    Log(#[from] LogError),
    /// A step that the log refuses even without its offending record.
    #[error("the log refuses the results of processing: {0}")]
    Refused(String),
}

/// Processes the changes of the partitions that it is given.
pub struct Worker {
    log: Arc<dyn EventLog>,
    pipeline: Arc<Pipeline>,
    clock: Arc<dyn Clock>,
    writer: String,
    threads: NonZeroUsize,
    limits: BatchLimits,
    health: watch::Sender<Health>,
    metrics: Metrics,
    spans: Spans,
    pause: Duration,
}

/// What comes after a failed step.
enum Failed {
    /// The work is somebody else's.
    Fenced,
    /// The log is away, and what became of the step is unclear.
    Unavailable(String),
    /// Nothing more can be done.
    Fatal(Error),
}

impl Worker {
    /// A worker under a name of its own: two workers of one name would fence each other for ever.
    pub fn new(
        log: Arc<dyn EventLog>,
        pipeline: Arc<Pipeline>,
        clock: Arc<dyn Clock>,
        instance: &str,
        config: &Config,
    ) -> Self {
        let cores = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            log,
            pipeline,
            clock,
            writer: format!("{GROUP}-{instance}"),
            threads: config.threads.unwrap_or_else(cores),
            limits: BatchLimits {
                records: config.batch_records.get(),
                bytes: config.batch_bytes.get(),
                linger: Duration::ZERO,
            },
            health: watch::Sender::new(Health::Starting),
            metrics: Metrics::new(),
            spans: Spans::of("backstitch.processors"),
            pause: SHORTEST_PAUSE,
        }
    }

    /// How the worker is doing, now and later.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// Takes batches until `shutdown`; a batch that was taken is finished.
    ///
    /// # Errors
    /// If the log cannot be used and waiting does not help.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Error> {
        while !shutdown.is_cancelled() {
            match self.session(&shutdown).await {
                Ok(()) => break,
                Err(Error::Log(LogError::Unavailable(cause))) => self.wait(cause, &shutdown).await,
                Err(fatal) => return Err(fatal),
            }
        }
        Ok(())
    }

    /// One membership of the group, until shutdown or until the log goes away.
    async fn session(&mut self, shutdown: &CancellationToken) -> Result<(), Error> {
        let mut producer = self.log.producer(&self.writer).await?;
        let mut consumer = self.log.join(GROUP, Topic::Changes).await?;
        self.working();
        loop {
            // Shutdown first: under load there is always another batch.
            let delivery = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                delivery = consumer.next(&self.limits) => delivery?,
            };
            match delivery {
                Delivery::Assigned(partitions) => tracing::info!(?partitions, "partitions assigned"),
                Delivery::Revoked(partitions) => tracing::info!(?partitions, "partitions revoked"),
                Delivery::Batch(batch) => match self.step(&mut *producer, batch).await {
                    Ok(()) => {
                        self.pause = SHORTEST_PAUSE;
                        self.working();
                    }
                    Err(Failed::Fenced) => producer = self.look_again(&mut *consumer).await?,
                    Err(Failed::Unavailable(cause)) => {
                        self.wait(cause, shutdown).await;
                        producer = self.look_again(&mut *consumer).await?;
                    }
                    Err(Failed::Fatal(error)) => return Err(error),
                },
            }
        }
    }

    /// Processes a batch and appends its results with its positions, all or nothing.
    async fn step(&self, producer: &mut dyn Producer, batch: Batch) -> Result<(), Failed> {
        let started = Instant::now();
        let Batch { records, advance } = batch;
        let mut span = self.spans.begin("process.batch", records.iter());
        let inputs = Arc::new(records);
        let now = self.clock.now();
        let mut step = Step::of(&self.pipeline, &inputs, &advance, self.threads, now).await;
        loop {
            match producer.append(&step.records, Some(&advance)).await {
                Ok(_) => {
                    self.metrics.appended(step.tally, started.elapsed());
                    return Ok(());
                }
                Err(AppendError::Fenced) => {
                    span.failed("the partitions moved");
                    tracing::info!("the partitions moved; another worker does this work");
                    return Err(Failed::Fenced);
                }
                Err(AppendError::Unavailable(cause)) => {
                    span.failed(&cause);
                    return Err(Failed::Unavailable(cause));
                }
                Err(AppendError::Rejected { index, reason }) => {
                    if !step.give_up(index, &reason, &self.pipeline, &inputs, now) {
                        return Err(Failed::Fatal(Error::Refused(reason)));
                    }
                }
            }
        }
    }

    /// A new producer settles what was in flight; then the committed positions tell what is left.
    async fn look_again(&self, consumer: &mut dyn Consumer) -> Result<Box<dyn Producer>, LogError> {
        let producer = self.log.producer(&self.writer).await?;
        consumer.rewind().await?;
        Ok(producer)
    }

    fn working(&self) {
        self.health.send_if_modified(|health| {
            let changed = *health != Health::Working;
            *health = Health::Working;
            changed
        });
    }

    async fn wait(&mut self, cause: String, shutdown: &CancellationToken) {
        tracing::warn!(cause, pause_ms = self.pause.as_millis(), "the log is away; waiting");
        self.health.send_replace(Health::Waiting(cause));
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(self.pause) => {}
        }
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}
