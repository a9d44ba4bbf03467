//! The relations as a graph, for petgraph's algorithms.

use std::collections::HashSet;

use petgraph::visit::{GraphBase, GraphRef, IntoNeighbors, Visitable};

use super::{Doc, Index};

/// The entities of one commit and the relations between them. A relation to a ref without an entity
/// is no edge. Every relation is shown at both of its ends, so incoming ones need no list of their own.
#[derive(Clone, Copy, Debug)]
pub struct RelationGraph<'a>(pub &'a Index);

impl GraphBase for RelationGraph<'_> {
    type EdgeId = (Doc, Doc);
    type NodeId = Doc;
}

impl GraphRef for RelationGraph<'_> {}

impl Visitable for RelationGraph<'_> {
    type Map = HashSet<Doc>;

    fn visit_map(&self) -> Self::Map {
        HashSet::new()
    }

    fn reset_map(&self, map: &mut Self::Map) {
        map.clear();
    }
}

impl<'a> IntoNeighbors for RelationGraph<'a> {
    type Neighbors = Box<dyn Iterator<Item = Doc> + 'a>;

    fn neighbors(self, doc: Doc) -> Self::Neighbors {
        let Some(entity) = self.0.entity(doc) else { return Box::new(std::iter::empty()) };
        Box::new(entity.relations.iter().filter_map(move |relation| self.0.doc(&relation.target)))
    }
}
