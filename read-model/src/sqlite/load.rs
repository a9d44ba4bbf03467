//! Long reads: the stitcher's memory and the query API's, each in parts from one read transaction.

use std::collections::HashMap;

use backstitch_schemas::EntityRef;
use futures::StreamExt as _;
use sqlx::{Sqlite, SqlitePool, Transaction};
use tokio::sync::mpsc;

use super::read;
use crate::{
    ClaimId, EntityHead, EntityRecord, Parts, ReadModelError, RefId, RefRow, RelationRow, Revision,
    SnapshotPart, StitcherPart, TypeId, TypeRow, errors,
    parts::{self, Sender, Stop},
    stored,
    stored_rows::{StoredEntity, StoredEntityHead, StoredHead},
};

type Tx = Transaction<'static, Sqlite>;

/// Everything that the stitcher keeps in memory.
pub(super) async fn load(readers: &SqlitePool) -> Result<Parts<StitcherPart>, ReadModelError> {
    let mut tx = readers.begin().await.map_err(errors::reading)?;
    let (channel, parts) = mpsc::channel(parts::WAITING);
    tokio::spawn(async move {
        let sender = Sender::new(channel);
        let outcome = send_stitcher_parts(&mut tx, &sender).await;
        sender.finish(outcome).await;
    });
    Ok(parts)
}

/// All final entities and relations, and the revision that they are of.
pub(super) async fn snapshot(
    readers: &SqlitePool,
) -> Result<(Revision, Parts<SnapshotPart>), ReadModelError> {
    let mut tx = readers.begin().await.map_err(errors::reading)?;
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
    let rows = sqlx::query_as::<_, StoredEntityHead>(
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
    let rows = sqlx::query_as::<_, StoredEntity>("SELECT ref_id, uid, body, etag, revision FROM entities");
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
    let rows = sqlx::query_as("SELECT id, entity_ref FROM refs ORDER BY id");
    let convert = |(id, text): (i32, String)| {
        let row = RefRow { id: RefId(id), entity_ref: EntityRef::from_canonical(&text) };
        seen(&row);
        Ok(row)
    };
    sender.send_rows(rows.fetch(&mut **tx), parts::ROWS, convert, part).await
}

async fn types(tx: &mut Tx) -> Result<Vec<TypeRow>, Stop> {
    let rows: Vec<(i16, String)> =
        sqlx::query_as("SELECT id, name FROM relation_types ORDER BY id").fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(|(id, name)| TypeRow { id: TypeId(id), name }).collect())
}

/// Claims share the texts of their refs with the rows that went before.
async fn send_claims(
    tx: &mut Tx,
    sender: &Sender<StitcherPart>,
    known: &HashMap<RefId, EntityRef>,
) -> Result<(), Stop> {
    let rows = sqlx::query_as::<_, StoredHead>(
        "SELECT id, ref_id, provider, listing, identity, created_at, location_key, location_id, released, version,
            state, standing, fingerprint, form_digest, form_errors, errors_version, errors_identity, errors
        FROM claims",
    );
    let convert = |row: StoredHead| {
        let entity_ref = known.get(&RefId(row.ref_id)).cloned();
        let entity_ref = entity_ref.ok_or_else(|| stored::damaged("a claim's ref is unknown"))?;
        row.claim(entity_ref)
    };
    sender.send_rows(rows.fetch(&mut **tx), parts::ROWS, convert, StitcherPart::Claims).await
}

/// All relations of one source come as one row: handing over a row costs more than reading it.
async fn send_relations<P>(
    tx: &mut Tx,
    sender: &Sender<P>,
    part: fn(Vec<RelationRow>) -> P,
) -> Result<(), Stop> {
    let mut sources = sqlx::query_as::<_, (i32, String)>(
        "SELECT source_id, group_concat(type_id || ' ' || target_id || ' ' || originator_id, ' ')
        FROM relations GROUP BY source_id",
    )
    .fetch(&mut **tx);
    let mut waiting = Vec::new();
    while let Some(row) = sources.next().await {
        let (source, numbers) = row?;
        of_source(RefId(source), &numbers, &mut waiting)?;
        if waiting.len() >= parts::ROWS {
            sender.send(part(std::mem::take(&mut waiting))).await?;
        }
    }
    if waiting.is_empty() { Ok(()) } else { sender.send(part(waiting)).await }
}

/// Reads type, target and originator of each relation of `source`.
fn of_source(source: RefId, numbers: &str, relations: &mut Vec<RelationRow>) -> Result<(), ReadModelError> {
    let numbers = numbers.split(' ').map(str::parse).collect::<Result<Vec<i64>, _>>();
    for relation in numbers.map_err(stored::damaged)?.chunks(3) {
        let [kind, target, originator] = *relation else {
            return Err(stored::damaged("a relation has a type, a target and an originator"));
        };
        relations.push(RelationRow {
            source,
            kind: TypeId(i16::try_from(kind).map_err(stored::damaged)?),
            target: RefId(i32::try_from(target).map_err(stored::damaged)?),
            originator: ClaimId(originator),
        });
    }
    Ok(())
}
