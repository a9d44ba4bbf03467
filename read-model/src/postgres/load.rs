//! Long reads: the stitcher's memory and the query API's, each in parts and of one commit.

use std::collections::HashMap;

use backstitch_schemas::EntityRef;
use sqlx::PgPool;
use tokio::sync::mpsc;

use super::read::{self, Tx};
use crate::{
    ClaimId, EntityHead, EntityRecord, Parts, ReadModelError, RefId, RefRow, RelationRow, Revision,
    SnapshotPart, StitcherPart, TypeId, TypeRow,
    parts::{self, Sender, Stop},
    stored,
    stored_rows::{StoredEntity, StoredEntityHead, StoredHead},
};

/// Everything that the stitcher keeps in memory.
pub(super) async fn load(readers: &PgPool) -> Result<Parts<StitcherPart>, ReadModelError> {
    let mut tx = read::begin(readers).await?;
    let (channel, parts) = mpsc::channel(parts::WAITING);
    tokio::spawn(async move {
        let sender = Sender::new(channel);
        let outcome = send_stitcher_parts(&mut tx, &sender).await;
        sender.finish(outcome).await;
    });
    Ok(parts)
}

/// All final entities and relations, and the revision that they are of.
pub(super) async fn snapshot(readers: &PgPool) -> Result<(Revision, Parts<SnapshotPart>), ReadModelError> {
    let mut tx = read::begin(readers).await?;
    let head = read::head_within(&mut tx).await?;
    let (channel, parts) = mpsc::channel(parts::WAITING);
    tokio::spawn(async move {
        let sender = Sender::new(channel);
        let outcome = send_snapshot_parts(&mut tx, &sender).await;
        sender.finish(outcome).await;
    });
    Ok((head.revision, parts))
}

async fn send_stitcher_parts(tx: &mut Tx, sender: &Sender<StitcherPart>) -> Result<(), Stop> {
    let mut known = HashMap::new();
    send_refs(tx, sender, StitcherPart::Refs, |row| {
        known.insert(row.id, row.entity_ref.clone());
    })
    .await?;
    sender.send(StitcherPart::Types(types(tx).await?)).await?;
    send_claims(tx, sender, &known).await?;
    send_relations(tx, sender, StitcherPart::Relations).await?;
    let rows = sqlx::query_as!(
        StoredEntityHead,
        "SELECT ref_id, uid, claim_id, body_digest, relations_digest FROM entities",
    );
    sender
        .send_rows(rows.fetch(&mut **tx), parts::ROWS, EntityHead::try_from, StitcherPart::Entities)
        .await?;
    let head = read::head_within(tx).await?;
    sender.send(StitcherPart::Head(head)).await
}

async fn send_snapshot_parts(tx: &mut Tx, sender: &Sender<SnapshotPart>) -> Result<(), Stop> {
    send_refs(tx, sender, SnapshotPart::Refs, |_| ()).await?;
    sender.send(SnapshotPart::Types(types(tx).await?)).await?;
    let rows = sqlx::query_as!(
        StoredEntity,
        r#"SELECT ref_id, uid, body::text AS "body!", etag, revision FROM entities"#,
    );
    let entity = |row| Ok(EntityRecord::from(row));
    sender.send_rows(rows.fetch(&mut **tx), parts::BODIES, entity, SnapshotPart::Entities).await?;
    send_relations(tx, sender, SnapshotPart::Relations).await
}

async fn send_refs<P>(
    tx: &mut Tx,
    sender: &Sender<P>,
    part: fn(Vec<RefRow>) -> P,
    mut seen: impl FnMut(&RefRow),
) -> Result<(), Stop> {
    let rows = sqlx::query!("SELECT id, entity_ref FROM refs")
        .map(|row| RefRow { id: RefId(row.id), entity_ref: EntityRef::from_canonical(&row.entity_ref) });
    let convert = |row| {
        seen(&row);
        Ok(row)
    };
    sender.send_rows(rows.fetch(&mut **tx), parts::ROWS, convert, part).await
}

async fn types(tx: &mut Tx) -> Result<Vec<TypeRow>, Stop> {
    let rows = sqlx::query!("SELECT id, name FROM relation_types ORDER BY id").fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(|row| TypeRow { id: TypeId(row.id), name: row.name }).collect())
}

/// Claims share the texts of their refs with the rows that went before.
async fn send_claims(
    tx: &mut Tx,
    sender: &Sender<StitcherPart>,
    known: &HashMap<RefId, EntityRef>,
) -> Result<(), Stop> {
    let rows = sqlx::query_as!(
        StoredHead,
        r#"
        SELECT id, ref_id, provider, listing::text AS listing, identity, created_at, location_key, location_id,
            released, version, state, standing, fingerprint, form_digest, form_errors::text AS "form_errors!",
            errors_version, errors_identity, errors::text AS "errors!"
        FROM claims
        "#,
    );
    let convert = |row: StoredHead| {
        let entity_ref = known.get(&RefId(row.ref_id)).cloned();
        let entity_ref = entity_ref.ok_or_else(|| stored::damaged("a claim's ref is unknown"))?;
        row.claim(entity_ref)
    };
    sender.send_rows(rows.fetch(&mut **tx), parts::ROWS, convert, StitcherPart::Claims).await
}

async fn send_relations<P>(
    tx: &mut Tx,
    sender: &Sender<P>,
    part: fn(Vec<RelationRow>) -> P,
) -> Result<(), Stop> {
    let rows =
        sqlx::query!("SELECT source_id, type_id, target_id, originator_id FROM relations").map(|row| {
            RelationRow {
                originator: ClaimId(row.originator_id),
                source: RefId(row.source_id),
                kind: TypeId(row.type_id),
                target: RefId(row.target_id),
            }
        });
    sender.send_rows(rows.fetch(&mut **tx), parts::ROWS, Ok, part).await
}
