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
    closing::Closing,
    failure::unavailable,
    inbox::Inbox,
    offsets::{beginnings, check_range, ends, get, set},
    records::stored,
};
use crate::{BatchLimits, LogError, Offset, Partition, Positions, Reader, StoredRecord};

/// A reader of one topic, with all its partitions.
pub(super) struct KafkaReader {
    client: Arc<Client>,
    topic: Topic,
    consumer: Arc<Closing>,
    inbox: Inbox,
    /// What was taken from the consumer, up to the inbox's last record.
    arrived: Positions,
    /// What was handed out.
    delivered: Positions,
    /// While reading up to an end: that end, and the partitions that have not reached it.
    pass: Option<Pass>,
    /// The stable ends up to which nothing but marks of transactions stands behind what arrived.
    passed: Positions,
    /// A broker said that a position is out of range; reading stands still until we looked.
    range_in_doubt: bool,
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
            check_range(client, topic, &from.to_vec()).await?;
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
            consumer: Arc::new(Closing::new(consumer)),
            inbox: Inbox::default(),
            arrived: positions.clone(),
            delivered: positions,
            pass: None,
            passed: Positions::new(),
            range_in_doubt: false,
        })
    }

    /// Looks whether our positions are out of range, if there is doubt, and reads on if not.
    async fn settle_range(&mut self) -> Result<(), LogError> {
        if self.range_in_doubt {
            check_range(&self.client, self.topic, &self.arrived).await?;
            self.consumer.assign(&self.client.list(self.topic, &self.arrived)).map_err(unavailable)?;
            self.range_in_doubt = false;
        }
        Ok(())
    }

    /// Begins a pass, unless everything up to the end was delivered already.
    ///
    /// Partitions that lag are fetched anew: an end-of-partition event that is under way may speak
    /// of an earlier end, while one that answers a later fetch cannot.
    async fn begin_pass(&mut self) -> Result<bool, LogError> {
        let ends = ends(&self.client, self.topic).await?;
        let lags = |(partition, end): &&(Partition, Offset)| {
            get(&self.arrived, *partition).max(get(&self.passed, *partition)) < *end
        };
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
    fn accept(&mut self, outcome: Result<StoredRecord, KafkaError>) -> Result<(), LogError> {
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
                    // A position does not move past marks: it says which record was the last.
                    set(&mut self.passed, partition, get(&pass.ends, partition));
                }
                Ok(())
            }
            Err(KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset)) => {
                self.range_in_doubt = true;
                Ok(())
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Takes in everything that is there without waiting, as far as a batch has room.
    async fn drain(&mut self, limits: &BatchLimits) -> Result<(), LogError> {
        self.settle_range().await?;
        let consumer = self.consumer.clone();
        while !self.inbox.fills(limits) {
            let Some(outcome) = consumer.recv().now_or_never() else { return Ok(()) };
            let outcome = outcome.map(|message| self.stored(&message));
            self.accept(outcome)?;
        }
        Ok(())
    }

    /// Waits for one more event.
    async fn wait(&mut self) -> Result<(), LogError> {
        let consumer = self.consumer.clone();
        let outcome = consumer.recv().await.map(|message| self.stored(&message));
        self.accept(outcome)
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
