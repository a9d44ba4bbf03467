//! One commit, one transaction.

use sqlx::{Connection as _, SqliteConnection};
use uuid::Uuid;

use super::write;
use crate::{Commit, CommitError, Leadership, Revision, errors, guard::LeaderRow};

/// Makes a commit if the leader row allows it.
pub(super) async fn commit(
    conn: &mut SqliteConnection,
    leadership: &Leadership,
    commit: &Commit,
) -> Result<(), CommitError> {
    // IMMEDIATE takes the lock on the file, and with it on the leader row.
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await.map_err(errors::writing)?;
    leader_row(&mut tx).await.map_err(errors::writing)?.admit(leadership, commit)?;
    let entities = write_rows(&mut tx, commit).await.map_err(errors::writing)?;
    advance(&mut tx, commit, entities).await.map_err(errors::writing)?;
    tx.commit().await.map_err(errors::committing)
}

async fn leader_row(conn: &mut SqliteConnection) -> Result<LeaderRow, sqlx::Error> {
    let (epoch, revision, log_id): (i64, i64, Option<Uuid>) =
        sqlx::query_as("SELECT epoch, revision, log_id FROM leader").fetch_one(conn).await?;
    Ok(LeaderRow { epoch, revision: Revision(revision), log_id })
}

/// Writes every list; returns by how many the final entities grew.
async fn write_rows(conn: &mut SqliteConnection, commit: &Commit) -> Result<i64, sqlx::Error> {
    write::positions(conn, &commit.positions).await?;
    write::refs(conn, &commit.refs).await?;
    write::types(conn, &commit.types).await?;
    write::claims(conn, &commit.claims).await?;
    write::claim_errors(conn, &commit.claim_errors).await?;
    write::standings(conn, &commit.standings).await?;
    write::relations_removed(conn, &commit.relations_removed).await?;
    write::relations_added(conn, &commit.relations_added).await?;
    let gone = write::entities_removed(conn, &commit.entities_removed).await?;
    let new = write::entities(conn, &commit.entities).await?;
    write::entities_related(conn, &commit.entities_related).await?;
    write::history(conn, commit).await?;
    write::sources(conn, &commit.sources).await?;
    Ok(new - gone)
}

async fn advance(conn: &mut SqliteConnection, commit: &Commit, entities: i64) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE leader SET
            revision = ?1,
            history_from = iif(log_id IS NULL AND ?2 IS NOT NULL, ?3, history_from),
            log_id = COALESCE(?2, log_id),
            sources_next = COALESCE(?4, sources_next),
            entities = entities + ?5",
    )
    .bind(commit.revision.0)
    .bind(commit.log_id)
    .bind(commit.base.0)
    .bind(commit.sources_next)
    .bind(entities)
    .execute(conn)
    .await?;
    Ok(())
}
