//! The other lists of a commit, one function each. The caller owns the transaction.

use sqlx::PgConnection;

use super::chunks::{Columns, chunks};
use crate::{
    EntityRelatedRow, EntityRow, HistoryRow, PositionRow, RefId, RefRow, RelationRow, SourceRow, TypeRow,
    stored::{self, Squeeze, Word as _},
};

/// Where reading goes on.
pub(super) async fn positions(conn: &mut PgConnection, rows: &[PositionRow]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let column = Columns(rows);
    sqlx::query!(
        r#"
        INSERT INTO positions (partition, processed_next, changes_next)
        SELECT * FROM UNNEST($1::int4[], $2::int8[], $3::int8[])
        ON CONFLICT (partition) DO UPDATE
        SET processed_next = excluded.processed_next, changes_next = excluded.changes_next
        "#,
        &column.of(|row| row.partition),
        &column.of(|row| row.processed_next),
        &column.of(|row| row.changes_next),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// New refs.
pub(super) async fn refs(conn: &mut PgConnection, rows: &[RefRow]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let column = Columns(rows);
    sqlx::query!(
        "INSERT INTO refs (id, entity_ref) SELECT * FROM UNNEST($1::int4[], $2::text[])",
        &column.of(|row| row.id.0),
        &column.of(|row| row.entity_ref.as_str()) as &[&str],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// New relation types.
pub(super) async fn types(conn: &mut PgConnection, rows: &[TypeRow]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let column = Columns(rows);
    sqlx::query!(
        "INSERT INTO relation_types (id, name) SELECT * FROM UNNEST($1::int2[], $2::text[])",
        &column.of(|row| row.id.0),
        &column.of(|row| row.name.as_str()) as &[&str],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Relations that an originator no longer implies.
pub(super) async fn relations_removed(
    conn: &mut PgConnection,
    rows: &[RelationRow],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let column = Columns(rows);
    sqlx::query!(
        r#"
        DELETE FROM relations
        USING UNNEST($1::int4[], $2::int2[], $3::int4[], $4::int8[])
            AS gone (source_id, type_id, target_id, originator_id)
        WHERE relations.source_id = gone.source_id AND relations.type_id = gone.type_id
            AND relations.target_id = gone.target_id AND relations.originator_id = gone.originator_id
        "#,
        &column.of(|row| row.source.0),
        &column.of(|row| row.kind.0),
        &column.of(|row| row.target.0),
        &column.of(|row| row.originator.0),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Relations that an originator newly implies, in the order of the index they go to.
pub(super) async fn relations_added(
    conn: &mut PgConnection,
    rows: &[RelationRow],
) -> Result<(), sqlx::Error> {
    let mut sorted = rows.to_vec();
    sorted.sort_unstable_by_key(|row| (row.source, row.kind, row.target, row.originator));
    for rows in chunks(&sorted, |_| 0) {
        let column = Columns(rows);
        sqlx::query!(
            r#"
            INSERT INTO relations (source_id, type_id, target_id, originator_id)
            SELECT * FROM UNNEST($1::int4[], $2::int2[], $3::int4[], $4::int8[])
            ON CONFLICT DO NOTHING
            "#,
            &column.of(|row| row.source.0),
            &column.of(|row| row.kind.0),
            &column.of(|row| row.target.0),
            &column.of(|row| row.originator.0),
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Final entities that are gone. Returns how many there were.
pub(super) async fn entities_removed(conn: &mut PgConnection, rows: &[RefId]) -> Result<i64, sqlx::Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    let done =
        sqlx::query!("DELETE FROM entities WHERE ref_id = ANY($1::int4[])", &Columns(rows).of(|id| id.0))
            .execute(conn)
            .await?;
    Ok(i64::try_from(done.rows_affected()).unwrap_or(i64::MAX))
}

/// Final entities that are new or have a new body. Returns how many are new.
pub(super) async fn entities(conn: &mut PgConnection, rows: &[EntityRow]) -> Result<i64, sqlx::Error> {
    let mut new = 0;
    for rows in chunks(rows, |row| row.body.len()) {
        let column = Columns(rows);
        // A row that was inserted, not updated, was never locked by a transaction.
        new += sqlx::query_scalar!(
            r#"
            WITH written AS (
                INSERT INTO entities (ref_id, claim_id, revision, uid, body_digest, relations_digest, etag, body)
                SELECT n.ref_id, n.claim_id, n.revision, n.uid, n.body_digest, n.relations_digest, n.etag,
                    n.body::json
                FROM UNNEST($1::int4[], $2::int8[], $3::int8[], $4::uuid[], $5::bytea[], $6::bytea[],
                        $7::text[], $8::text[])
                    AS n (ref_id, claim_id, revision, uid, body_digest, relations_digest, etag, body)
                ON CONFLICT (ref_id) DO UPDATE
                SET claim_id = excluded.claim_id, revision = excluded.revision, uid = excluded.uid,
                    body_digest = excluded.body_digest, relations_digest = excluded.relations_digest,
                    etag = excluded.etag, body = excluded.body
                RETURNING xmax = 0 AS inserted
            )
            SELECT count(*) FILTER (WHERE inserted) AS "inserted!" FROM written
            "#,
            &column.of(|row| row.ref_id.0),
            &column.of(|row| row.claim.0),
            &column.of(|row| row.revision.0),
            &column.of(|row| row.uid),
            &column.of(|row| stored::digest_bytes(row.body_digest)),
            &column.of(|row| stored::digest_bytes(row.relations_digest)),
            &column.of(|row| row.etag.as_str()) as &[&str],
            &column.of(|row| row.body.as_str()) as &[&str],
        )
        .fetch_one(&mut *conn)
        .await?;
    }
    Ok(new)
}

/// Final entities of which only the relations changed.
pub(super) async fn entities_related(
    conn: &mut PgConnection,
    rows: &[EntityRelatedRow],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let column = Columns(rows);
    sqlx::query!(
        r#"
        UPDATE entities SET relations_digest = n.relations_digest, etag = n.etag, revision = n.revision
        FROM UNNEST($1::int4[], $2::bytea[], $3::text[], $4::int8[])
            AS n (ref_id, relations_digest, etag, revision)
        WHERE entities.ref_id = n.ref_id
        "#,
        &column.of(|row| row.ref_id.0),
        &column.of(|row| stored::digest_bytes(row.relations_digest)),
        &column.of(|row| row.etag.as_str()) as &[&str],
        &column.of(|row| row.revision.0),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One row for each revision of the commit.
pub(super) async fn history(conn: &mut PgConnection, rows: &[HistoryRow]) -> Result<(), sqlx::Error> {
    let mut squeeze = Squeeze::new();
    for rows in chunks(rows, |row| row.body.as_ref().map_or(0, String::len)) {
        let column = Columns(rows);
        let bodies = column.of(|row| row.body.as_deref().map(|body| squeeze.frame(body)));
        sqlx::query!(
            r#"
            INSERT INTO history (revision, commit_revision, committed_at, ref_id, uid, operation, etag,
                relations_added, relations_removed, cause, body)
            SELECT n.revision, n.commit_revision, n.committed_at,
                (SELECT id FROM refs WHERE refs.entity_ref = n.entity_ref), n.uid, n.operation, n.etag,
                n.relations_added::json, n.relations_removed::json, n.cause::json, n.body
            FROM UNNEST($1::int8[], $2::int8[], $3::int8[], $4::text[], $5::uuid[], $6::text[], $7::text[],
                    $8::text[], $9::text[], $10::text[], $11::bytea[])
                AS n (revision, commit_revision, committed_at, entity_ref, uid, operation, etag,
                    relations_added, relations_removed, cause, body)
            "#,
            &column.of(|row| row.revision.0),
            &column.of(|row| row.commit.0),
            &column.of(|row| row.at.0),
            &column.of(|row| row.entity_ref.as_str()) as &[&str],
            &column.of(|row| row.uid),
            &column.of(|row| row.operation.word()) as &[&str],
            &column.of(|row| row.etag.as_str()) as &[&str],
            &column.of(|row| stored::json_list(&row.relations_added)),
            &column.of(|row| stored::json_list(&row.relations_removed)),
            &column.of(|row| stored::json(&row.cause)),
            &bodies as &[Option<Vec<u8>>],
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// States of sources.
pub(super) async fn sources(conn: &mut PgConnection, rows: &[SourceRow]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let column = Columns(rows);
    sqlx::query!(
        r#"
        INSERT INTO sources (key, state)
        SELECT n.key, n.state::json FROM UNNEST($1::text[], $2::text[]) AS n (key, state)
        ON CONFLICT (key) DO UPDATE SET state = excluded.state
        "#,
        &column.of(|row| row.key.as_str()) as &[&str],
        &column.of(|row| stored::json(&row.state)),
    )
    .execute(conn)
    .await?;
    Ok(())
}
