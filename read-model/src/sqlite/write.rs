//! One list of a commit each. The caller owns the transaction.

use sqlx::SqliteConnection;

use super::insert::Insert;
use crate::{
    ClaimErrorsRow, ClaimId, ClaimRow, Commit, EntityRelatedRow, EntityRow, PositionRow, RefId, RefRow,
    RelationRow, SourceRow, Standing, TypeRow,
    stored::{self, Squeeze, Word as _},
};

/// Where reading goes on.
pub(super) async fn positions(conn: &mut SqliteConnection, rows: &[PositionRow]) -> Result<(), sqlx::Error> {
    let insert = Insert {
        into: "INSERT INTO positions (partition, processed_next, changes_next)",
        columns: 3,
        then: "ON CONFLICT (partition) DO UPDATE
            SET processed_next = excluded.processed_next, changes_next = excluded.changes_next",
    };
    insert
        .rows(conn, rows, |values, row| {
            values.add(row.partition).add(row.processed_next).add(row.changes_next);
        })
        .await
}

/// New refs.
pub(super) async fn refs(conn: &mut SqliteConnection, rows: &[RefRow]) -> Result<(), sqlx::Error> {
    let insert = Insert { into: "INSERT INTO refs (id, entity_ref)", columns: 2, then: "" };
    insert
        .rows(conn, rows, |values, row| {
            values.add(row.id.0).add(row.entity_ref.as_str());
        })
        .await
}

/// New relation types.
pub(super) async fn types(conn: &mut SqliteConnection, rows: &[TypeRow]) -> Result<(), sqlx::Error> {
    let insert = Insert { into: "INSERT INTO relation_types (id, name)", columns: 2, then: "" };
    insert
        .rows(conn, rows, |values, row| {
            values.add(row.id.0).add(row.name.as_str());
        })
        .await
}

/// Claims made or changed, whole rows. Ref, provider and listing of a claim never change.
pub(super) async fn claims(conn: &mut SqliteConnection, rows: &[ClaimRow]) -> Result<(), sqlx::Error> {
    let insert = Insert {
        into:
            "INSERT INTO claims (id, ref_id, provider, listing, identity, created_at, location_key, released,
            version, state, standing, fingerprint, form_digest, form_errors, errors_version, errors_identity,
            errors, form, location_id)",
        columns: 19,
        then: "ON CONFLICT (id) DO UPDATE SET
            identity = excluded.identity, created_at = excluded.created_at,
            location_key = excluded.location_key, released = excluded.released, version = excluded.version,
            state = excluded.state, standing = excluded.standing, fingerprint = excluded.fingerprint,
            form_digest = excluded.form_digest, form_errors = excluded.form_errors,
            errors_version = excluded.errors_version, errors_identity = excluded.errors_identity,
            errors = excluded.errors, form = excluded.form, location_id = excluded.location_id",
    };
    insert
        .rows(conn, rows, |values, row| {
            values.add(row.id.0).add(row.ref_id.0).add(row.key.provider.as_str());
            values.add(stored::listing(&row.key)).add(row.identity.0).add(row.created_at.0);
            values.add(row.location_key.as_deref()).add(row.released).add(row.version);
            values.add(row.state.word()).add(row.standing.word()).add(row.fingerprint.as_str());
            values.add(stored::digest_bytes(row.form_digest)).add(stored::json_list(&row.form_errors));
            values
                .add(row.errors_version)
                .add(row.errors_identity)
                .add(stored::json_errors(&row.errors, row.errors_owner.as_ref()));
            values.add(row.form.as_deref()).add(row.location_id.map(|id| id.0));
        })
        .await
}

