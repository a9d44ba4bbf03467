//! The file: tables, versions, and reading from it.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
};

use backstitch_schemas::{
    Timestamp, Topic,
    log_header::{self, LogHeader},
    topic::Cleanup,
};
use bytes::Bytes;
use futures::TryStreamExt as _;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous},
};
use uuid::Uuid;

use super::{PARTITION, failure::log_error, headers};
use crate::{BatchLimits, LogError, LogIdentity, Offset, StoredRecord};

/// The version of the tables below. A file of a newer one is refused.
const FORMAT: i64 = 1;

/// Pages after which what the write-ahead log holds moves to the file proper: 32 MiB. Larger makes
/// bulk loads cheaper, as a page that is written often moves once; it also bounds the WAL's size.
const CHECKPOINT_PAGES: &str = "4096";

/// Readers that look at the file at once; those that keep up read from memory.
const READING_CONNECTIONS: u32 = 3;

/// The right to have the log open; it ends with the process at the latest.
pub(super) struct FileLock {
    _file: File,
}

impl FileLock {
    pub(super) fn take(log: &Path) -> Result<Self, LogError> {
        let path = log.with_extension("lock");
        let unavailable = |error| LogError::Unavailable(format!("{}: {error}", path.display()));
        if let Some(folder) = log.parent() {
            std::fs::create_dir_all(folder).map_err(unavailable)?;
        }
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(unavailable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(LogError::Unusable(format!("the log {} is open already", log.display())))
            }
            Err(TryLockError::Error(error)) => Err(unavailable(error)),
        }
    }
}

/// The file, open for reading.
pub(super) struct Store {
    options: SqliteConnectOptions,
    pool: SqlitePool,
}

/// The quoted name of a topic's table.
pub(super) fn table(topic: Topic) -> String {
    format!("\"log_{}\"", topic.base_name())
}

impl Store {
    /// Opens the file, creates what is missing in it, and says which log it is.
    pub(super) async fn open(file: &Path, now: Timestamp) -> Result<(Self, LogIdentity), LogError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .page_size(8192)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("journal_size_limit", "67108864")
            // A statement that replaces rows notes what it may have to undo; not in a file.
            .pragma("temp_store", "MEMORY")
            .statement_cache_capacity(256)
            .disable_statement_logging();
        let mut connection = SqliteConnection::connect_with(&options).await.map_err(log_error)?;
        let identity = prepare(&mut connection, now).await?;
        connection.close().await.map_err(log_error)?;
        let pool = SqlitePoolOptions::new()
            .max_connections(READING_CONNECTIONS)
            .connect_lazy_with(options.clone().read_only(true).create_if_missing(false));
        Ok((Self { options, pool }, identity))
    }

    /// A connection to write with.
    pub(super) async fn writing(&self) -> Result<SqliteConnection, LogError> {
        SqliteConnection::connect_with(&self.options.clone().pragma("cache_size", "-65536"))
            .await
            .map_err(log_error)
    }

    /// A group's committed position on a topic.
    pub(super) async fn position(&self, group: &str, topic: Topic) -> Result<Option<i64>, LogError> {
        sqlx::query_scalar("SELECT position FROM positions WHERE group_name = ?1 AND topic = ?2")
            .bind(group)
            .bind(topic.base_name())
            .fetch_optional(&self.pool)
            .await
            .map_err(log_error)
    }

    /// The records in `from..end`, as many as the limits allow.
    pub(super) async fn records(
        &self,
        topic: Topic,
        from: i64,
        end: i64,
        limits: &BatchLimits,
    ) -> Result<Vec<StoredRecord>, LogError> {
        let sql = format!(
            "SELECT record_offset, appended_at, key, value, headers FROM {}
             WHERE record_offset >= ?1 AND record_offset < ?2 ORDER BY record_offset LIMIT ?3",
            table(topic)
        );
        let limit = i64::try_from(limits.records.max(1)).unwrap_or(i64::MAX);
        let mut rows = sqlx::query(AssertSqlSafe(sql)).bind(from).bind(end).bind(limit).fetch(&self.pool);
        let mut bytes = 0;
        let mut records = Vec::new();
        while let Some(row) = rows.try_next().await.map_err(log_error)? {
            let record = stored(topic, &row)?;
            bytes += super::tail::size(&record);
            if bytes > limits.bytes && !records.is_empty() {
                break;
            }
            records.push(record);
        }
        Ok(records)
    }
}

