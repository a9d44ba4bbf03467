//! What commits mean, told with maps: the smallest read model there can be.

use std::collections::{BTreeMap, BTreeSet};

use backstitch_read_model::{
    ClaimForm, ClaimHead, ClaimId, ClaimRow, Commit, EntityHead, EntityRow, Head, HistoryOperation,
    HistoryRow, PositionRow, RefId, RefRow, RelationEnd, RelationRow, Revision, Standing, StitcherPart,
    TypeId, TypeRow,
};
use backstitch_schemas::{ClaimKey, EntityRef};

#[derive(Clone, Debug, Default)]
pub(crate) struct Replica {
    pub(crate) revision: Revision,
    pub(crate) refs: BTreeMap<RefId, EntityRef>,
    pub(crate) types: BTreeMap<TypeId, String>,
    pub(crate) claims: BTreeMap<ClaimId, ClaimRow>,
    pub(crate) relations: BTreeSet<RelationRow>,
    pub(crate) entities: BTreeMap<RefId, EntityRow>,
    pub(crate) history: Vec<HistoryRow>,
    pub(crate) positions: BTreeMap<i32, PositionRow>,
    pub(crate) sources: BTreeMap<String, backstitch_read_model::SourceRow>,
    pub(crate) sources_next: i64,
    pub(crate) log_id: Option<uuid::Uuid>,
}

/// A final entity as a client sees it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) uid: uuid::Uuid,
    pub(crate) etag: String,
    pub(crate) body: String,
    pub(crate) relations: BTreeSet<RelationEnd>,
}

impl Replica {
    pub(crate) fn apply(&mut self, commit: &Commit) {
        assert_eq!(commit.base, self.revision, "a commit builds on the one before");
        for row in &commit.refs {
            assert!(self.refs.insert(row.id, row.entity_ref.clone()).is_none(), "a new ref is new");
        }
        for row in &commit.types {
            assert!(self.types.insert(row.id, row.name.clone()).is_none(), "a new type is new");
        }
        self.apply_claims(commit);
        for row in &commit.relations_removed {
            assert!(self.relations.remove(row), "a removed relation was there");
        }
        for row in &commit.relations_added {
            assert!(self.relations.insert(*row), "an added relation is new");
        }
        for id in &commit.entities_removed {
            assert!(self.entities.remove(id).is_some(), "a removed entity was there");
        }
        for row in &commit.entities {
            self.entities.insert(row.ref_id, row.clone());
        }
        for row in &commit.entities_related {
            let entity = self.entities.get_mut(&row.ref_id).expect("a related entity is there");
            entity.relations_digest = row.relations_digest;
            entity.etag.clone_from(&row.etag);
            entity.revision = row.revision;
        }
        self.apply_history(commit);
        self.revision = commit.revision;
        self.positions.extend(commit.positions.iter().map(|row| (row.partition, *row)));
        self.sources.extend(commit.sources.iter().map(|row| (row.key.clone(), row.clone())));
        self.sources_next = commit.sources_next.unwrap_or(self.sources_next);
        self.log_id = commit.log_id.or(self.log_id);
    }

    fn apply_claims(&mut self, commit: &Commit) {
        let mut named = BTreeSet::new();
        for row in &commit.claims {
            assert!(named.insert(row.id), "a claim is named once");
            self.claims.insert(row.id, row.clone());
        }
        for row in &commit.claim_errors {
            assert!(named.insert(row.id), "a claim is named once");
            let claim = self.claims.get_mut(&row.id).expect("the claim is there");
            claim.errors_version = row.errors_version;
            claim.errors_identity = row.errors_identity;
            claim.errors.clone_from(&row.errors);
            claim.errors_owner.clone_from(&row.errors_owner);
            claim.standing = row.standing;
        }
        for (id, standing) in &commit.standings {
            assert!(named.insert(*id), "a claim is named once");
            self.claims.get_mut(id).expect("the claim is there").standing = *standing;
        }
    }

    fn apply_history(&mut self, commit: &Commit) {
        let mut expected = commit.base;
        for row in &commit.history {
            expected = expected.next();
            assert_eq!(row.revision, expected, "revisions have no gaps");
            assert_eq!(row.commit, commit.revision);
            let last = self.history.iter().rev().find(|old| old.entity_ref == row.entity_ref);
            let existed = last.is_some_and(|old| old.operation != HistoryOperation::Deleted);
            assert_eq!(existed, row.operation != HistoryOperation::Created, "{row:?}");
            assert!(
                last.is_none_or(|old| !existed || old.etag != row.etag),
                "a revision is a change: {row:?}"
            );
            self.history.push(row.clone());
        }
        assert_eq!(expected, commit.revision, "every revision has its row");
    }

