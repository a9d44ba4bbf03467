//! What changed, and when that is forgotten.

use backstitch_schemas::{EntityRef, Timestamp};
use sqlx::{Connection as _, PgConnection, PgPool};

use super::read::{begin, head_within, limit};
use crate::{
    HistoryRow, ReadModelError, RelationsChange, Revision, errors,
    stored_rows::{StoredBody, StoredChange, StoredRelationsChange},
};

/// The changes of whole commits after `since`; see the trait.
pub(super) async fn changes_since(
    readers: &PgPool,
    since: Revision,
    rows: usize,
) -> Result<Option<Vec<HistoryRow>>, ReadModelError> {
    let mut tx = begin(readers).await?;
    let head = head_within(&mut tx).await?;
    if !head.reaches_back_to(since) {
        return Ok(None);
    }
    let last = sqlx::query_scalar!(
        "SELECT commit_revision FROM history WHERE revision >= $1 ORDER BY revision LIMIT 1",
        since.0.saturating_add(limit(rows.max(1))),
    )
    .fetch_optional(&mut *tx)
    .await
    .map_err(errors::reading)?;
    let changes = between(&mut tx, since, last.map_or(head.revision, Revision)).await;
    StoredChange::history(changes.map_err(errors::reading)?).map(Some)
}

/// The next changes after `since`; see the trait.
pub(super) async fn history_after(
    readers: &PgPool,
    since: Revision,
    rows: usize,
) -> Result<Option<Vec<HistoryRow>>, ReadModelError> {
    let mut tx = begin(readers).await?;
    let head = head_within(&mut tx).await?;
    if !head.reaches_back_to(since) {
        return Ok(None);
    }
    // Revisions have no gaps.
    let last = Revision(since.0.saturating_add(limit(rows))).min(head.revision);
    let changes = between(&mut tx, since, last).await;
    StoredChange::history(changes.map_err(errors::reading)?).map(Some)
}

/// What changed the relations of some refs after `since`, oldest first.
pub(super) async fn relations_after(
    readers: &PgPool,
    refs: &[EntityRef],
    since: Revision,
) -> Result<Vec<RelationsChange>, ReadModelError> {
    let refs: Vec<_> = refs.iter().map(|entity_ref| entity_ref.as_str().to_owned()).collect();
    let changes = sqlx::query_as!(
        StoredRelationsChange,
        r#"
        SELECT h.revision, r.entity_ref, h.operation,
            h.relations_added::text AS "relations_added!", h.relations_removed::text AS "relations_removed!"
        FROM refs r JOIN history h ON h.ref_id = r.id
        WHERE r.entity_ref = ANY($1::text[]) AND h.revision > $2
        ORDER BY h.revision
        "#,
        &refs,
        since.0,
    )
    .fetch_all(readers)
    .await
    .map_err(errors::reading)?;
    StoredRelationsChange::changes(changes)
}

/// The bodies that some refs had at a revision.
pub(super) async fn bodies_at(
    readers: &PgPool,
    refs: &[EntityRef],
    at: Revision,
) -> Result<Vec<(EntityRef, String)>, ReadModelError> {
    let refs: Vec<_> = refs.iter().map(|entity_ref| entity_ref.as_str().to_owned()).collect();
    let bodies = sqlx::query_as!(
        StoredBody,
        r#"
        SELECT r.entity_ref, h.body
        FROM refs r
        CROSS JOIN LATERAL (
            SELECT h.body FROM history h
            WHERE h.ref_id = r.id AND h.revision <= $2 AND (h.body IS NOT NULL OR h.operation = 'deleted')
            ORDER BY h.revision DESC
            LIMIT 1
        ) h
        WHERE r.entity_ref = ANY($1::text[])
        "#,
        &refs,
        at.0,
    )
    .fetch_all(readers)
    .await
    .map_err(errors::reading)?;
    StoredBody::bodies(bodies)
}

