//! Appends under a writer's name.

use std::sync::Arc;

use async_trait::async_trait;
use backstitch_schemas::topic::MAX_RECORD_BYTES;
use tokio::sync::Mutex;

use super::{
    PARTITION, Shared,
    consumer::Membership,
    headers,
    writer::{Epoch, Move, Row, Step, Writer},
};
use crate::{Advance, AppendError, Offset, Producer, Record};

/// A writer's hold on its name.
pub(super) struct EmbeddedProducer {
    shared: Arc<Shared>,
    name: Arc<str>,
    epoch: Epoch,
}

impl EmbeddedProducer {
    /// Takes the name.
    pub(super) async fn named(shared: &Arc<Shared>, name: &str) -> Self {
        let name = Arc::from(name);
        let epoch = shared.writer.lock().await.take_name(&name);
        Self { shared: shared.clone(), name, epoch }
    }
}

#[async_trait]
impl Producer for EmbeddedProducer {
    async fn append(
        &mut self,
        records: &[Record],
        advance: Option<&Advance>,
    ) -> Result<Vec<Offset>, AppendError> {
        let rows = records.iter().enumerate().map(|(index, record)| row(index, record));
        let step = Step {
            writer: self.name.clone(),
            epoch: self.epoch,
            rows: rows.collect::<Result<_, _>>()?,
            advance: advance.map(moved).transpose()?,
        };
        // In a task of its own: a caller that goes away must not leave a transaction half done.
        let appending = tokio::spawn(append(self.shared.writer.clone(), step));
        appending.await.unwrap_or_else(|error| Err(AppendError::Unavailable(error.to_string())))
    }
}

async fn append(writer: Arc<Mutex<Writer>>, step: Step) -> Result<Vec<Offset>, AppendError> {
    writer.lock().await.append(step).await
}

fn row(index: usize, record: &Record) -> Result<Row, AppendError> {
    let rejected = |reason: String| AppendError::Rejected { index, reason };
    if record.partition != PARTITION {
        return Err(rejected(format!("{} has no partition {}", record.topic, record.partition.0)));
    }
    let encoded = headers::encode(record.headers.iter().map(|(name, value)| (*name, value.as_str())));
    let size = record.key.len() + record.value.len() + encoded.len();
    if size > MAX_RECORD_BYTES {
        return Err(rejected(format!("it has {size} bytes, and {MAX_RECORD_BYTES} are the most")));
    }
    Ok(Row {
        topic: record.topic,
        key: record.key.clone(),
        value: record.value.clone(),
        headers: record.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        encoded_headers: encoded,
    })
}

/// A membership of another log is as good as none.
fn moved(advance: &Advance) -> Result<Move, AppendError> {
    let membership = advance.membership.downcast_ref::<Membership>().ok_or(AppendError::Fenced)?;
    let position = advance.positions.iter().find(|(partition, _)| *partition == PARTITION);
    Ok(Move {
        group: advance.group.clone(),
        topic: advance.topic,
        epoch: membership.epoch,
        position: position.map(|(_, offset)| offset.0),
    })
}
