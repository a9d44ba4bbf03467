//! Short reads. One that takes several statements sees one commit, in a [`Tx`].

use backstitch_schemas::{EntityRef, ProviderName, RegisteredLocation, source::SourceState};
use sqlx::{PgConnection, PgExecutor, PgPool, Postgres, Transaction};

use crate::{
    ClaimForm, ClaimId, ClaimRecord, Head, Page, PositionRow, ReadModelError, Revision, SourceRow, errors,
    stored,
    stored_rows::{StoredClaim, StoredLocation},
};

/// A transaction that reads one commit.
pub(super) type Tx = Transaction<'static, Postgres>;

/// Begins to read one commit.
pub(super) async fn begin(readers: &PgPool) -> Result<Tx, ReadModelError> {
    let begun = readers.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await;
    begun.map_err(errors::reading)
}

/// Where the read model stands.
pub(super) async fn head(readers: &PgPool) -> Result<Head, ReadModelError> {
    head_within(&mut *begin(readers).await?).await
}

/// Where it stands for the transaction that `conn` is in.
pub(super) async fn head_within(conn: &mut PgConnection) -> Result<Head, ReadModelError> {
    let row = sqlx::query!("SELECT revision, epoch, entities, sources_next, history_from FROM leader")
        .fetch_one(&mut *conn)
        .await
        .map_err(errors::reading)?;
    let positions = sqlx::query_as!(
        PositionRow,
        "SELECT partition, processed_next, changes_next FROM positions ORDER BY partition",
    )
    .fetch_all(conn)
    .await
    .map_err(errors::reading)?;
    Ok(Head {
        revision: Revision(row.revision),
        epoch: row.epoch,
        entities: row.entities,
        positions,
        sources_next: row.sources_next,
        history_from: Revision(row.history_from),
    })
}

/// The last revision.
pub(super) async fn revision(db: impl PgExecutor<'_>) -> Result<Revision, sqlx::Error> {
    sqlx::query_scalar!("SELECT revision FROM leader").fetch_one(db).await.map(Revision)
}

/// The forms of some claims.
pub(super) async fn forms(
    db: impl PgExecutor<'_>,
    claims: &[ClaimId],
) -> Result<Vec<ClaimForm>, sqlx::Error> {
    let ids: Vec<_> = claims.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT id, form::text AS "form!" FROM claims WHERE id = ANY($1::int8[]) AND form IS NOT NULL"#,
        &ids,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| ClaimForm { id: ClaimId(row.id), form: row.form }).collect())
}

