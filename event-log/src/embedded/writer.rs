//! The one place that writes: fencing, offsets, and the transaction of a step.

use std::{collections::HashMap, sync::Arc};

use backstitch_schemas::{Clock, Timestamp, Topic, log_header, topic::Cleanup};
use bytes::Bytes;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use tokio::sync::watch;

use super::{
    PARTITION,
    failure::log_error,
    store::{Store, table},
    topics::Topics,
};
use crate::{AppendError, LogError, Offset, StoredRecord};

/// Rows per statement. A step uses the largest that fit, so few texts are ever prepared.
const ROWS_PER_STATEMENT: [usize; 4] = [256, 32, 4, 1];

/// How often expired records are looked for.
const EXPIRY_INTERVAL_MS: i64 = 60 * 60 * 1000;

/// Counts the holders of a name; the last one is the current one.
pub(super) type Epoch = u64;

/// A record of a step, in the form of its row.
pub(super) struct Row {
    pub(super) topic: Topic,
    pub(super) key: Bytes,
    pub(super) value: Bytes,
    pub(super) headers: Vec<(String, String)>,
    pub(super) encoded_headers: Vec<u8>,
}

/// The move of a group's position.
pub(super) struct Move {
    pub(super) group: Arc<str>,
    pub(super) topic: Topic,
    pub(super) epoch: Epoch,
    /// None if the batch had no records.
    pub(super) position: Option<i64>,
}

/// What is committed or not as a whole.
pub(super) struct Step {
    pub(super) writer: Arc<str>,
    pub(super) epoch: Epoch,
    pub(super) rows: Vec<Row>,
    pub(super) advance: Option<Move>,
}

/// Owns the writing connection.
pub(super) struct Writer {
    connection: SqliteConnection,
    topics: Arc<Topics>,
    clock: Arc<dyn Clock>,
    writers: HashMap<Arc<str>, Epoch>,
    members: HashMap<(Arc<str>, Topic), watch::Sender<Epoch>>,
    /// What the last step did is unknown: ends are read again before the next.
    unsure: bool,
    expired_at: Timestamp,
}

