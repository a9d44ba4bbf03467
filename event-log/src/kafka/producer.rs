//! Appends in transactions.

use std::sync::Arc;

use async_trait::async_trait;
use rdkafka::{
    TopicPartitionList,
    error::KafkaError,
    producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _},
    types::RDKafkaErrorCode,
};
use tokio::{sync::Mutex, task::spawn_blocking, time::Instant};

use super::{
    client::{Client, PATIENCE, number},
    consumer::Membership,
    failure::{code, interrupted, is_fenced, unavailable},
    records::headers,
};
use crate::{Advance, AppendError, LogError, Offset, Producer, Record};

/// A writer's hold on its name.
pub(super) struct KafkaProducer {
    client: Arc<Client>,
    /// Locked while a step is under way, also one that its caller no longer waits for.
    transactions: Arc<Mutex<FutureProducer>>,
}

/// Positions that a step commits.
struct Moves {
    list: TopicPartitionList,
    membership: Arc<Membership>,
}

/// Why a transaction did not go through.
enum Failure {
    Kafka(KafkaError),
    Record { index: usize, error: KafkaError },
    Interrupted,
}

impl From<KafkaError> for Failure {
    fn from(error: KafkaError) -> Self {
        Self::Kafka(error)
    }
}

impl KafkaProducer {
    /// Takes the name: fences its predecessor and settles the transaction that it left open.
    pub(super) async fn named(client: &Arc<Client>, writer: &str) -> Result<Self, LogError> {
        let config = client.config.writing(writer);
        let taken = spawn_blocking(move || {
            let producer: FutureProducer = config.create()?;
            producer.init_transactions(PATIENCE * 3)?;
            Ok(producer)
        });
        let producer = taken.await.map_err(interrupted)?.map_err(unavailable)?;
        Ok(Self { client: client.clone(), transactions: Arc::new(Mutex::new(producer)) })
    }
}

#[async_trait]
impl Producer for KafkaProducer {
    async fn append(
        &mut self,
        records: &[Record],
        advance: Option<&Advance>,
    ) -> Result<Vec<Offset>, AppendError> {
        let moves = advance
            .map(|advance| {
                let membership = advance.membership.clone().downcast().map_err(|_| AppendError::Fenced)?;
                Ok(Moves { list: self.client.list(advance.topic, &advance.positions), membership })
            })
            .transpose()?;
        let (client, records) = (self.client.clone(), records.to_vec());
        let transactions = self.transactions.clone();
        // In a task of its own: a caller that goes away must not leave a transaction open.
        let appending = tokio::spawn(async move {
            let producer = transactions.lock().await;
            match transact(&producer, &client, &records, moves).await {
                Ok(offsets) => Ok(offsets),
                Err(failure) => Err(give_up(&producer, failure).await),
            }
        });
        appending.await.unwrap_or_else(|error| Err(AppendError::Unavailable(error.to_string())))
    }
}

/// One transaction from its beginning to its commit.
async fn transact(
    producer: &FutureProducer,
    client: &Client,
    records: &[Record],
    moves: Option<Moves>,
) -> Result<Vec<Offset>, Failure> {
    if records.is_empty() && moves.is_none() {
        return Ok(Vec::new());
    }
    producer.begin_transaction()?;
    let offsets = send(producer, client, records).await?;
    let producer = producer.clone();
    let committed = spawn_blocking(move || {
        if let Some(Moves { list, membership }) = moves {
            producer.send_offsets_to_transaction(&list, &membership.0, PATIENCE)?;
        }
        commit(&producer)
    });
    committed.await.map_err(|_| Failure::Interrupted)??;
    Ok(offsets)
}

/// Sends all records and awaits every delivery: the commit's own flush looks only every 100 ms.
async fn send(
    producer: &FutureProducer,
    client: &Client,
    records: &[Record],
) -> Result<Vec<Offset>, Failure> {
    let mut deliveries: Vec<DeliveryFuture> = Vec::with_capacity(records.len());
    for (index, record) in records.iter().enumerate() {
        let topic = client.name(record.topic);
        let message = FutureRecord::to(&topic)
            .partition(number(record.partition))
            .key(&record.key[..])
            .payload(&record.value[..])
            .headers(headers(record));
        let sent = producer.send_result(message);
        deliveries.push(sent.map_err(|(error, _)| Failure::Record { index, error })?);
    }
    let mut offsets = Vec::with_capacity(deliveries.len());
    for (index, delivery) in deliveries.into_iter().enumerate() {
        let delivered = delivery.await.map_err(|_| Failure::Interrupted)?;
        let delivered = delivered.map_err(|(error, _)| Failure::Record { index, error })?;
        offsets.push(Offset(delivered.offset));
    }
    Ok(offsets)
}

/// Commits, and asks again while Kafka says that asking again may help.
fn commit(producer: &FutureProducer) -> Result<(), KafkaError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match producer.commit_transaction(PATIENCE) {
            Err(KafkaError::Transaction(error)) if error.is_retriable() && Instant::now() < deadline => {}
            outcome => return outcome,
        }
    }
}

/// Gives up the transaction and says what its failure means.
async fn give_up(producer: &FutureProducer, failure: Failure) -> AppendError {
    let meaning = meaning(producer, failure);
    let producer = producer.clone();
    // After a fatal error nothing can be given up; the broker has done so.
    if producer.client().fatal_error().is_none() {
        let aborted = spawn_blocking(move || producer.abort_transaction(PATIENCE)).await;
        if let Ok(Err(error)) = aborted {
            tracing::warn!(%error, "a transaction was not given up; the broker does so when its time is over");
        }
    }
    meaning
}

fn meaning(producer: &FutureProducer, failure: Failure) -> AppendError {
    if producer.client().fatal_error().is_some_and(|(code, _)| is_fenced(code)) {
        return AppendError::Fenced;
    }
    let error = match &failure {
        Failure::Interrupted => return AppendError::Unavailable("interrupted".to_owned()),
        Failure::Kafka(error) | Failure::Record { error, .. } => error,
    };
    match (code(error), failure) {
        (Some(code), _) if is_fenced(code) => AppendError::Fenced,
        (
            Some(
                RDKafkaErrorCode::MessageSizeTooLarge
                | RDKafkaErrorCode::InvalidMessageSize
                | RDKafkaErrorCode::UnknownPartition,
            ),
            Failure::Record { index, error },
        ) => AppendError::Rejected { index, reason: error.to_string() },
        (_, Failure::Kafka(error) | Failure::Record { error, .. }) => {
            AppendError::Unavailable(error.to_string())
        }
        (_, Failure::Interrupted) => AppendError::Unavailable("interrupted".to_owned()),
    }
}
