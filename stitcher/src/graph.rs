//! The relation graph: nodes are refs, edges are relations with the claims that imply them.
//!
//! Only winning claims imply relations. A relation shows while at least one claim implies it, so
//! every source has a digest of its distinct relations, kept up to date by sums: a group with 10,000
//! members pays for the one that joins.

use std::collections::{BTreeMap, HashMap};

use backstitch_read_model::{ClaimId, RefId, RelationRow, TypeId};
use backstitch_schemas::Digest;
use petgraph::{Direction, graphmap::DiGraphMap};
use smallvec::SmallVec;

use crate::names::ref_index;

/// A relation, whoever implies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Edge {
    pub(crate) source: RefId,
    pub(crate) kind: TypeId,
    pub(crate) target: RefId,
}

impl Shown {
    /// Whether anything changed.
    pub(crate) fn is_any(&self) -> bool {
        !self.added.is_empty() || !self.removed.is_empty()
    }
}

type Originators = SmallVec<[(TypeId, ClaimId); 1]>;

/// All relations that winning claims imply.
#[derive(Debug, Default)]
pub(crate) struct RelationGraph {
    /// An edge that nobody implies any more stays until there are many: petgraph's removal walks
    /// the neighbours of both ends, which may be very many.
    graph: DiGraphMap<RefId, Originators>,
    unused_edges: usize,
    of_originator: HashMap<ClaimId, Box<[Edge]>>,
    digests: Vec<Digest>,
}

/// What a batch does to the graph.
#[derive(Debug, Default)]
pub(crate) struct GraphDelta {
    /// What an originator no longer implies.
    pub(crate) removed: Vec<RelationRow>,
    /// What an originator newly implies.
    pub(crate) added: Vec<RelationRow>,
    /// All that each changed originator implies now.
    of_originator: HashMap<ClaimId, Box<[Edge]>>,
}

/// Relations that a source shows newly and no longer, each sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) added: Vec<(TypeId, RefId)>,
    pub(crate) removed: Vec<(TypeId, RefId)>,
    /// A claim that brought a change about.
    pub(crate) originator: Option<ClaimId>,
}

/// The digest of one relation, as its source shows it.
pub(crate) fn relation_digest(kind: &str, target: &str) -> Digest {
    let mut text = Vec::with_capacity(kind.len() + target.len() + 1);
    text.extend_from_slice(kind.as_bytes());
    text.push(0);
    text.extend_from_slice(target.as_bytes());
    Digest::of(&text)
}

impl RelationGraph {
    /// What a claim implies.
    pub(crate) fn of_originator(&self, claim: ClaimId) -> &[Edge] {
        self.of_originator.get(&claim).map_or(&[], |edges| edges)
    }

    /// The digest of what a source shows: the sum modulo 2^128 over its distinct relations.
    pub(crate) fn digest(&self, source: RefId) -> Digest {
        self.digests.get(ref_index(source)).copied().unwrap_or_default()
    }

    /// The distinct relations that a source shows, sorted.
    pub(crate) fn shown_by(&self, source: RefId) -> Vec<(TypeId, RefId)> {
        let edges = self.graph.edges_directed(source, Direction::Outgoing);
        let mut shown: Vec<_> = edges
            .flat_map(|(_, target, originators)| originators.iter().map(move |(kind, _)| (*kind, target)))
            .collect();
        shown.sort_unstable();
        shown.dedup();
        shown
    }

    fn originators(&self, edge: Edge) -> usize {
        let all = self.graph.edge_weight(edge.source, edge.target);
        all.map_or(0, |all| all.iter().filter(|(kind, _)| *kind == edge.kind).count())
    }

    /// Takes over a committed batch; `digests` are the new digests of the sources it changed.
    pub(crate) fn apply(&mut self, delta: GraphDelta, digests: impl Iterator<Item = (RefId, Digest)>) {
        for row in &delta.removed {
            self.remove(row);
        }
        for row in &delta.added {
            self.add(row);
        }
        for (claim, edges) in delta.of_originator {
            if edges.is_empty() {
                self.of_originator.remove(&claim);
            } else {
                self.of_originator.insert(claim, edges);
            }
        }
        for (source, digest) in digests {
            self.set_digest(source, digest);
        }
        if self.unused_edges > 1_000 && self.unused_edges > self.graph.edge_count() / 2 {
            self.drop_unused();
        }
    }

