//! Where the last record of each partition stands.
//!
//! Brokers know the stable end of a partition, but just before it stand the marks of transactions,
//! and records of those that were given up. Neither is a record, and only reading tells. So we read
//! the little that stands before the stable end, once for each stable end that is seen.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use backstitch_schemas::Topic;
use rdkafka::{
    Message as _,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, KafkaResult},
};

use super::{
    client::{Client, NO_GROUP, PATIENCE, partition},
    config::KafkaConfig,
    failure::{interrupted, unavailable},
    offsets::{beginnings, ends, get, set},
};
use crate::{LogError, Offset, Positions};

/// How far before the stable end we look first: most often a record and the mark of its transaction.
const FIRST_REACH: i64 = 2;
/// How much further we look each time that nothing was found.
const FURTHER: i64 = 16;

/// What was found, and the consumer that looks.
#[derive(Default)]
pub(super) struct LastRecords {
    /// The stable ends that were looked at last, and where the last records before them end.
    known: HashMap<Topic, Known>,
    /// Made when it is first needed; assigned only while it looks.
    looking: Option<BaseConsumer>,
}

struct Known {
    stable: Positions,
    ends: Positions,
}

/// The offset after the last committed record of each partition; its beginning if it has none.
pub(super) async fn ends_of_records(client: &Arc<Client>, topic: Topic) -> Result<Positions, LogError> {
    let stable = ends(client, topic).await?;
    if let Some(known) = locked(&client.last_records).known.get(&topic).filter(|known| known.stable == stable)
    {
        return Ok(known.ends.clone());
    }
    let beginnings = beginnings(client, topic).await?;
    let client = client.clone();
    let looked = tokio::task::spawn_blocking(move || look(&client, topic, &beginnings, stable));
    looked.await.map_err(interrupted)?
}

/// Looks at the partitions whose stable end moved. Blocks; one looks at a time.
fn look(
    client: &Client,
    topic: Topic,
    beginnings: &Positions,
    stable: Positions,
) -> Result<Positions, LogError> {
    let mut last = locked(&client.last_records);
    let mut found = Positions::new();
    let mut open = Positions::new();
    for (partition, end) in &stable {
        let known = last.known.get(&topic).filter(|known| get(&known.stable, *partition) == *end);
        match known {
            Some(known) => found.push((*partition, get(&known.ends, *partition))),
            None => open.push((*partition, *end)),
        }
    }
    if last.looking.is_none() {
        last.looking = Some(looking(&client.config).map_err(unavailable)?);
    }
    let looking = last.looking.as_ref().expect("it was just made");
    let outcome = search(client, looking, topic, beginnings, open);
    // Or it would go on fetching what is appended from now on.
    looking.unassign().map_err(unavailable)?;
    found.extend(outcome?);
    found.sort_unstable();
    last.known.insert(topic, Known { stable, ends: found.clone() });
    Ok(found)
}

/// Reads before the stable ends `open`, further and further back, until each partition showed its
/// last record or its beginning.
fn search(
    client: &Client,
    looking: &BaseConsumer,
    topic: Topic,
    beginnings: &Positions,
    mut open: Positions,
) -> Result<Positions, LogError> {
    let deadline = Instant::now() + PATIENCE;
    let (mut found, mut reach) = (Positions::new(), FIRST_REACH);
    while !open.is_empty() {
        let starts: Positions = open
            .iter()
            .map(|(partition, end)| {
                (*partition, Offset(end.0 - reach).max(get(beginnings, *partition)).min(*end))
            })
            .collect();
        looking.assign(&client.list(topic, &starts)).map_err(unavailable)?;
        let seen = read_to(looking, &open, deadline)?;
        open.retain(|(partition, _)| {
            let beginning = get(beginnings, *partition);
            let end = seen.iter().find(|(known, _)| known == partition).map(|(_, end)| *end);
            let end = end.or((get(&starts, *partition) == beginning).then_some(beginning));
            found.extend(end.map(|end| (*partition, end)));
            end.is_none()
        });
        reach *= FURTHER;
    }
    Ok(found)
}

/// Reads until every partition of `ends` has come there; returns where its last record ended, if it
/// showed one.
fn read_to(looking: &BaseConsumer, ends: &Positions, deadline: Instant) -> Result<Positions, LogError> {
    let (mut seen, mut open) = (Positions::new(), ends.clone());
    while !open.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        let there = match looking.poll(left) {
            None => return Err(LogError::Unavailable("a partition does not show its end".to_owned())),
            Some(Ok(message)) => {
                let (partition, end) = (partition(message.partition()), Offset(message.offset() + 1));
                set(&mut seen, partition, end);
                (end >= get(ends, partition)).then_some(partition)
            }
            Some(Err(KafkaError::PartitionEOF(number))) => Some(partition(number)),
            Some(Err(error)) => return Err(unavailable(error)),
        };
        open.retain(|(partition, _)| Some(*partition) != there);
    }
    Ok(seen)
}

/// A consumer that says at once when a partition has no more, and fetches little.
fn looking(config: &KafkaConfig) -> KafkaResult<BaseConsumer> {
    let mut config = config.reading(NO_GROUP);
    config
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "5")
        .set("fetch.message.max.bytes", "16384");
    config.create()
}

fn locked(last: &Mutex<LastRecords>) -> std::sync::MutexGuard<'_, LastRecords> {
    last.lock().unwrap_or_else(PoisonError::into_inner)
}
