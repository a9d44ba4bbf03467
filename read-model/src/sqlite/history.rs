//! What changed, and when that is forgotten.

use backstitch_schemas::{EntityRef, Timestamp};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, SqlitePool};

use super::read::{head_within, limit};
use crate::{
    HistoryRow, ReadModelError, RelationsChange, Revision, errors, stored,
    stored_rows::{StoredBody, StoredChange, StoredRelationsChange},
};

const CHANGE: &str = "SELECT h.revision, h.commit_revision, h.committed_at, r.entity_ref, h.operation, h.uid,
        h.etag, h.relations_added, h.relations_removed, h.cause, h.body
    FROM history h JOIN refs r ON r.id = h.ref_id";

/// The changes of whole commits after `since`; see the trait.
pub(super) async fn changes_since(
    readers: &SqlitePool,
    since: Revision,
    rows: usize,
) -> Result<Option<Vec<HistoryRow>>, ReadModelError> {
    let mut tx = readers.begin().await.map_err(errors::reading)?;
    let head = head_within(&mut tx).await?;
    if !head.reaches_back_to(since) {
        return Ok(None);
    }
    let wanted = since.0.saturating_add(limit(rows.max(1)));
    let last: Option<i64> = sqlx::query_scalar(
        "SELECT commit_revision FROM history WHERE revision >= ? ORDER BY revision LIMIT 1",
    )
    .bind(wanted)
    .fetch_optional(&mut *tx)
    .await
    .map_err(errors::reading)?;
    between(&mut tx, since, last.map_or(head.revision, Revision)).await.map(Some)
}

/// The next changes after `since`; see the trait.
pub(super) async fn history_after(
    readers: &SqlitePool,
    since: Revision,
    rows: usize,
) -> Result<Option<Vec<HistoryRow>>, ReadModelError> {
    let mut tx = readers.begin().await.map_err(errors::reading)?;
    let head = head_within(&mut tx).await?;
    if !head.reaches_back_to(since) {
        return Ok(None);
    }
    // Revisions have no gaps.
    let last = Revision(since.0.saturating_add(limit(rows))).min(head.revision);
    between(&mut tx, since, last).await.map(Some)
}

/// Changes after one revision and up to another, oldest first.
async fn between(
    conn: &mut SqliteConnection,
    after: Revision,
    last: Revision,
) -> Result<Vec<HistoryRow>, ReadModelError> {
    let sql = format!("{CHANGE} WHERE h.revision > ? AND h.revision <= ? ORDER BY h.revision");
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(after.0).bind(last.0);
    StoredChange::history(query.fetch_all(conn).await.map_err(errors::reading)?)
}

/// What changed the relations of some refs after `since`, oldest first.
pub(super) async fn relations_after(
    readers: &SqlitePool,
    refs: &[EntityRef],
    since: Revision,
) -> Result<Vec<RelationsChange>, ReadModelError> {
    let changes: Vec<StoredRelationsChange> = sqlx::query_as(
        "SELECT h.revision, r.entity_ref, h.operation, h.relations_added, h.relations_removed
        FROM json_each(?) AS j
        JOIN refs r ON r.entity_ref = j.value
        JOIN history h ON h.ref_id = r.id
        WHERE h.revision > ?
        ORDER BY h.revision",
    )
    .bind(stored::json(refs))
    .bind(since.0)
    .fetch_all(readers)
    .await
    .map_err(errors::reading)?;
    StoredRelationsChange::changes(changes)
}

/// The bodies that some refs had at a revision.
pub(super) async fn bodies_at(
    readers: &SqlitePool,
    refs: &[EntityRef],
    at: Revision,
) -> Result<Vec<(EntityRef, String)>, ReadModelError> {
    let bodies: Vec<StoredBody> = sqlx::query_as(
        "SELECT r.entity_ref, (
            SELECT h.body FROM history h
            WHERE h.ref_id = r.id AND h.revision <= ? AND (h.body IS NOT NULL OR h.operation = 'deleted')
            ORDER BY h.revision DESC
            LIMIT 1
        ) AS body
        FROM json_each(?) AS j
        JOIN refs r ON r.entity_ref = j.value",
    )
    .bind(at.0)
    .bind(stored::json(refs))
    .fetch_all(readers)
    .await
    .map_err(errors::reading)?;
    StoredBody::bodies(bodies)
}

/// The history of one ref, newest first.
pub(super) async fn history_of(
    readers: &SqlitePool,
    entity_ref: &EntityRef,
    rows: usize,
) -> Result<Vec<HistoryRow>, ReadModelError> {
    let sql = format!("{CHANGE} WHERE r.entity_ref = ? ORDER BY h.revision DESC LIMIT ?");
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(entity_ref.as_str()).bind(limit(rows));
    StoredChange::history(query.fetch_all(readers).await.map_err(errors::reading)?)
}

/// The newest changes, newest first.
pub(super) async fn latest_changes(
    readers: &SqlitePool,
    rows: usize,
) -> Result<Vec<HistoryRow>, ReadModelError> {
    let sql = format!("{CHANGE} ORDER BY h.revision DESC LIMIT ?");
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(limit(rows));
    StoredChange::history(query.fetch_all(readers).await.map_err(errors::reading)?)
}

/// Forgets the history of whole commits that were made before `before`, but for the last body of each
/// entity: what changes later had it before.
pub(super) async fn prune_history(
    conn: &mut SqliteConnection,
    before: Timestamp,
) -> Result<u64, ReadModelError> {
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await.map_err(errors::reading)?;
    // Revisions and times grow together, so the first row that stays bounds those that go.
    let last: Option<i64> = sqlx::query_scalar(
        "SELECT COALESCE(
            (SELECT revision - 1 FROM history WHERE committed_at >= ? ORDER BY revision LIMIT 1),
            (SELECT max(revision) FROM history))",
    )
    .bind(before.0)
    .fetch_one(&mut *tx)
    .await
    .map_err(errors::reading)?;
    let Some(last) = last else { return Ok(0) };
    let gone = sqlx::query(
        "DELETE FROM history WHERE revision <= ?1 AND (body IS NULL OR EXISTS (
            SELECT 1 FROM history AS later
            WHERE later.ref_id = history.ref_id AND later.revision > history.revision AND later.revision <= ?1
                AND (later.body IS NOT NULL OR later.operation = 'deleted')))",
    )
    .bind(last)
    .execute(&mut *tx)
    .await
    .map_err(errors::reading)?;
    sqlx::query("UPDATE leader SET history_from = max(history_from, ?)")
        .bind(last)
        .execute(&mut *tx)
        .await
        .map_err(errors::reading)?;
    tx.commit().await.map_err(errors::reading)?;
    Ok(gone.rows_affected())
}
