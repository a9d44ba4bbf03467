//! The first record of every internal topic, which says which log this is.

use std::{sync::Arc, time::Instant};

use backstitch_schemas::{
    Topic,
    log_header::{self, LogHeader},
    topic::Cleanup,
};
use bytes::Bytes;
use uuid::Uuid;

use super::{
    client::{Client, PATIENCE},
    offsets::{beginnings, ends, get, set},
    producer::KafkaProducer,
    reader::KafkaReader,
};
use crate::{
    AppendError, BatchLimits, LogError, LogIdentity, Offset, Partition, Producer as _, Reader as _, Record,
};

/// The writer's name under which headers are written. Holding it, nobody else can write one.
const WRITER: &str = "log-header";

/// What a topic begins with.
enum Beginning {
    /// Nothing was ever written.
    Empty,
    /// Its header.
    Header(LogHeader),
    /// What is left after its retention has taken the header.
    Trimmed,
}

/// Reads the headers, and writes those that are missing.
pub(super) async fn ensure(client: &Arc<Client>) -> Result<LogIdentity, LogError> {
    let started = Instant::now();
    loop {
        if let (Some(identity), true) = known(client, &look(client).await?)? {
            return Ok(identity);
        }
        let mut writer = KafkaProducer::named(client, WRITER).await?;
        // Looked at again while we hold the name: whatever a predecessor wrote is settled now.
        let beginnings = look(client).await?;
        let (identity, _) = known(client, &beginnings)?;
        let identity =
            identity.unwrap_or_else(|| LogIdentity { id: Uuid::new_v4(), partitions: client.count() });
        let missing = beginnings.iter().filter(|(_, beginning)| matches!(beginning, Beginning::Empty));
        let records: Vec<_> = missing.map(|(topic, _)| header(*topic, identity)).collect();
        match writer.append(&records, None).await {
            Ok(_) => return Ok(identity),
            // Another process took the name to do the same; what it wrote is seen in the next round.
            // A broker may also fail in the middle of that, and tells both of us so.
            Err(AppendError::Fenced | AppendError::Unavailable(_)) if started.elapsed() < PATIENCE => {}
            Err(AppendError::Fenced) => {
                return Err(LogError::Unavailable("other processes keep creating the log".to_owned()));
            }
            Err(error) => return Err(LogError::Unavailable(error.to_string())),
        }
    }
}

fn header(topic: Topic, identity: LogIdentity) -> Record {
    let partitions = i32::try_from(identity.partitions).unwrap_or(i32::MAX);
    Record {
        topic,
        partition: Partition(0),
        key: Bytes::from_static(log_header::KEY),
        value: LogHeader { log_id: identity.id, partitions }.encode().into(),
        headers: Vec::new(),
    }
}

/// The identity that the headers agree on, and whether none is missing.
fn known(
    client: &Client,
    beginnings: &[(Topic, Beginning)],
) -> Result<(Option<LogIdentity>, bool), LogError> {
    let mut identity: Option<LogIdentity> = None;
    let mut complete = true;
    for (topic, beginning) in beginnings {
        let Beginning::Header(header) = beginning else {
            complete &= matches!(beginning, Beginning::Trimmed);
            continue;
        };
        let found = LogIdentity { id: header.log_id, partitions: header.partitions.unsigned_abs() };
        if found.partitions != client.count() || identity.is_some_and(|identity| identity != found) {
            return Err(LogError::Unusable(format!(
                "topic {} belongs to another log: {} with {} partitions",
                client.name(*topic),
                found.id,
                found.partitions
            )));
        }
        identity = Some(found);
    }
    Ok((identity, complete))
}

async fn look(client: &Arc<Client>) -> Result<Vec<(Topic, Beginning)>, LogError> {
    let mut found = Vec::new();
    for topic in Topic::INTERNAL {
        found.push((topic, beginning(client, topic).await?));
    }
    Ok(found)
}

async fn beginning(client: &Arc<Client>, topic: Topic) -> Result<Beginning, LogError> {
    let first = get(&beginnings(client, topic).await?, Partition(0));
    // The other partitions are skipped.
    let mut from = ends(client, topic).await?;
    if get(&from, Partition(0)) == Offset(0) {
        return Ok(Beginning::Empty);
    }
    if first > Offset(0) && topic.cleanup() != Cleanup::Compact {
        return Ok(Beginning::Trimmed);
    }
    set(&mut from, Partition(0), first);
    let mut reader = KafkaReader::open(client, topic, &from).await?;
    let limits = BatchLimits { records: 1, ..BatchLimits::default() };
    loop {
        let records = reader.next_until_end(&limits).await?;
        let Some(record) = records.first() else {
            // Only the marks of a step that was given up.
            return Ok(Beginning::Empty);
        };
        if record.partition != Partition(0) {
            continue;
        }
        let header = (record.key == log_header::KEY).then(|| LogHeader::decode(&record.value).ok()).flatten();
        return header.map(Beginning::Header).ok_or_else(|| {
            LogError::Unusable(format!(
                "topic {} does not begin with the header of a log",
                client.name(topic)
            ))
        });
    }
}
