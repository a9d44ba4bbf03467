//! Where topics begin and end, and where groups are.

use backstitch_schemas::Topic;
use rdkafka::{
    Offset as KafkaOffset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaResult,
};

use super::{
    client::{Client, PATIENCE, partition, patiently},
    failure::{interrupted, unavailable},
};
use crate::{LogError, Offset, Partition, Positions};

/// The last stable offset of each partition.
pub(super) async fn ends(client: &Client, topic: Topic) -> Result<Positions, LogError> {
    looked_up(client, topic, KafkaOffset::End).await
}

/// The first offset of each partition that the log still has.
pub(super) async fn beginnings(client: &Client, topic: Topic) -> Result<Positions, LogError> {
    looked_up(client, topic, KafkaOffset::Beginning).await
}

async fn looked_up(client: &Client, topic: Topic, place: KafkaOffset) -> Result<Positions, LogError> {
    let mut list = client.all_partitions(topic);
    list.set_all_offsets(place).map_err(unavailable)?;
    // In this question the two ends of a partition are what would be times otherwise; one request
    // per broker answers for all partitions.
    client.ask(move |asking| positions(&asking.offsets_for_times(list.clone(), PATIENCE)?)).await
}

/// The committed positions of a group.
pub(super) async fn committed_by(client: &Client, group: &str, topic: Topic) -> Result<Positions, LogError> {
    let (config, list) = (client.config.reading(group), client.all_partitions(topic));
    let asked = tokio::task::spawn_blocking(move || {
        let member: BaseConsumer = config.create()?;
        patiently(|| positions(&member.committed_offsets(list.clone(), PATIENCE)?))
    });
    asked.await.map_err(interrupted)?.map_err(unavailable)
}

/// What a list says; partitions without an offset are left out.
pub(super) fn positions(list: &TopicPartitionList) -> KafkaResult<Positions> {
    let mut positions = Positions::new();
    for element in list.elements() {
        element.error()?;
        if let KafkaOffset::Offset(offset) = element.offset() {
            positions.push((partition(element.partition()), Offset(offset)));
        }
    }
    Ok(positions)
}

/// Fails with the position that the log does not have, if there is one.
pub(super) async fn check_range(
    client: &Client,
    topic: Topic,
    positions: &Positions,
) -> Result<(), LogError> {
    let (beginnings, ends) = (beginnings(client, topic).await?, ends(client, topic).await?);
    for (partition, offset) in positions {
        let known = partition.0 < client.partitions(topic);
        if !known || *offset < get(&beginnings, *partition) || *offset > get(&ends, *partition) {
            return Err(LogError::OutOfRange { topic, partition: *partition, offset: *offset });
        }
    }
    Ok(())
}

/// Where a partition stands in a list of positions; at 0 if it is not named.
pub(super) fn get(positions: &Positions, partition: Partition) -> Offset {
    positions.iter().find(|(known, _)| *known == partition).map_or(Offset(0), |(_, offset)| *offset)
}

/// Moves a partition in a list of positions.
pub(super) fn set(positions: &mut Positions, partition: Partition, offset: Offset) {
    match positions.iter_mut().find(|(known, _)| *known == partition) {
        Some((_, known)) => *known = offset,
        None => positions.push((partition, offset)),
    }
}
