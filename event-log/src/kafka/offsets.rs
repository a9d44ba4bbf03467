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
use crate::{LogError, Offset, Positions};

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

/// Which of `positions` the log does not have, as the error that says so.
pub(super) async fn out_of_range(
    client: &Client,
    topic: Topic,
    positions: &Positions,
) -> Result<(), LogError> {
    let (beginnings, ends) = (beginnings(client, topic).await?, ends(client, topic).await?);
    let of =
        |list: &Positions, wanted| list.iter().find(|(known, _)| *known == wanted).map(|(_, offset)| *offset);
    for (partition, offset) in positions {
        let inside = of(&beginnings, *partition).is_some_and(|first| first <= *offset)
            && of(&ends, *partition).is_some_and(|end| *offset <= end);
        if !inside {
            return Err(LogError::OutOfRange { topic, partition: *partition, offset: *offset });
        }
    }
    Ok(())
}
