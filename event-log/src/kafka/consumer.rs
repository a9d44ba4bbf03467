//! A member of a consumer group.

use std::{collections::VecDeque, sync::Arc};

use async_trait::async_trait;
use backstitch_schemas::Topic;
use futures::FutureExt as _;
use rdkafka::{
    TopicPartitionList,
    consumer::{Consumer as _, ConsumerGroupMetadata, StreamConsumer},
    error::KafkaError,
    types::RDKafkaErrorCode,
};
use tokio::time::{Instant, sleep_until};

use super::{
    client::{Client, PATIENCE, number, patiently},
    closing::Closing,
    failure::{interrupted, unavailable},
    inbox::Inbox,
    offsets::{check_range, positions, set},
    rebalance::{Event, GroupContext, start},
    records::stored,
};
use crate::{
    Advance, Batch, BatchLimits, Consumer, Delivery, LogError, Offset, Partition, Positions, StoredRecord,
};

/// Under which membership a batch was taken.
pub(super) struct Membership(pub(super) Arc<ConsumerGroupMetadata>);

/// A member of a group on one topic.
pub(super) struct KafkaConsumer {
    client: Arc<Client>,
    group: Arc<str>,
    topic: Topic,
    consumer: Arc<Closing<GroupContext>>,
    /// What happened in the group and was not told yet.
    events: VecDeque<Event>,
    /// Of the current assignment only.
    inbox: Inbox,
    assignment: Vec<Partition>,
    /// What is read next of the current assignment; partitions that are not named, from their beginning.
    arrived: Positions,
    membership: Option<Arc<Membership>>,
    doubt: Option<Doubt>,
}

/// Why reading stands still.
#[derive(Clone, Copy)]
enum Doubt {
    /// Partitions were assigned, but the group's positions could not be read.
    Start,
    /// A broker said that a position is out of range.
    Range,
}

impl KafkaConsumer {
    pub(super) fn join(client: &Arc<Client>, group: &str, topic: Topic) -> Result<Self, LogError> {
        let config = client.config.reading(group);
        let consumer: StreamConsumer<GroupContext> =
            config.create_with_context(GroupContext::default()).map_err(unavailable)?;
        consumer.subscribe(&[&client.name(topic)]).map_err(unavailable)?;
        Ok(Self {
            client: client.clone(),
            group: Arc::from(group),
            topic,
            consumer: Arc::new(Closing::new(consumer)),
            events: VecDeque::new(),
            inbox: Inbox::default(),
            assignment: Vec::new(),
            arrived: Positions::new(),
            membership: None,
            doubt: None,
        })
    }

    /// Collects what callbacks noted. Records taken before a rebalance are somebody else's.
    fn notice(&mut self) {
        for event in self.consumer.context().take() {
            if matches!(event, Event::Revoked(_)) {
                self.inbox.clear();
            }
            self.events.push_back(event);
        }
    }

    /// The next thing to tell that is no batch.
    fn tell(&mut self) -> Option<Result<Delivery, LogError>> {
        Some(match self.events.pop_front()? {
            Event::Assigned { partitions, starts, membership } => {
                self.assignment.clone_from(&partitions);
                self.membership = Some(Arc::new(Membership(membership)));
                self.doubt = starts.is_err().then_some(Doubt::Start);
                self.arrived = starts.unwrap_or_default();
                // Those that came right after the callback.
                for record in self.inbox.records() {
                    set(&mut self.arrived, record.partition, Offset(record.offset.0 + 1));
                }
                Ok(Delivery::Assigned(partitions))
            }
            Event::Revoked(partitions) => {
                self.assignment.clear();
                self.membership = None;
                self.doubt = None;
                Ok(Delivery::Revoked(partitions))
            }
            Event::Failed(error) => Err(error),
        })
    }

