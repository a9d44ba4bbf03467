//! The synthetic workload, as the read model holds it.

use std::collections::BTreeMap;

use backstitch_read_model::{
    ClaimId, EntityRecord, HistoryOperation, HistoryRow, RefId, RefRow, RelationRow, Revision, SnapshotPart,
    TypeId, TypeRow,
};
use backstitch_schemas::{
    Digest, EntityRef, Timestamp, canonical,
    change::{Cause, CauseKind},
    model::{Model, relations_of},
};
use serde_json::Value;
use uuid::Uuid;

/// All parts of a snapshot.
pub(crate) fn snapshot(entities: &[Value]) -> Vec<SnapshotPart> {
    let model = Model::builtin();
    let mut refs: BTreeMap<EntityRef, RefId> = BTreeMap::new();
    let mut types: BTreeMap<String, TypeId> = BTreeMap::new();
    let (mut records, mut relations) = (Vec::new(), Vec::new());
    let mut ref_id = |entity_ref: &EntityRef| {
        let next = RefId(i32::try_from(refs.len() + 1).unwrap());
        *refs.entry(entity_ref.clone()).or_insert(next)
    };
    for entity in entities {
        let entity_ref = EntityRef::of_entity(entity).unwrap();
        records.push(EntityRecord {
            ref_id: ref_id(&entity_ref),
            uid: uid(&entity_ref),
            body: body(entity, &entity_ref),
            etag: canonical::sha1_hex(entity_ref.as_str().as_bytes()),
            revision: Revision(1),
        });
        let kind = model.kinds.iter().find(|kind| entity["kind"] == kind.kind.as_str()).unwrap();
        for relation in relations_of(kind, &entity_ref, entity).unwrap() {
            let next = TypeId(i16::try_from(types.len() + 1).unwrap());
            relations.push(RelationRow {
                originator: ClaimId(0),
                source: ref_id(&relation.source),
                kind: *types.entry(relation.kind).or_insert(next),
                target: ref_id(&relation.target),
            });
        }
    }
    let refs = refs.into_iter().map(|(entity_ref, id)| RefRow { id, entity_ref }).collect();
    let types = types.into_iter().map(|(name, id)| TypeRow { id, name }).collect();
    vec![
        SnapshotPart::Refs(refs),
        SnapshotPart::Types(types),
        SnapshotPart::Entities(records),
        SnapshotPart::Relations(relations),
    ]
}

/// Changes of the descriptions of the first `count` entities, one revision each.
pub(crate) fn changes(entities: &[Value], count: usize) -> Vec<HistoryRow> {
    let change = |(position, entity): (usize, &Value)| {
        let mut entity = entity.clone();
        entity["metadata"]["description"] = format!("Changed for the ledger, round {position}.").into();
        changed(&entity, Revision(2 + i64::try_from(position).unwrap()))
    };
    entities.iter().take(count).enumerate().map(change).collect()
}

fn changed(entity: &Value, revision: Revision) -> HistoryRow {
    let entity_ref = EntityRef::of_entity(entity).unwrap();
    HistoryRow {
        revision,
        commit: revision,
        at: Timestamp(0),
        operation: HistoryOperation::Updated,
        uid: uid(&entity_ref),
        etag: canonical::sha1_hex(revision.to_string().as_bytes()),
        body: Some(body(entity, &entity_ref)),
        relations_added: Vec::new(),
        relations_removed: Vec::new(),
        cause: Cause { kind: CauseKind::Push, detail: None, at: Timestamp(0) },
        entity_ref,
    }
}

fn uid(entity_ref: &EntityRef) -> Uuid {
    Uuid::from_u128(Digest::of(entity_ref.as_str().as_bytes()).0)
}

fn body(entity: &Value, entity_ref: &EntityRef) -> String {
    let mut entity = entity.clone();
    entity["metadata"]["uid"] = uid(entity_ref).to_string().into();
    canonical::to_string(&entity)
}