/// Errors parts of claims whose form stays.
pub(super) async fn claim_errors(
    conn: &mut SqliteConnection,
    rows: &[ClaimErrorsRow],
) -> Result<(), sqlx::Error> {
    for row in rows {
        sqlx::query(
            "UPDATE claims SET errors_version = ?2, errors_identity = ?3, errors = ?4, standing = ?5 WHERE id = ?1",
        )
        .bind(row.id.0)
        .bind(row.errors_version)
        .bind(row.errors_identity)
        .bind(stored::json_errors(&row.errors, row.errors_owner.as_ref()))
        .bind(row.standing.word())
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Standings of claims that are otherwise as they were.
pub(super) async fn standings(
    conn: &mut SqliteConnection,
    rows: &[(ClaimId, Standing)],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = rows.iter().map(|(id, standing)| (id.0, standing.word())).collect();
    sqlx::query(
        "UPDATE claims SET standing = j.value ->> 1 FROM json_each(?) AS j WHERE claims.id = j.value ->> 0",
    )
    .bind(stored::json(&rows))
    .execute(conn)
    .await?;
    Ok(())
}

/// Relations that an originator no longer implies.
pub(super) async fn relations_removed(
    conn: &mut SqliteConnection,
    rows: &[RelationRow],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> =
        rows.iter().map(|row| (row.source.0, row.kind.0, row.target.0, row.originator.0)).collect();
    sqlx::query(
        "DELETE FROM relations WHERE (source_id, type_id, target_id, originator_id) IN (
            SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3 FROM json_each(?) AS j)",
    )
    .bind(stored::json(&rows))
    .execute(conn)
    .await?;
    Ok(())
}

/// Relations that an originator newly implies, in the order of the tree they go to.
pub(super) async fn relations_added(
    conn: &mut SqliteConnection,
    rows: &[RelationRow],
) -> Result<(), sqlx::Error> {
    let mut sorted = rows.to_vec();
    sorted.sort_unstable_by_key(|row| (row.source, row.kind, row.target, row.originator));
    let insert = Insert {
        into: "INSERT INTO relations (source_id, type_id, target_id, originator_id)",
        columns: 4,
        then: "ON CONFLICT DO NOTHING",
    };
    insert
        .rows(conn, &sorted, |values, row| {
            values.add(row.source.0).add(row.kind.0).add(row.target.0).add(row.originator.0);
        })
        .await
}

/// Final entities that are gone. Returns how many there were.
pub(super) async fn entities_removed(
    conn: &mut SqliteConnection,
    rows: &[RefId],
) -> Result<i64, sqlx::Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    let ids: Vec<_> = rows.iter().map(|id| id.0).collect();
    let done = sqlx::query("DELETE FROM entities WHERE ref_id IN (SELECT value FROM json_each(?))")
        .bind(stored::json(&ids))
        .execute(conn)
        .await?;
    Ok(i64::try_from(done.rows_affected()).unwrap_or(i64::MAX))
}

/// Final entities that are new or have a new body. Returns how many are new.
pub(super) async fn entities(conn: &mut SqliteConnection, rows: &[EntityRow]) -> Result<i64, sqlx::Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    let ids: Vec<_> = rows.iter().map(|row| row.ref_id.0).collect();
    let known: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM json_each(?) AS j JOIN entities ON entities.ref_id = j.value",
    )
    .bind(stored::json(&ids))
    .fetch_one(&mut *conn)
    .await?;
    let insert = Insert {
        into: "INSERT INTO entities (ref_id, uid, claim_id, body_digest, relations_digest, etag, revision, body)",
        columns: 8,
        then: "ON CONFLICT (ref_id) DO UPDATE SET
            uid = excluded.uid, claim_id = excluded.claim_id, body_digest = excluded.body_digest,
            relations_digest = excluded.relations_digest, etag = excluded.etag,
            revision = excluded.revision, body = excluded.body",
    };
    insert
        .rows(conn, rows, |values, row| {
            values.add(row.ref_id.0).add(row.uid).add(row.claim.0);
            values.add(stored::digest_bytes(row.body_digest)).add(stored::digest_bytes(row.relations_digest));
            values.add(row.etag.as_str()).add(row.revision.0).add(row.body.as_str());
        })
        .await?;
    Ok(i64::try_from(rows.len()).unwrap_or(i64::MAX) - known)
}

/// Final entities of which only the relations changed.
pub(super) async fn entities_related(
    conn: &mut SqliteConnection,
    rows: &[EntityRelatedRow],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (row.ref_id.0, row.relations_digest.to_string(), &row.etag, row.revision.0))
        .collect();
    sqlx::query(
        "UPDATE entities SET relations_digest = unhex(j.value ->> 1), etag = j.value ->> 2,
            revision = j.value ->> 3
        FROM json_each(?) AS j WHERE entities.ref_id = j.value ->> 0",
    )
    .bind(stored::json(&rows))
    .execute(conn)
    .await?;
    Ok(())
}

/// One row for each revision of the commit.
pub(super) async fn history(conn: &mut SqliteConnection, commit: &Commit) -> Result<(), sqlx::Error> {
    let insert = Insert {
        into: "INSERT INTO history (revision, commit_revision, committed_at, operation, uid, etag,
            relations_added, relations_removed, cause, body, ref_id)
            SELECT column1, column2, column3, column4, column5, column6, column7, column8, column9, column10,
                (SELECT id FROM refs WHERE entity_ref = column11)
            FROM (",
        columns: 11,
        then: ")",
    };
    let mut squeeze = Squeeze::new();
    insert
        .rows(conn, &commit.history, |values, row| {
            values.add(row.revision.0).add(row.commit.0).add(row.at.0).add(row.operation.word());
            values.add(row.uid).add(row.etag.as_str()).add(stored::json_list(&row.relations_added));
            values.add(stored::json_list(&row.relations_removed)).add(stored::json(&row.cause));
            values.add(row.body.as_deref().map(|body| squeeze.frame(body))).add(row.entity_ref.as_str());
        })
        .await
}

/// States of sources.
pub(super) async fn sources(conn: &mut SqliteConnection, rows: &[SourceRow]) -> Result<(), sqlx::Error> {
    let insert = Insert {
        into: "INSERT INTO sources (key, state)",
        columns: 2,
        then: "ON CONFLICT (key) DO UPDATE SET state = excluded.state",
    };
    insert
        .rows(conn, rows, |values, row| {
            values.add(row.key.as_str()).add(stored::json(&row.state));
        })
        .await
}