    /// Takes in what the consumer gave. A callback may have run just before it.
    fn accept(&mut self, outcome: Result<StoredRecord, KafkaError>) -> Result<(), LogError> {
        self.notice();
        match outcome {
            Ok(record) => {
                set(&mut self.arrived, record.partition, Offset(record.offset.0 + 1));
                self.inbox.push(record);
                Ok(())
            }
            Err(KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset)) => {
                self.doubt = self.doubt.or(Some(Doubt::Range));
                Ok(())
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Takes in everything that is there without waiting, as far as a batch has room.
    fn drain(&mut self, limits: &BatchLimits) -> Result<(), LogError> {
        let consumer = self.consumer.clone();
        self.notice();
        while self.events.is_empty() && !self.inbox.fills(limits) {
            let Some(outcome) = consumer.recv().now_or_never() else { break };
            let outcome = outcome.map(|message| stored(self.topic, &message));
            self.accept(outcome)?;
        }
        self.notice();
        Ok(())
    }

    /// Waits for a record or something to tell.
    async fn wait(&mut self) -> Result<(), LogError> {
        let consumer = self.consumer.clone();
        let outcome = tokio::select! {
            outcome = consumer.recv() => outcome.map(|message| stored(self.topic, &message)),
            () = consumer.context().happened.notified() => {
                self.notice();
                return Ok(());
            }
        };
        self.accept(outcome)
    }

    /// Goes on reading, or says why that is not possible, after something was in doubt.
    async fn settle(&mut self) -> Result<(), LogError> {
        match self.doubt {
            None => return Ok(()),
            Some(Doubt::Start) => self.rewind().await?,
            Some(Doubt::Range) => {
                check_range(&self.client, self.topic, &self.arrived).await?;
                self.consumer.assign(&self.assignment_at(&self.arrived)).map_err(unavailable)?;
            }
        }
        self.doubt = None;
        Ok(())
    }

    /// Our partitions, each at its position or else at its beginning.
    fn assignment_at(&self, positions: &Positions) -> TopicPartitionList {
        let name = self.client.name(self.topic);
        let mut list = TopicPartitionList::new();
        for ours in &self.assignment {
            let mut element = list.add_partition(&name, number(*ours));
            element.set_offset(start(positions, *ours)).expect("a position is not negative");
        }
        list
    }

    /// A batch of what has arrived, if anything has.
    fn batch(&mut self, limits: &BatchLimits) -> Option<Delivery> {
        let membership = self.membership.clone()?;
        if self.inbox.is_empty() {
            return None;
        }
        let records = self.inbox.take(limits);
        let mut positions = Positions::new();
        for record in &records {
            positions.retain(|(partition, _)| *partition != record.partition);
            positions.push((record.partition, Offset(record.offset.0 + 1)));
        }
        let advance = Advance { group: self.group.clone(), topic: self.topic, positions, membership };
        Some(Delivery::Batch(Batch { records, advance }))
    }
}

#[async_trait]
impl Consumer for KafkaConsumer {
    async fn next(&mut self, limits: &BatchLimits) -> Result<Delivery, LogError> {
        let mut deadline = None;
        loop {
            self.drain(limits)?;
            if let Some(told) = self.tell() {
                return told;
            }
            self.settle().await?;
            let collecting = !limits.linger.is_zero() && !self.inbox.fills(limits);
            if !self.inbox.is_empty() && collecting {
                let deadline = *deadline.get_or_insert_with(|| Instant::now() + limits.linger);
                tokio::select! {
                    waited = self.wait() => { waited?; continue }
                    () = sleep_until(deadline) => {}
                }
            }
            if self.events.is_empty()
                && let Some(batch) = self.batch(limits)
            {
                return Ok(batch);
            }
            self.wait().await?;
        }
    }

    async fn rewind(&mut self) -> Result<(), LogError> {
        self.notice();
        self.inbox.clear();
        if self.assignment.is_empty() {
            return Ok(());
        }
        let consumer = self.consumer.clone();
        let list = self.assignment_at(&Positions::new());
        let asked = tokio::task::spawn_blocking(move || {
            patiently(|| positions(&consumer.committed_offsets(list.clone(), PATIENCE)?))
        });
        let committed = asked.await.map_err(interrupted)?.map_err(unavailable)?;
        self.consumer.assign(&self.assignment_at(&committed)).map_err(unavailable)?;
        self.arrived = committed;
        self.doubt = None;
        Ok(())
    }
}