/// The history of one ref, newest first.
pub(super) async fn history_of(
    readers: &PgPool,
    entity_ref: &EntityRef,
    rows: usize,
) -> Result<Vec<HistoryRow>, ReadModelError> {
    let mut tx = begin(readers).await?;
    let revisions = sqlx::query_scalar!(
        r#"
        SELECT revision FROM history
        WHERE ref_id = (SELECT id FROM refs WHERE entity_ref = $1)
        ORDER BY revision DESC
        LIMIT $2
        "#,
        entity_ref.as_str(),
        limit(rows),
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(errors::reading)?;
    StoredChange::history(at(&mut tx, &revisions).await.map_err(errors::reading)?)
}

/// The newest changes, newest first.
pub(super) async fn latest_changes(readers: &PgPool, rows: usize) -> Result<Vec<HistoryRow>, ReadModelError> {
    let mut tx = begin(readers).await?;
    let revisions =
        sqlx::query_scalar!("SELECT revision FROM history ORDER BY revision DESC LIMIT $1", limit(rows))
            .fetch_all(&mut *tx)
            .await
            .map_err(errors::reading)?;
    StoredChange::history(at(&mut tx, &revisions).await.map_err(errors::reading)?)
}

/// Changes after one revision and up to another, oldest first.
async fn between(
    conn: &mut PgConnection,
    after: Revision,
    last: Revision,
) -> Result<Vec<StoredChange>, sqlx::Error> {
    sqlx::query_as!(
        StoredChange,
        r#"
        SELECT h.revision, h.commit_revision, h.committed_at, r.entity_ref, h.operation, h.uid, h.etag,
            h.relations_added::text AS "relations_added!", h.relations_removed::text AS "relations_removed!",
            h.cause::text AS "cause!", h.body
        FROM history h JOIN refs r ON r.id = h.ref_id
        WHERE h.revision > $1 AND h.revision <= $2
        ORDER BY h.revision
        "#,
        after.0,
        last.0,
    )
    .fetch_all(conn)
    .await
}

/// Changes with these revisions, newest first.
async fn at(conn: &mut PgConnection, revisions: &[i64]) -> Result<Vec<StoredChange>, sqlx::Error> {
    sqlx::query_as!(
        StoredChange,
        r#"
        SELECT h.revision, h.commit_revision, h.committed_at, r.entity_ref, h.operation, h.uid, h.etag,
            h.relations_added::text AS "relations_added!", h.relations_removed::text AS "relations_removed!",
            h.cause::text AS "cause!", h.body
        FROM history h JOIN refs r ON r.id = h.ref_id
        WHERE h.revision = ANY($1::int8[])
        ORDER BY h.revision DESC
        "#,
        revisions,
    )
    .fetch_all(conn)
    .await
}

/// Forgets the history of whole commits that were made before `before`, but for the last body of each
/// entity: what changes later had it before.
pub(super) async fn prune_history(conn: &mut PgConnection, before: Timestamp) -> Result<u64, sqlx::Error> {
    let mut tx = conn.begin().await?;
    // Revisions and times grow together, so the first row that stays bounds those that go.
    let last = sqlx::query_scalar!(
        r#"
        SELECT COALESCE(
            (SELECT revision - 1 FROM history WHERE committed_at >= $1 ORDER BY revision LIMIT 1),
            (SELECT max(revision) FROM history))
        "#,
        before.0,
    )
    .fetch_one(&mut *tx)
    .await?;
    let Some(last) = last else { return Ok(0) };
    sqlx::query!("UPDATE leader SET history_from = greatest(history_from, $1)", last)
        .execute(&mut *tx)
        .await?;
    let gone = sqlx::query!(
        r#"
        DELETE FROM history
        WHERE revision <= $1 AND (body IS NULL OR EXISTS (
            SELECT 1 FROM history AS later
            WHERE later.ref_id = history.ref_id AND later.revision > history.revision AND later.revision <= $1
                AND (later.body IS NOT NULL OR later.operation = 'deleted')))
        "#,
        last,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(gone.rows_affected())
}