    /// Takes over the rows of the database, all of them, with the digest of each relation.
    pub(crate) fn load(rows: &[RelationRow], digest: impl Fn(TypeId, RefId) -> Digest) -> Self {
        let mut graph = Self::default();
        let mut of_originator: HashMap<ClaimId, Vec<Edge>> = HashMap::new();
        for row in rows {
            let edge = Edge { source: row.source, kind: row.kind, target: row.target };
            if graph.originators(edge) == 0 {
                let sum = plus(graph.digest(row.source), digest(row.kind, row.target));
                graph.set_digest(row.source, sum);
            }
            graph.add(row);
            of_originator.entry(row.originator).or_default().push(edge);
        }
        graph.of_originator = of_originator.into_iter().map(|(claim, edges)| (claim, edges.into())).collect();
        graph
    }

    fn add(&mut self, row: &RelationRow) {
        let originator = (row.kind, row.originator);
        match self.graph.edge_weight_mut(row.source, row.target) {
            Some(originators) => {
                self.unused_edges -= usize::from(originators.is_empty());
                originators.push(originator);
            }
            None => {
                self.graph.add_edge(row.source, row.target, SmallVec::from_buf([originator]));
            }
        }
    }

    fn remove(&mut self, row: &RelationRow) {
        let originator = (row.kind, row.originator);
        let Some(originators) = self.graph.edge_weight_mut(row.source, row.target) else { return };
        if let Some(at) = originators.iter().position(|known| *known == originator) {
            originators.swap_remove(at);
            self.unused_edges += usize::from(originators.is_empty());
        }
    }

    fn set_digest(&mut self, source: RefId, digest: Digest) {
        let at = ref_index(source);
        if self.digests.len() <= at {
            self.digests.resize(at + 1, Digest::default());
        }
        self.digests[at] = digest;
    }

    fn drop_unused(&mut self) {
        let used = self.graph.all_edges().filter(|(_, _, originators)| !originators.is_empty());
        self.graph =
            used.map(|(source, target, originators)| (source, target, originators.clone())).collect();
        self.unused_edges = 0;
    }
}

impl GraphDelta {
    /// Replaces what `claim` implied by `edges`.
    pub(crate) fn replace(&mut self, graph: &RelationGraph, claim: ClaimId, mut edges: Vec<Edge>) {
        edges.sort_unstable();
        edges.dedup();
        let mut before = graph.of_originator(claim).to_vec();
        before.sort_unstable();
        let row = |edge: &Edge| RelationRow {
            originator: claim,
            source: edge.source,
            kind: edge.kind,
            target: edge.target,
        };
        let missing_in = |other: &[Edge], edge: &&Edge| -> bool { other.binary_search(edge).is_err() };
        self.removed.extend(before.iter().filter(|edge| missing_in(&edges, edge)).map(row));
        self.added.extend(edges.iter().filter(|edge| missing_in(&before, edge)).map(row));
        self.of_originator.insert(claim, edges.into());
    }

    /// What the delta changes in what each source shows.
    pub(crate) fn shown(&self, graph: &RelationGraph) -> BTreeMap<RefId, Shown> {
        let mut net: HashMap<Edge, (isize, ClaimId)> = HashMap::new();
        let changes = self.removed.iter().map(|row| (row, -1)).chain(self.added.iter().map(|row| (row, 1)));
        for (row, change) in changes {
            let edge = Edge { source: row.source, kind: row.kind, target: row.target };
            let entry = net.entry(edge).or_insert((0, row.originator));
            entry.0 += change;
        }
        let mut shown: BTreeMap<RefId, Shown> = BTreeMap::new();
        for (edge, (change, originator)) in net {
            let before = graph.originators(edge).cast_signed();
            let (was, is) = (before > 0, before + change > 0);
            if was == is {
                continue;
            }
            let source = shown.entry(edge.source).or_default();
            let list = if is { &mut source.added } else { &mut source.removed };
            list.push((edge.kind, edge.target));
            // The least of them, so that the answer does not depend on the order of a map.
            source.originator = Some(source.originator.map_or(originator, |known| known.min(originator)));
        }
        for source in shown.values_mut() {
            source.added.sort_unstable();
            source.removed.sort_unstable();
        }
        shown
    }
}

/// A sum of digests.
pub(crate) fn plus(sum: Digest, digest: Digest) -> Digest {
    Digest(sum.0.wrapping_add(digest.0))
}

/// A sum of digests without one of them.
pub(crate) fn minus(sum: Digest, digest: Digest) -> Digest {
    Digest(sum.0.wrapping_sub(digest.0))
}