impl Writer {
    pub(super) async fn open(
        store: &Store,
        topics: Arc<Topics>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LogError> {
        let mut writer = Self {
            connection: store.writing().await?,
            topics,
            expired_at: clock.now(),
            clock,
            writers: HashMap::new(),
            members: HashMap::new(),
            unsure: true,
        };
        writer.settle().await.map_err(log_error)?;
        Ok(writer)
    }

    /// Gives a writer's name to the caller; its predecessor is fenced from now on.
    pub(super) fn take_name(&mut self, name: &Arc<str>) -> Epoch {
        let epoch = self.writers.entry(name.clone()).or_default();
        *epoch += 1;
        *epoch
    }

    /// Gives a group's topic to the caller. Its predecessor is fenced from now on, and told.
    pub(super) fn take_membership(&mut self, group: &Arc<str>, topic: Topic) -> watch::Receiver<Epoch> {
        let epoch = self.members.entry((group.clone(), topic)).or_default();
        epoch.send_modify(|epoch| *epoch += 1);
        epoch.subscribe()
    }

    /// Commits a step and shows it to readers.
    pub(super) async fn append(&mut self, step: Step) -> Result<Vec<Offset>, AppendError> {
        if self.is_fenced(&step) {
            return Err(AppendError::Fenced);
        }
        let outcome = self.commit(step).await;
        self.unsure |= outcome.is_err();
        let offsets = outcome.map_err(|error| AppendError::Unavailable(error.to_string()))?;
        if self.clock.now().0 - self.expired_at.0 >= EXPIRY_INTERVAL_MS
            && let Err(error) = self.forget_expired().await
        {
            tracing::warn!(%error, "expired records stay until the next attempt");
        }
        Ok(offsets)
    }

    /// Deletes the records that have outlived their topic's retention, all but the log's header.
    pub(super) async fn forget_expired(&mut self) -> Result<(), LogError> {
        self.expired_at = self.clock.now();
        for topic in Topic::ALL {
            let Cleanup::DeleteAfterMs(kept) = topic.cleanup() else { continue };
            let sql = format!("DELETE FROM {} WHERE appended_at < ?1 AND key <> ?2", table(topic));
            let delete = sqlx::query(AssertSqlSafe(sql)).bind(self.expired_at.0 - kept).bind(log_header::KEY);
            delete.execute(&mut self.connection).await.map_err(log_error)?;
        }
        Ok(())
    }

    fn is_fenced(&self, step: &Step) -> bool {
        let of_old_member = step.advance.as_ref().is_some_and(|advance| {
            let current = self.members.get(&(advance.group.clone(), advance.topic));
            current.is_none_or(|current| *current.borrow() != advance.epoch)
        });
        of_old_member || self.writers.get(&step.writer) != Some(&step.epoch)
    }

    /// Reads the ends of all topics from the file if what a former step did is not known.
    async fn settle(&mut self) -> sqlx::Result<()> {
        if !self.unsure {
            return Ok(());
        }
        for topic in Topic::ALL {
            let highest: Option<i64> = sqlx::query_scalar("SELECT seq FROM sqlite_sequence WHERE name = ?1")
                .bind(table(topic).trim_matches('"'))
                .fetch_optional(&mut self.connection)
                .await?;
            self.topics.of(topic).reset(highest.map_or(0, |highest| highest + 1));
        }
        self.unsure = false;
        Ok(())
    }

    async fn commit(&mut self, step: Step) -> sqlx::Result<Vec<Offset>> {
        self.settle().await?;
        let now = self.clock.now();
        let (offsets, by_topic) = number(&self.topics, step.rows);
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        for (topic, rows) in &by_topic {
            insert(&mut transaction, *topic, now, rows).await?;
        }
        if let Some(Move { group, topic, position: Some(position), .. }) = &step.advance {
            sqlx::query(
                "INSERT INTO positions (group_name, topic, position) VALUES (?1, ?2, ?3)
                 ON CONFLICT (group_name, topic) DO UPDATE SET position = excluded.position",
            )
            .bind(&**group)
            .bind(topic.base_name())
            .bind(position)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        for (topic, rows) in by_topic {
            let records = rows.into_iter().map(|(offset, row)| stored(offset, now, row)).collect();
            self.topics.of(topic).publish(records);
        }
        Ok(offsets)
    }
}

/// Offset and row of each record of one topic.
type Numbered = Vec<(i64, Row)>;

/// Gives each row the next offset of its topic.
fn number(topics: &Topics, rows: Vec<Row>) -> (Vec<Offset>, Vec<(Topic, Numbered)>) {
    let mut by_topic: Vec<(Topic, Numbered)> = Vec::new();
    let mut offsets = Vec::with_capacity(rows.len());
    for row in rows {
        let topic = row.topic;
        let index = by_topic.iter().position(|(known, _)| *known == topic).unwrap_or_else(|| {
            by_topic.push((topic, Vec::new()));
            by_topic.len() - 1
        });
        let numbered = &mut by_topic[index].1;
        let next = numbered.last().map_or_else(|| topics.of(topic).end(), |(last, _)| last + 1);
        offsets.push(Offset(next));
        numbered.push((next, row));
    }
    (offsets, by_topic)
}

/// Inserts in the order of the offsets. On a compacted topic, where a key is unique, a row takes
/// the place of the one that it supersedes, also within a step.
async fn insert(
    connection: &mut SqliteConnection,
    topic: Topic,
    now: Timestamp,
    rows: &[(i64, Row)],
) -> sqlx::Result<()> {
    let verb = if topic.cleanup() == Cleanup::Compact { "INSERT OR REPLACE" } else { "INSERT" };
    let mut rest = rows;
    while !rest.is_empty() {
        let count = ROWS_PER_STATEMENT.into_iter().find(|count| *count <= rest.len()).unwrap_or(1);
        let (chunk, after) = rest.split_at(count);
        let values = vec!["(?,?,?,?,?)"; count].join(",");
        let sql = format!(
            "{verb} INTO {} (record_offset, appended_at, headers, key, value) VALUES {values}",
            table(topic)
        );
        let mut statement = sqlx::query(AssertSqlSafe(sql));
        for (offset, row) in chunk {
            statement = statement
                .bind(offset)
                .bind(now.0)
                .bind(&row.encoded_headers[..])
                .bind(&row.key[..])
                .bind(&row.value[..]);
        }
        statement.execute(&mut *connection).await?;
        rest = after;
    }
    Ok(())
}

fn stored(offset: i64, now: Timestamp, row: Row) -> StoredRecord {
    StoredRecord {
        topic: row.topic,
        partition: PARTITION,
        offset: Offset(offset),
        timestamp: now,
        key: row.key,
        value: row.value,
        headers: row.headers,
    }
}
