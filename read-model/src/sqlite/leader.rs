//! The leader row: who may commit. Times are SQLite's own clock, in milliseconds.

use std::time::Duration;

use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::{Leadership, Revision};

/// Ends whatever leadership there is.
pub(super) async fn dismiss(conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE leader SET holder = NULL, expires_at = NULL").execute(conn).await?;
    Ok(())
}

/// Takes leadership if it is free, expired, or the holder's already; each time under a new epoch.
pub(super) async fn lead(
    conn: &mut SqliteConnection,
    holder: &str,
    lease: Duration,
) -> Result<Option<Leadership>, sqlx::Error> {
    let row: Option<(i64, i64, Option<Uuid>)> = sqlx::query_as(
        "UPDATE leader
        SET holder = ?1, epoch = epoch + 1, expires_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) + ?2
        WHERE holder IS NULL OR holder = ?1
            OR expires_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER)
        RETURNING epoch, revision, log_id",
    )
    .bind(holder)
    .bind(milliseconds(lease))
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|(epoch, revision, log_id)| Leadership {
        holder: holder.to_owned(),
        epoch,
        revision: Revision(revision),
        log_id,
    }))
}

/// Extends the lease of an epoch; `false` if it is no longer the row's.
pub(super) async fn renew(
    conn: &mut SqliteConnection,
    leadership: &Leadership,
    lease: Duration,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE leader SET expires_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) + ?2
        WHERE epoch = ?1 AND holder IS NOT NULL",
    )
    .bind(leadership.epoch)
    .bind(milliseconds(lease))
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Frees the row if the epoch is still the row's. The epoch stays used, so late commits fail.
pub(super) async fn resign(conn: &mut SqliteConnection, leadership: &Leadership) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE leader SET holder = NULL, expires_at = NULL, epoch = epoch + 1 WHERE epoch = ?")
        .bind(leadership.epoch)
        .execute(conn)
        .await?;
    Ok(())
}

fn milliseconds(lease: Duration) -> i64 {
    i64::try_from(lease.as_millis()).unwrap_or(i64::MAX / 2)
}
