//! One commit, one transaction.

use sqlx::{Connection as _, PgConnection};

use super::{CHANNEL, write, write_claims};
use crate::{Commit, CommitError, Leadership, Revision, errors, guard::LeaderRow};

/// Makes a commit if the leader row, locked until the end, allows it.
pub(super) async fn commit(
    conn: &mut PgConnection,
    leadership: &Leadership,
    commit: &Commit,
) -> Result<(), CommitError> {
    let mut tx = conn.begin().await.map_err(errors::writing)?;
    locked_row(&mut tx).await.map_err(errors::writing)?.admit(leadership, commit)?;
    let entities = write_rows(&mut tx, commit).await.map_err(errors::writing)?;
    advance(&mut tx, commit, entities).await.map_err(errors::writing)?;
    tx.commit().await.map_err(errors::committing)
}

async fn locked_row(conn: &mut PgConnection) -> Result<LeaderRow, sqlx::Error> {
    let row = sqlx::query!("SELECT epoch, revision, log_id FROM leader FOR UPDATE").fetch_one(conn).await?;
    Ok(LeaderRow { epoch: row.epoch, revision: Revision(row.revision), log_id: row.log_id })
}

/// Writes every list; returns by how many the final entities grew.
async fn write_rows(conn: &mut PgConnection, commit: &Commit) -> Result<i64, sqlx::Error> {
    write::positions(conn, &commit.positions).await?;
    write::refs(conn, &commit.refs).await?;
    write::types(conn, &commit.types).await?;
    write_claims::claims(conn, &commit.claims).await?;
    write_claims::claim_errors(conn, &commit.claim_errors).await?;
    write_claims::standings(conn, &commit.standings).await?;
    write::relations_removed(conn, &commit.relations_removed).await?;
    write::relations_added(conn, &commit.relations_added).await?;
    let gone = write::entities_removed(conn, &commit.entities_removed).await?;
    let new = write::entities(conn, &commit.entities).await?;
    write::entities_related(conn, &commit.entities_related).await?;
    write::history(conn, &commit.history).await?;
    write::sources(conn, &commit.sources).await?;
    Ok(new - gone)
}

/// Moves the leader row on, and tells the other processes when this is committed.
async fn advance(conn: &mut PgConnection, commit: &Commit, entities: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        WITH advanced AS (
            UPDATE leader SET
                revision = $1,
                history_from = CASE WHEN log_id IS NULL AND $2::uuid IS NOT NULL THEN $3 ELSE history_from END,
                log_id = COALESCE($2, log_id),
                sources_next = COALESCE($4, sources_next),
                entities = entities + $5
            RETURNING revision
        )
        SELECT pg_notify($6, revision::text) AS notified FROM advanced
        "#,
        commit.revision.0,
        commit.log_id,
        commit.base.0,
        commit.sources_next,
        entities,
        CHANNEL,
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}