fn stored(topic: Topic, row: &SqliteRow) -> Result<StoredRecord, LogError> {
    let blob = |column| row.try_get::<Vec<u8>, _>(column).map(Bytes::from).map_err(log_error);
    Ok(StoredRecord {
        topic,
        partition: PARTITION,
        offset: Offset(row.try_get(0).map_err(log_error)?),
        timestamp: Timestamp(row.try_get(1).map_err(log_error)?),
        key: blob(2)?,
        value: blob(3)?,
        headers: headers::decode(row.try_get(4).map_err(log_error)?)?,
    })
}

/// Creates what is missing, in one transaction, and checks what is there.
async fn prepare(connection: &mut SqliteConnection, now: Timestamp) -> Result<LogIdentity, LogError> {
    let mut step = connection.begin_with("BEGIN IMMEDIATE").await.map_err(log_error)?;
    let identity = identity(&mut step).await?;
    sqlx::query(
        "CREATE TABLE IF NOT EXISTS positions (
            group_name TEXT NOT NULL,
            topic TEXT NOT NULL,
            position INTEGER NOT NULL,
            PRIMARY KEY (group_name, topic)
        ) STRICT, WITHOUT ROWID",
    )
    .execute(&mut *step)
    .await
    .map_err(log_error)?;
    for topic in Topic::ALL {
        create_topic(&mut step, topic).await.map_err(log_error)?;
    }
    for topic in Topic::INTERNAL {
        write_header(&mut step, topic, identity, now).await.map_err(log_error)?;
    }
    step.commit().await.map_err(log_error)?;
    Ok(identity)
}

/// Reads the identity, or mints it. Refuses a file that a newer version wrote.
async fn identity(connection: &mut SqliteConnection) -> Result<LogIdentity, LogError> {
    sqlx::query("CREATE TABLE IF NOT EXISTS log (format INTEGER NOT NULL, id BLOB NOT NULL)")
        .execute(&mut *connection)
        .await
        .map_err(log_error)?;
    let known: Option<(i64, Uuid)> = sqlx::query_as("SELECT format, id FROM log")
        .fetch_optional(&mut *connection)
        .await
        .map_err(log_error)?;
    let id = match known {
        Some((format, _)) if format > FORMAT => {
            return Err(LogError::Unusable(format!(
                "the log was written by a newer version (format {format}, this one knows {FORMAT})"
            )));
        }
        Some((_, id)) => id,
        None => {
            let id = Uuid::new_v4();
            let insert = sqlx::query("INSERT INTO log (format, id) VALUES (?1, ?2)").bind(FORMAT).bind(id);
            insert.execute(connection).await.map_err(log_error)?;
            id
        }
    };
    Ok(LogIdentity { id, partitions: 1 })
}

/// `AUTOINCREMENT` makes SQLite remember the highest offset, also once its record has expired.
async fn create_topic(connection: &mut SqliteConnection, topic: Topic) -> sqlx::Result<()> {
    let key =
        if topic.cleanup() == Cleanup::Compact { "key BLOB NOT NULL UNIQUE" } else { "key BLOB NOT NULL" };
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS {} (
            record_offset INTEGER PRIMARY KEY AUTOINCREMENT,
            appended_at INTEGER NOT NULL,
            headers BLOB NOT NULL,
            {key},
            value BLOB NOT NULL
        ) STRICT",
        table(topic)
    );
    sqlx::query(AssertSqlSafe(sql)).execute(connection).await?;
    Ok(())
}

async fn write_header(
    connection: &mut SqliteConnection,
    topic: Topic,
    identity: LogIdentity,
    now: Timestamp,
) -> sqlx::Result<()> {
    let header = LogHeader { log_id: identity.id, partitions: 1 };
    let table = table(topic);
    let sql = format!(
        "INSERT INTO {table} (record_offset, appended_at, headers, key, value)
         SELECT 0, ?1, x'', ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE record_offset = 0)"
    );
    let insert = sqlx::query(AssertSqlSafe(sql)).bind(now.0).bind(log_header::KEY).bind(header.encode());
    insert.execute(connection).await?;
    Ok(())
}
