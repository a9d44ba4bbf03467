//! Short reads, each from one state of the file.

use backstitch_schemas::{EntityRef, ProviderName, RegisteredLocation, source::SourceState};
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection, SqlitePool};

use crate::{
    ClaimForm, ClaimId, ClaimRecord, Head, Page, PositionRow, ReadModelError, Revision, SourceRow, errors,
    stored,
    stored_rows::{StoredClaim, StoredLocation},
};

const CLAIM: &str = "SELECT r.entity_ref, c.provider, c.listing, c.identity, c.created_at, c.location_key,
        c.released, c.version, c.state, c.standing, c.form_errors, c.errors_version, c.errors,
        w.provider AS winner_provider, w.listing AS winner_listing
    FROM claims c
    JOIN refs r ON r.id = c.ref_id
    LEFT JOIN entities e ON e.ref_id = c.ref_id
    LEFT JOIN claims w ON w.id = e.claim_id";

/// Where the read model stands.
pub(super) async fn head(readers: &SqlitePool) -> Result<Head, ReadModelError> {
    let mut tx = readers.begin().await.map_err(errors::reading)?;
    head_within(&mut tx).await
}

/// Where it stands for the transaction that `conn` is in.
pub(super) async fn head_within(conn: &mut SqliteConnection) -> Result<Head, ReadModelError> {
    let row = sqlx::query("SELECT revision, epoch, entities, sources_next, history_from FROM leader")
        .fetch_one(&mut *conn)
        .await
        .map_err(errors::reading)?;
    let positions: Vec<(i32, i64, i64)> =
        sqlx::query_as("SELECT partition, processed_next, changes_next FROM positions ORDER BY partition")
            .fetch_all(conn)
            .await
            .map_err(errors::reading)?;
    let position =
        |(partition, processed_next, changes_next)| PositionRow { partition, processed_next, changes_next };
    let number = |column: &str| row.try_get::<i64, _>(column).map_err(errors::reading);
    Ok(Head {
        revision: Revision(number("revision")?),
        epoch: number("epoch")?,
        entities: number("entities")?,
        positions: positions.into_iter().map(position).collect(),
        sources_next: number("sources_next")?,
        history_from: Revision(number("history_from")?),
    })
}

/// The forms of some claims.
pub(super) async fn forms(
    readers: &SqlitePool,
    claims: &[ClaimId],
) -> Result<Vec<ClaimForm>, ReadModelError> {
    let ids: Vec<_> = claims.iter().map(|id| id.0).collect();
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "SELECT c.id, c.form FROM json_each(?) AS j JOIN claims c ON c.id = j.value WHERE c.form IS NOT NULL",
    )
    .bind(stored::json(&ids))
    .fetch_all(readers)
    .await
    .map_err(errors::reading)?;
    Ok(rows.into_iter().map(|(id, form)| ClaimForm { id: ClaimId(id), form }).collect())
}

/// All claims on one ref, in the order in which they were made.
pub(super) async fn claims_of(
    readers: &SqlitePool,
    entity_ref: &EntityRef,
) -> Result<Vec<ClaimRecord>, ReadModelError> {
    let sql = format!("{CLAIM} WHERE r.entity_ref = ? ORDER BY c.id");
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(entity_ref.as_str());
    StoredClaim::records(query.fetch_all(readers).await.map_err(errors::reading)?)
}

/// Claims of one provider on some refs.
pub(super) async fn claims_of_provider(
    readers: &SqlitePool,
    provider: &ProviderName,
    refs: &[EntityRef],
) -> Result<Vec<ClaimRecord>, ReadModelError> {
    let sql = format!(
        "{CLAIM} WHERE r.entity_ref IN (SELECT value FROM json_each(?)) AND c.provider = ? ORDER BY c.ref_id, c.id"
    );
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(stored::json(refs)).bind(provider.as_str());
    StoredClaim::records(query.fetch_all(readers).await.map_err(errors::reading)?)
}