/// All claims on one ref, in the order in which they were made.
pub(super) async fn claims_of(
    readers: &PgPool,
    entity_ref: &EntityRef,
) -> Result<Vec<ClaimRecord>, ReadModelError> {
    let mut tx = begin(readers).await?;
    let ids = sqlx::query_scalar!(
        "SELECT id FROM claims WHERE ref_id = (SELECT id FROM refs WHERE entity_ref = $1)",
        entity_ref.as_str(),
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(errors::reading)?;
    records(&mut tx, &ids).await
}

/// Claims of one provider on some refs.
pub(super) async fn claims_of_provider(
    readers: &PgPool,
    provider: &ProviderName,
    refs: &[EntityRef],
) -> Result<Vec<ClaimRecord>, ReadModelError> {
    let mut tx = begin(readers).await?;
    let refs: Vec<_> = refs.iter().map(EntityRef::as_str).collect();
    let ids = sqlx::query_scalar!(
        r#"
        SELECT c.id FROM refs r JOIN claims c ON c.ref_id = r.id
        WHERE r.entity_ref = ANY($1::text[]) AND c.provider = $2
        "#,
        &refs as &[&str],
        provider.as_str(),
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(errors::reading)?;
    records(&mut tx, &ids).await
}

/// Claims with errors, and refused ones.
pub(super) async fn claims_with_problems(
    readers: &PgPool,
    rows: usize,
) -> Result<Page<ClaimRecord>, ReadModelError> {
    let mut tx = begin(readers).await?;
    let total = sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM claims WHERE has_problems"#)
        .fetch_one(&mut *tx)
        .await
        .map_err(errors::reading)?;
    let ids = sqlx::query_scalar!(
        "SELECT id FROM claims WHERE has_problems ORDER BY ref_id, id LIMIT $1",
        limit(rows),
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(errors::reading)?;
    Ok(Page { items: records(&mut tx, &ids).await?, total })
}

/// Errors of claims and sources, each place of each ref once.
pub(super) async fn count_errors(readers: &PgPool) -> Result<i64, ReadModelError> {
    let count = sqlx::query_file_scalar!("src/postgres/count_errors.sql");
    count.fetch_one(readers).await.map_err(errors::reading)
}

/// Claims that lost against another one.
pub(super) async fn conflicts(readers: &PgPool, rows: usize) -> Result<Page<ClaimRecord>, ReadModelError> {
    let mut tx = begin(readers).await?;
    let total = sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM claims WHERE standing = 'loser'"#)
        .fetch_one(&mut *tx)
        .await
        .map_err(errors::reading)?;
    let ids = sqlx::query_scalar!(
        "SELECT id FROM claims WHERE standing = 'loser' ORDER BY ref_id, id LIMIT $1",
        limit(rows),
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(errors::reading)?;
    Ok(Page { items: records(&mut tx, &ids).await?, total })
}

/// Claims on what stands in a document.
pub(super) async fn claims_in(
    readers: &PgPool,
    document: &str,
    rows: usize,
) -> Result<Page<ClaimRecord>, ReadModelError> {
    let mut tx = begin(readers).await?;
    let mut ids =
        sqlx::query_scalar!("SELECT id FROM claims WHERE listing->>2 = $1 ORDER BY ref_id, id", document)
            .fetch_all(&mut *tx)
            .await
            .map_err(errors::reading)?;
    let total = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    ids.truncate(rows);
    Ok(Page { items: records(&mut tx, &ids).await?, total })
}

/// What people are told about some claims, oldest ref first.
async fn records(conn: &mut PgConnection, ids: &[i64]) -> Result<Vec<ClaimRecord>, ReadModelError> {
    let rows = sqlx::query_file_as!(StoredClaim, "src/postgres/claim_records.sql", ids)
        .fetch_all(conn)
        .await
        .map_err(errors::reading)?;
    StoredClaim::records(rows)
}

/// What `catalog.sources` says.
pub(super) async fn sources(db: impl PgExecutor<'_>) -> Result<Vec<SourceRow>, ReadModelError> {
    let rows = sqlx::query!(r#"SELECT key, state::text AS "state!" FROM sources ORDER BY key COLLATE "C""#)
        .fetch_all(db)
        .await
        .map_err(errors::reading)?;
    let source = |key, state: &str| Ok(SourceRow { key, state: stored::of_json(state)? });
    rows.into_iter().map(|row| source(row.key, &row.state)).collect()
}

/// What `catalog.sources` says about one source.
pub(super) async fn source(
    db: impl PgExecutor<'_>,
    key: &str,
) -> Result<Option<SourceState>, ReadModelError> {
    let state = sqlx::query_scalar!(r#"SELECT state::text AS "state!" FROM sources WHERE key = $1"#, key)
        .fetch_optional(db)
        .await
        .map_err(errors::reading)?;
    state.map(|state| stored::of_json(&state)).transpose()
}

/// The registered locations, by id.
pub(super) async fn locations(db: impl PgExecutor<'_>) -> Result<Vec<RegisteredLocation>, ReadModelError> {
    let rows = sqlx::query_as!(
        StoredLocation,
        r#"
        SELECT c.location_id AS "location_id!", c.location_key AS "location_key!", r.entity_ref
        FROM claims c JOIN refs r ON r.id = c.ref_id
        WHERE c.location_id IS NOT NULL AND c.location_key IS NOT NULL AND c.state <> 'withdrawn'
        ORDER BY c.location_id
        "#,
    )
    .fetch_all(db)
    .await
    .map_err(errors::reading)?;
    rows.into_iter().map(RegisteredLocation::try_from).collect()
}

/// A limit as Postgres takes it.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
