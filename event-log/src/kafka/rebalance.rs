//! What the group tells its member, collected for the next call.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use rdkafka::{
    ClientContext, Offset as KafkaOffset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, ConsumerGroupMetadata, Rebalance},
};
use tokio::sync::Notify;

use super::{
    client::{PATIENCE, partition, patiently},
    failure::unavailable,
    offsets::positions,
};
use crate::{LogError, Offset, Partition, Positions};

/// What happened in the group.
pub(super) enum Event {
    Assigned {
        partitions: Vec<Partition>,
        starts: Result<Positions, LogError>,
        membership: Arc<ConsumerGroupMetadata>,
    },
    Revoked(Vec<Partition>),
    Failed(LogError),
}

/// Receives rebalances in librdkafka's callbacks, which run while the consumer is polled.
#[derive(Default)]
pub(super) struct GroupContext {
    events: Mutex<VecDeque<Event>>,
    /// Wakes a member that waits for records only.
    pub(super) happened: Notify,
}

impl GroupContext {
    pub(super) fn take(&self) -> VecDeque<Event> {
        std::mem::take(&mut self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self, event: Event) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push_back(event);
        self.happened.notify_one();
    }

    /// Notes the membership, and decides where reading starts: at the group's positions, and at the
    /// beginning where it has none. librdkafka then assigns with the offsets that are set here.
    fn assigned(&self, member: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let membership = member.group_metadata().expect("a consumer that is assigned to has a group");
        let starts = patiently(|| positions(&member.committed_offsets(list.clone(), PATIENCE)?));
        if let Ok(starts) = &starts {
            for mut element in list.elements() {
                let start = start(starts, partition(element.partition()));
                element.set_offset(start).expect("a position is not negative");
            }
        }
        self.tell(Event::Assigned {
            partitions: partitions(list),
            starts: starts.map_err(unavailable),
            membership: Arc::new(membership),
        });
    }
}

impl ClientContext for GroupContext {}

impl ConsumerContext for GroupContext {
    fn pre_rebalance(&self, member: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => self.assigned(member, list),
            Rebalance::Revoke(list) => self.tell(Event::Revoked(partitions(list))),
            Rebalance::Error(error) => self.tell(Event::Failed(unavailable(error.clone()))),
        }
    }
}

/// Where reading of a partition starts, given the group's positions.
pub(super) fn start(positions: &Positions, partition: Partition) -> KafkaOffset {
    let committed = positions.iter().find(|(known, _)| *known == partition);
    committed.map_or(KafkaOffset::Beginning, |(_, Offset(offset))| KafkaOffset::Offset(*offset))
}

fn partitions(list: &TopicPartitionList) -> Vec<Partition> {
    list.elements().iter().map(|element| partition(element.partition())).collect()
}
