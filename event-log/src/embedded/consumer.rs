//! The one member of a group.

use std::{future::pending, sync::Arc};

use async_trait::async_trait;
use backstitch_schemas::Topic;
use tokio::sync::watch;

use super::{PARTITION, Shared, cursor::Cursor, writer::Epoch};
use crate::{Advance, Batch, BatchLimits, Consumer, Delivery, LogError, Offset, StoredRecord};

/// Under which membership a batch was taken.
pub(super) struct Membership {
    pub(super) epoch: Epoch,
}

/// What the member was told last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Assigned,
    Revoked,
}

/// A member; the current one until another joins.
pub(super) struct EmbeddedConsumer {
    shared: Arc<Shared>,
    group: Arc<str>,
    topic: Topic,
    membership: Arc<Membership>,
    /// The group's latest membership.
    current: watch::Receiver<Epoch>,
    told: Told,
    cursor: Cursor,
}

impl EmbeddedConsumer {
    /// Takes the group's topic over from whoever had it.
    pub(super) async fn join(shared: &Arc<Shared>, group: &str, topic: Topic) -> Result<Self, LogError> {
        let group = Arc::from(group);
        // Under the writer's lock: a step of the predecessor is either committed, and its position
        // is read below, or fenced.
        let current = shared.writer.lock().await.take_membership(&group, topic);
        let epoch = *current.borrow();
        let cursor = committed(shared, &group, topic).await?;
        let membership = Arc::new(Membership { epoch });
        Ok(Self { shared: shared.clone(), group, topic, membership, current, told: Told::Nothing, cursor })
    }

    fn batch(&self, records: Vec<StoredRecord>) -> Delivery {
        Delivery::Batch(Batch {
            records,
            advance: Advance {
                group: self.group.clone(),
                topic: self.topic,
                positions: vec![(PARTITION, Offset(self.cursor.position()))],
                membership: self.membership.clone(),
            },
        })
    }
}

#[async_trait]
impl Consumer for EmbeddedConsumer {
    async fn next(&mut self, limits: &BatchLimits) -> Result<Delivery, LogError> {
        match self.told {
            Told::Nothing => {
                self.told = Told::Assigned;
                return Ok(Delivery::Assigned(vec![PARTITION]));
            }
            // Another member has the group now, and nothing will be ours again.
            Told::Revoked => return pending().await,
            Told::Assigned => {}
        }
        let ours = self.membership.epoch;
        let records = tokio::select! {
            biased;
            _ = self.current.wait_for(|epoch| *epoch != ours) => None,
            records = self.cursor.next(limits) => Some(records?),
        };
        let Some(records) = records else {
            self.told = Told::Revoked;
            return Ok(Delivery::Revoked(vec![PARTITION]));
        };
        Ok(self.batch(records))
    }

    async fn rewind(&mut self) -> Result<(), LogError> {
        self.cursor = committed(&self.shared, &self.group, self.topic).await?;
        Ok(())
    }
}

/// A cursor at the group's position, or at the beginning.
async fn committed(shared: &Arc<Shared>, group: &str, topic: Topic) -> Result<Cursor, LogError> {
    let position = shared.store.position(group, topic).await?;
    Cursor::at(shared, topic, position.unwrap_or(0))
}
