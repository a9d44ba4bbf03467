//! The leader row: who may commit, and from which session. Times are the database's clock.

use std::time::Duration;

use sqlx::{PgConnection, PgExecutor};

use crate::{Leadership, Revision};

/// Takes leadership for the session of `conn` if it is free, expired, or the holder's already; each
/// time under a new epoch.
pub(super) async fn lead(
    conn: &mut PgConnection,
    holder: &str,
    lease: Duration,
) -> Result<Option<Leadership>, sqlx::Error> {
    end_expired_session(conn, holder).await;
    let row = sqlx::query!(
        r#"
        UPDATE leader
        SET holder = $1, epoch = epoch + 1, expires_at = clock_timestamp() + make_interval(secs => $2),
            backend = session.pid, backend_started_at = session.backend_start
        FROM pg_stat_activity session
        WHERE session.pid = pg_backend_pid()
            AND (holder IS NULL OR holder = $1 OR expires_at <= clock_timestamp())
        RETURNING epoch, revision, log_id
        "#,
        holder,
        lease.as_secs_f64(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Leadership {
        holder: holder.to_owned(),
        epoch: row.epoch,
        revision: Revision(row.revision),
        log_id: row.log_id,
    }))
}

/// A leader that froze in the middle of a commit holds the lock on the row; ending its session frees
/// it. Not being allowed to is no error here: a session that is idle is shut out by its epoch.
async fn end_expired_session(conn: &mut PgConnection, holder: &str) {
    let ended = sqlx::query!(
        r#"
        SELECT pg_terminate_backend(session.pid, 5000) AS ended
        FROM leader
        JOIN pg_stat_activity session
            ON session.pid = leader.backend AND session.backend_start = leader.backend_started_at
        WHERE session.pid <> pg_backend_pid()
            AND (leader.holder = $1 OR leader.expires_at <= clock_timestamp())
        "#,
        holder,
    )
    .fetch_optional(conn)
    .await;
    if let Err(error) = ended {
        tracing::warn!(%error, "the session of the last leader was not ended");
    }
}

/// Ends the session that commits for an epoch, so that what became of its last commit is settled.
pub(super) async fn end_session(db: impl PgExecutor<'_>, epoch: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        SELECT pg_terminate_backend(session.pid, 5000) AS ended
        FROM leader
        JOIN pg_stat_activity session
            ON session.pid = leader.backend AND session.backend_start = leader.backend_started_at
        WHERE leader.epoch = $1
        "#,
        epoch,
    )
    .fetch_optional(db)
    .await?;
    Ok(())
}

/// Makes the session of `conn` the one that commits for an epoch; `false` if another one leads.
pub(super) async fn adopt(conn: &mut PgConnection, epoch: i64) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        r#"
        UPDATE leader SET backend = session.pid, backend_started_at = session.backend_start
        FROM pg_stat_activity session
        WHERE session.pid = pg_backend_pid() AND epoch = $1
        "#,
        epoch,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Extends the lease of an epoch; `false` if it is no longer the row's.
pub(super) async fn renew(
    db: impl PgExecutor<'_>,
    leadership: &Leadership,
    lease: Duration,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        r#"
        UPDATE leader SET expires_at = clock_timestamp() + make_interval(secs => $2)
        WHERE epoch = $1 AND holder IS NOT NULL
        "#,
        leadership.epoch,
        lease.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Frees the row if the epoch is still the row's. The epoch stays used, so late commits fail.
pub(super) async fn resign(db: impl PgExecutor<'_>, leadership: &Leadership) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        UPDATE leader
        SET holder = NULL, expires_at = NULL, backend = NULL, backend_started_at = NULL, epoch = epoch + 1
        WHERE epoch = $1
        "#,
        leadership.epoch,
    )
    .execute(db)
    .await?;
    Ok(())
}
