//! The lists of a commit that are about claims. The caller owns the transaction.

use sqlx::PgConnection;
use uuid::Uuid;

use super::chunks::{Columns, chunks};
use crate::{
    ClaimErrorsRow, ClaimId, ClaimRow, Standing,
    stored::{self, Word as _},
};

/// Claims made or changed, whole rows. Ref, provider and listing of a claim never change.
pub(super) async fn claims(conn: &mut PgConnection, rows: &[ClaimRow]) -> Result<(), sqlx::Error> {
    let size = |row: &ClaimRow| row.form.as_ref().map_or(0, String::len);
    for rows in chunks(rows, size) {
        upsert(conn, rows).await?;
    }
    Ok(())
}

async fn upsert(conn: &mut PgConnection, rows: &[ClaimRow]) -> Result<(), sqlx::Error> {
    let column = Columns(rows);
    sqlx::query_file!(
        "src/postgres/upsert_claims.sql",
        &column.of(|row| row.id.0),
        &column.of(|row| row.ref_id.0),
        &column.of(|row| row.released),
        &column.of(|row| row.version),
        &column.of(|row| row.errors_version),
        &column.of(|row| row.created_at.0),
        &column.of(|row| row.identity.0),
        &column.of(|row| row.errors_identity),
        &column.of(|row| stored::digest_bytes(row.form_digest)),
        &column.of(|row| row.key.provider.as_str()) as &[&str],
        &column.of(|row| stored::listing(&row.key)) as &[Option<String>],
        &column.of(|row| row.location_key.as_deref()) as &[Option<&str>],
        &column.of(|row| row.state.word()) as &[&str],
        &column.of(|row| row.standing.word()) as &[&str],
        &column.of(|row| row.fingerprint.as_str()) as &[&str],
        &column.of(|row| stored::json_list(&row.form_errors)),
        &column.of(|row| stored::json_errors(&row.errors, row.errors_owner.as_ref())),
        &column.of(|row| row.form.as_deref()) as &[Option<&str>],
        &column.of(|row| row.location_id.map(|id| id.0)) as &[Option<Uuid>],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Errors parts of claims whose form stays.
pub(super) async fn claim_errors(
    conn: &mut PgConnection,
    rows: &[ClaimErrorsRow],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let column = Columns(rows);
    let identities: Vec<Uuid> = column.of(|row| row.errors_identity);
    sqlx::query!(
        r#"
        UPDATE claims SET errors_version = n.errors_version, errors_identity = n.errors_identity,
            errors = n.errors::json, standing = n.standing
        FROM UNNEST($1::int8[], $2::int8[], $3::uuid[], $4::text[], $5::text[])
            AS n (id, errors_version, errors_identity, errors, standing)
        WHERE claims.id = n.id
        "#,
        &column.of(|row| row.id.0),
        &column.of(|row| row.errors_version),
        &identities,
        &column.of(|row| stored::json_errors(&row.errors, row.errors_owner.as_ref())),
        &column.of(|row| row.standing.word()) as &[&str],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Standings of claims that are otherwise as they were.
pub(super) async fn standings(
    conn: &mut PgConnection,
    rows: &[(ClaimId, Standing)],
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let column = Columns(rows);
    sqlx::query!(
        r#"
        UPDATE claims SET standing = n.standing
        FROM UNNEST($1::int8[], $2::text[]) AS n (id, standing)
        WHERE claims.id = n.id
        "#,
        &column.of(|(id, _)| id.0),
        &column.of(|(_, standing)| standing.word()) as &[&str],
    )
    .execute(conn)
    .await?;
    Ok(())
}
