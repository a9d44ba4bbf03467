//! Reads of the history.

use backstitch_schemas::EntityRef;
use sqlx::{PgConnection, PgPool};

use super::read::{begin, head_within, limit};
use crate::{HistoryRow, ReadModelError, Revision, errors, stored_rows::StoredChange};

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