    pub(crate) fn forms(&self, ids: &[ClaimId]) -> Vec<ClaimForm> {
        let form = |id: &ClaimId| Some(ClaimForm { id: *id, form: self.claims.get(id)?.form.clone()? });
        ids.iter().filter_map(form).collect()
    }

    /// What a stitcher loads after a restart.
    pub(crate) fn parts(&self) -> Vec<StitcherPart> {
        let refs = self.refs.iter().map(|(id, r)| RefRow { id: *id, entity_ref: r.clone() }).collect();
        let types = self.types.iter().map(|(id, name)| TypeRow { id: *id, name: name.clone() }).collect();
        let entities = self.entities.values().map(|row| EntityHead {
            ref_id: row.ref_id,
            uid: row.uid,
            claim: row.claim,
            body_digest: row.body_digest,
            relations_digest: row.relations_digest,
        });
        vec![
            StitcherPart::Refs(refs),
            StitcherPart::Types(types),
            StitcherPart::Claims(self.claims.values().map(head).collect()),
            StitcherPart::Relations(self.relations.iter().copied().collect()),
            StitcherPart::Entities(entities.collect()),
            StitcherPart::Head(self.head()),
        ]
    }

    pub(crate) fn head(&self) -> Head {
        Head {
            revision: self.revision,
            entities: i64::try_from(self.entities.len()).unwrap(),
            positions: self.positions.values().copied().collect(),
            sources_next: self.sources_next,
            ..Head::default()
        }
    }

    /// All final entities by ref.
    pub(crate) fn seen(&self) -> BTreeMap<EntityRef, Seen> {
        let seen = self.entities.values().map(|row| {
            let relations = self.relations.iter().filter(|relation| relation.source == row.ref_id);
            let ends = relations.map(|relation| RelationEnd {
                kind: self.types[&relation.kind].clone(),
                target: self.refs[&relation.target].clone(),
            });
            let seen = Seen {
                uid: row.uid,
                etag: row.etag.clone(),
                body: row.body.clone(),
                relations: ends.collect(),
            };
            (self.refs[&row.ref_id].clone(), seen)
        });
        seen.collect()
    }

    /// All final entities by ref, as someone knows them who only read the history.
    pub(crate) fn seen_in_history(&self) -> BTreeMap<EntityRef, Seen> {
        let mut seen: BTreeMap<EntityRef, Seen> = BTreeMap::new();
        for row in &self.history {
            if row.operation == HistoryOperation::Deleted {
                let last = seen.remove(&row.entity_ref).unwrap();
                assert_eq!(last.relations, row.relations_removed.iter().cloned().collect());
                assert_eq!(last.uid, row.uid);
                continue;
            }
            let before = seen.remove(&row.entity_ref);
            let mut relations = before.as_ref().map(|seen| seen.relations.clone()).unwrap_or_default();
            for end in &row.relations_removed {
                assert!(relations.remove(end));
            }
            for end in &row.relations_added {
                assert!(relations.insert(end.clone()));
            }
            let body = row.body.clone().or(before.map(|seen| seen.body)).unwrap();
            seen.insert(
                row.entity_ref.clone(),
                Seen { uid: row.uid, etag: row.etag.clone(), body, relations },
            );
        }
        seen
    }

    /// Claims by key without their numbers; forms without the relations that only losers store.
    pub(crate) fn claims_by_key(&self) -> BTreeMap<ClaimKey, ClaimRow> {
        let plain = |row: &ClaimRow| {
            let mut row = row.clone();
            (row.id, row.ref_id) = (ClaimId(0), RefId(0));
            row.form = row.form.map(|text| match serde_json::from_str::<serde_json::Value>(&text).unwrap() {
                serde_json::Value::Array(parts) => parts[0].to_string(),
                entity => entity.to_string(),
            });
            (row.key.clone(), row)
        };
        self.claims.values().map(plain).collect()
    }

    /// The standing of every claim by key.
    pub(crate) fn standings(&self) -> BTreeMap<ClaimKey, Standing> {
        self.claims.values().map(|row| (row.key.clone(), row.standing)).collect()
    }
}

fn head(row: &ClaimRow) -> ClaimHead {
    let row = row.clone();
    ClaimHead {
        id: row.id,
        key: row.key,
        ref_id: row.ref_id,
        identity: row.identity,
        created_at: row.created_at,
        location_key: row.location_key,
        location_id: row.location_id,
        released: row.released,
        version: row.version,
        state: row.state,
        fingerprint: row.fingerprint,
        form_digest: row.form_digest,
        form_errors: row.form_errors,
        errors_version: row.errors_version,
        errors_identity: row.errors_identity,
        errors: row.errors,
        errors_owner: row.errors_owner,
        standing: row.standing,
    }
}