/// Claims with errors, and refused ones.
pub(super) async fn claims_with_problems(
    readers: &SqlitePool,
    rows: usize,
) -> Result<Page<ClaimRecord>, ReadModelError> {
    page(readers, "c.has_problems", rows).await
}

/// Errors of claims and sources, each place of each ref once.
pub(super) async fn count_errors(readers: &SqlitePool) -> Result<i64, ReadModelError> {
    let count = sqlx::query_scalar(include_str!("count_errors.sql"));
    count.fetch_one(readers).await.map_err(errors::reading)
}

/// Claims that lost against another one.
pub(super) async fn conflicts(
    readers: &SqlitePool,
    rows: usize,
) -> Result<Page<ClaimRecord>, ReadModelError> {
    page(readers, "c.standing = 'loser'", rows).await
}

/// Claims on what stands in a document.
pub(super) async fn claims_in(
    readers: &SqlitePool,
    document: &str,
    rows: usize,
) -> Result<Page<ClaimRecord>, ReadModelError> {
    let sql = format!("{CLAIM} WHERE json_extract(c.listing, '$[2]') = ? ORDER BY c.ref_id, c.id");
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(document);
    let mut claims: Vec<StoredClaim> = query.fetch_all(readers).await.map_err(errors::reading)?;
    let total = i64::try_from(claims.len()).unwrap_or(i64::MAX);
    claims.truncate(rows);
    Ok(Page { items: StoredClaim::records(claims)?, total })
}

/// The first claims of a partial index. The condition must be the index's, or the table is scanned.
async fn page(
    readers: &SqlitePool,
    condition: &'static str,
    rows: usize,
) -> Result<Page<ClaimRecord>, ReadModelError> {
    let mut tx = readers.begin().await.map_err(errors::reading)?;
    let count = format!("SELECT count(*) FROM claims c WHERE {condition}");
    let total =
        sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut *tx).await.map_err(errors::reading)?;
    let sql = format!("{CLAIM} WHERE {condition} ORDER BY c.ref_id, c.id LIMIT ?");
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(limit(rows));
    let claims: Vec<StoredClaim> = query.fetch_all(&mut *tx).await.map_err(errors::reading)?;
    Ok(Page { items: StoredClaim::records(claims)?, total })
}

/// What `catalog.sources` says.
pub(super) async fn sources(readers: &SqlitePool) -> Result<Vec<SourceRow>, ReadModelError> {
    let rows: Vec<(String, String)> = sqlx::query_as("SELECT key, state FROM sources ORDER BY key")
        .fetch_all(readers)
        .await
        .map_err(errors::reading)?;
    rows.into_iter().map(|(key, state)| Ok(SourceRow { key, state: stored::of_json(&state)? })).collect()
}

/// The registered locations, by id.
pub(super) async fn locations(readers: &SqlitePool) -> Result<Vec<RegisteredLocation>, ReadModelError> {
    let rows: Vec<StoredLocation> = sqlx::query_as(
        "SELECT c.location_id, c.location_key, r.entity_ref FROM claims c JOIN refs r ON r.id = c.ref_id
        WHERE c.location_id IS NOT NULL AND c.location_key IS NOT NULL AND c.state <> 'withdrawn'
        ORDER BY c.location_id",
    )
    .fetch_all(readers)
    .await
    .map_err(errors::reading)?;
    rows.into_iter().map(RegisteredLocation::try_from).collect()
}

/// What `catalog.sources` says about one source.
pub(super) async fn source(readers: &SqlitePool, key: &str) -> Result<Option<SourceState>, ReadModelError> {
    let state: Option<String> = sqlx::query_scalar("SELECT state FROM sources WHERE key = ?")
        .bind(key)
        .fetch_optional(readers)
        .await
        .map_err(errors::reading)?;
    state.map(|state| stored::of_json(&state)).transpose()
}

pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
