//! Reads a topic outside any group.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use backstitch_schemas::Topic;
use futures::FutureExt as _;
use rdkafka::{
    consumer::{Consumer as _, StreamConsumer},
    error::KafkaError,
    message::BorrowedMessage,
    types::RDKafkaErrorCode,
};
use tokio::time::{Instant, sleep_until};

use super::{
    client::{Client, NO_GROUP, partition},
    failure::unavailable,
    inbox::Inbox,
    offsets::{beginnings, ends, out_of_range},
    records::stored,
};
use crate::{BatchLimits, LogError, Offset, Partition, Positions, Reader, StoredRecord};

/// A reader of one topic, with all its partitions.
pub(super) struct KafkaReader {
    client: Arc<Client>,
    topic: Topic,
    consumer: Arc<StreamConsumer>,
    inbox: Inbox,
    /// What was taken from the consumer, up to the inbox's last record.
    arrived: Positions,
    /// What was handed out.
    delivered: Positions,
    /// While reading up to an end: that end, and the partitions that have not reached it.
    pass: Option<Pass>,
}

/// Reading up to what was the end when the pass began.
struct Pass {
    ends: Positions,
    open: BTreeSet<Partition>,
}

impl KafkaReader {
    pub(super) async fn open(
        client: &Arc<Client>,
        topic: Topic,
        from: &[(Partition, Offset)],
    ) -> Result<Self, LogError> {
        let mut positions = beginnings(client, topic).await?;
        if !from.is_empty() {
            out_of_range(client, topic, &from.to_vec()).await?;
            for (partition, offset) in from {
                set(&mut positions, *partition, *offset);
            }
        }
        let mut config = client.config.reading(NO_GROUP);
        config.set("enable.partition.eof", "true");
        let consumer: StreamConsumer = config.create().map_err(unavailable)?;
        consumer.assign(&client.list(topic, &positions)).map_err(unavailable)?;
        Ok(Self {
            client: client.clone(),
            topic,
            consumer: Arc::new(consumer),
            inbox: Inbox::default(),
            arrived: positions.clone(),
            delivered: positions,
            pass: None,
        })
    }

    /// Begins a pass, unless everything up to the end was delivered already.
    ///
    /// Partitions that lag are fetched anew: an end-of-partition event that is under way may speak
    /// of an earlier end, while one that answers a later fetch cannot.
    async fn begin_pass(&mut self) -> Result<bool, LogError> {
        let ends = ends(&self.client, self.topic).await?;
        let lags = |(partition, end): &&(Partition, Offset)| get(&self.arrived, *partition) < *end;
        let open: BTreeSet<_> = ends.iter().filter(lags).map(|(partition, _)| *partition).collect();
        if open.is_empty() {
            return Ok(false);
        }
        let positions = self.client.list(self.topic, &self.arrived);
        self.consumer.assign(&positions).map_err(unavailable)?;
        self.pass = Some(Pass { ends, open });
        Ok(true)
    }

    /// Takes in what the consumer gave.
    async fn accept(&mut self, outcome: Result<StoredRecord, KafkaError>) -> Result<(), LogError> {
        match outcome {
            Ok(record) => {
                let (partition, next) = (record.partition, Offset(record.offset.0 + 1));
                set(&mut self.arrived, partition, next);
                self.inbox.push(record);
                if let Some(pass) = &mut self.pass
                    && get(&pass.ends, partition) <= next
                {
                    pass.open.remove(&partition);
                }
                Ok(())
            }
            Err(KafkaError::PartitionEOF(number)) => {
                let partition = partition(number);
                if let Some(pass) = &mut self.pass
                    && pass.open.remove(&partition)
                {
                    // Between the last record and the end are only marks of transactions.
                    let end = get(&pass.ends, partition).max(get(&self.arrived, partition));
                    set(&mut self.arrived, partition, end);
                }
                Ok(())
            }
            Err(KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset)) => {
                out_of_range(&self.client, self.topic, &self.arrived).await?;
                Err(LogError::Unavailable("the position was out of range for a moment".to_owned()))
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Takes in everything that is there without waiting, as far as a batch has room.
    async fn drain(&mut self, limits: &BatchLimits) -> Result<(), LogError> {
        let consumer = self.consumer.clone();
        while !self.inbox.fills(limits) {
            let Some(outcome) = consumer.recv().now_or_never() else { return Ok(()) };
            let outcome = outcome.map(|message| self.stored(&message));
            self.accept(outcome).await?;
        }
        Ok(())
    }

    /// Waits for one more event.
    async fn wait(&mut self) -> Result<(), LogError> {
        let consumer = self.consumer.clone();
        let outcome = consumer.recv().await.map(|message| self.stored(&message));
        self.accept(outcome).await
    }

    fn stored(&self, message: &BorrowedMessage<'_>) -> StoredRecord {
        stored(self.topic, message)
    }

    fn deliver(&mut self, limits: &BatchLimits) -> Vec<StoredRecord> {
        let batch = self.inbox.take(limits);
        for record in &batch {
            set(&mut self.delivered, record.partition, Offset(record.offset.0 + 1));
        }
        if self.inbox.is_empty() {
            self.delivered.clone_from(&self.arrived);
        }
        batch
    }
}

#[async_trait]
impl Reader for KafkaReader {
    async fn next(&mut self, limits: &BatchLimits) -> Result<Vec<StoredRecord>, LogError> {
        self.pass = None;
        self.drain(limits).await?;
        while self.inbox.is_empty() {
            self.wait().await?;
            self.drain(limits).await?;
        }
        let deadline = Instant::now() + limits.linger;
        while !limits.linger.is_zero() && !self.inbox.fills(limits) {
            tokio::select! {
                waited = self.wait() => waited?,
                () = sleep_until(deadline) => break,
            }
        }
        Ok(self.deliver(limits))
    }

    async fn next_until_end(&mut self, limits: &BatchLimits) -> Result<Vec<StoredRecord>, LogError> {
        loop {
            self.drain(limits).await?;
            if !self.inbox.is_empty() {
                return Ok(self.deliver(limits));
            }
            match &self.pass {
                Some(pass) if !pass.open.is_empty() => self.wait().await?,
                // A pass that is over began in an earlier call, so the end is asked for again.
                _ => {
                    self.pass = None;
                    if !self.begin_pass().await? {
                        self.delivered.clone_from(&self.arrived);
                        return Ok(Vec::new());
                    }
                }
            }
        }
    }

    fn positions(&self) -> Positions {
        self.delivered.clone()
    }
}

impl Drop for KafkaReader {
    fn drop(&mut self) {
        super::consumer::close(self.consumer.clone());
    }
}

fn get(positions: &Positions, partition: Partition) -> Offset {
    positions.iter().find(|(known, _)| *known == partition).map_or(Offset(0), |(_, offset)| *offset)
}

fn set(positions: &mut Positions, partition: Partition, offset: Offset) {
    match positions.iter_mut().find(|(known, _)| *known == partition) {
        Some((_, known)) => *known = offset,
        None => positions.push((partition, offset)),
    }
}
