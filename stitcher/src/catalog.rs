//! What the stitcher knows: names, claims, winners, the relation graph and digests of bodies.
//!
//! It mirrors the read model as of one commit. A batch is computed beside it and taken over by
//! [`Catalog::apply`] once its commit is confirmed.

use backstitch_read_model::{ClaimHead, ClaimId, EntityHead, RefId, RelationRow, StitcherPart};
use backstitch_schemas::{Digest, processed::Processed};

use crate::{
    claims::{Claim, Claims, ClaimsOverlay},
    evaluate::{Winners, evaluate},
    graph::{GraphDelta, RelationGraph, relation_digest},
    names::{Names, NamesOverlay, NewNames, ref_index},
    plan::Plan,
    winner::Won,
};

/// Everything the stitcher keeps in memory.
#[derive(Debug, Default)]
pub struct Catalog {
    pub(crate) names: Names,
    pub(crate) claims: Claims,
    pub(crate) winners: Winners,
    pub(crate) graph: RelationGraph,
    bodies: Vec<Option<Digest>>,
}

/// What a committed batch changes in memory.
#[derive(Debug, Default)]
pub struct Memory {
    pub(crate) names: NewNames,
    pub(crate) claims: Vec<(ClaimId, Claim)>,
    pub(crate) winners: std::collections::HashMap<RefId, Option<Won>>,
    pub(crate) graph: GraphDelta,
    pub(crate) relation_digests: Vec<(RefId, Digest)>,
    pub(crate) bodies: Vec<(RefId, Option<Digest>)>,
}

/// The rows of the read model do not fit together.
#[derive(Debug, thiserror::Error)]
#[error("the rows of the read model do not fit together: {0}")]
pub struct Inconsistent(&'static str);

/// Collects what `ReadModel::load` sends.
#[derive(Debug, Default)]
pub struct Loading {
    names: Names,
    claims: Vec<ClaimHead>,
    relations: Vec<RelationRow>,
    entities: Vec<EntityHead>,
}

impl Catalog {
    /// Works out what records make of the claims, beside the catalog. Records stand in the order of
    /// their partitions.
    pub fn plan(&self, records: impl IntoIterator<Item = Processed>) -> Plan<'_> {
        Plan::new(self, records)
    }

    /// Takes over a batch whose commit is confirmed.
    pub fn apply(&mut self, memory: Memory) {
        self.names.extend(memory.names);
        for (id, claim) in memory.claims {
            self.claims.insert(id, claim);
        }
        for (id, won) in memory.winners {
            self.winners.set(id, won);
        }
        self.graph.apply(memory.graph, memory.relation_digests.into_iter());
        for (id, digest) in memory.bodies {
            self.set_body(id, digest);
        }
    }

    /// How many final entities there are.
    pub fn entity_count(&self) -> usize {
        self.winners.count()
    }

    pub(crate) fn body_digest(&self, id: RefId) -> Option<Digest> {
        self.bodies.get(ref_index(id)).copied().flatten()
    }

    fn set_body(&mut self, id: RefId, digest: Option<Digest>) {
        let at = ref_index(id);
        if self.bodies.len() <= at {
            self.bodies.resize(at + 1, None);
        }
        self.bodies[at] = digest;
    }
}

impl Loading {
    /// Takes a part, in any order.
    pub fn take(&mut self, part: StitcherPart) {
        match part {
            StitcherPart::Refs(rows) => self.names.load_refs(rows),
            StitcherPart::Types(rows) => self.names.load_types(rows),
            StitcherPart::Claims(rows) => self.claims.extend(rows),
            StitcherPart::Relations(rows) => self.relations.extend(rows),
            StitcherPart::Entities(rows) => self.entities.extend(rows),
            StitcherPart::Head(_) => {}
        }
    }

    /// The catalog, once all parts are there.
    ///
    /// # Errors
    /// If the rows cannot be what commits of a stitcher left behind.
    pub fn finish(self) -> Result<Catalog, Inconsistent> {
        let Self { names, claims, relations, entities } = self;
        let claims = Claims::load(claims, &names).ok_or(Inconsistent("claims are missing"))?;
        let graph = RelationGraph::load(&relations, |kind, target| {
            relation_digest(names.type_name(kind), names.entity_ref(target).as_str())
        });
        let mut winners = Winners::default();
        for (id, won) in all_winners(&claims, &names) {
            winners.set(id, won);
        }
        let mut catalog = Catalog { names, claims, winners, graph, bodies: Vec::new() };
        if entities.len() != catalog.winners.count() {
            return Err(Inconsistent("there are not as many entities as winners"));
        }
        for entity in entities {
            if catalog.winners.get(entity.ref_id).map(|won| won.claim) != Some(entity.claim) {
                return Err(Inconsistent("an entity is not its winner's"));
            }
            catalog.set_body(entity.ref_id, Some(entity.body_digest));
        }
        Ok(catalog)
    }
}

/// Evaluates every ref from scratch: the depths of Locations are not stored.
fn all_winners(claims: &Claims, names: &Names) -> impl Iterator<Item = (RefId, Option<Won>)> {
    let mut refs: Vec<RefId> = claims.iter().map(|(_, claim)| claim.ref_id).collect();
    refs.sort_unstable();
    refs.dedup();
    let (claims, names) = (ClaimsOverlay::new(claims), NamesOverlay::new(names));
    evaluate(&claims, &names, &Winners::default(), &refs).winners.into_iter()
}
