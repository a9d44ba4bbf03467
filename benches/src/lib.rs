//! The synthetic catalog that everything is measured with.
//!
//! [`Workload::plain`] has the shape of the published reference workload: 46 % components, 20 %
//! users, 15 % APIs with a definition of about 1 KB, 12 % resources, 4 % systems, 3 % groups and
//! 0.2 % domains, with a few popular owners and systems. [`Workload::awkward`] adds what hurts: a
//! very large group, a huge definition, a long chain, a cycle, many namespaces, many annotations.
//! The same size gives the same entities, always.

mod awkward;
mod plain;
mod random;

use serde_json::Value;

/// A deterministic catalog.
#[derive(Clone, Debug)]
pub struct Workload {
    entities: Vec<Value>,
}

impl Workload {
    /// About `size` entities of the reference shape.
    pub fn plain(size: usize) -> Self {
        Self { entities: plain::entities(size) }
    }

    /// The plain workload and the awkward cases.
    pub fn awkward(size: usize) -> Self {
        let mut entities = plain::entities(size);
        entities.extend(awkward::entities());
        Self { entities }
    }

    /// The entities, groups and users first.
    pub fn entities(&self) -> &[Value] {
        &self.entities
    }

    /// The whole catalog as NDJSON, ended by the line that allows removals.
    pub fn to_ndjson(&self) -> String {
        let mut text = String::with_capacity(self.entities.len() * 1_000);
        for entity in &self.entities {
            text.push_str(&entity.to_string());
            text.push('\n');
        }
        text.push_str(&format!("{{\"end\":true,\"count\":{}}}\n", self.entities.len()));
        text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::*;

    #[test]
    fn the_same_size_gives_the_same_entities() {
        assert_eq!(Workload::awkward(500).to_ndjson(), Workload::awkward(500).to_ndjson());
    }

    #[test]
    fn the_shape_is_that_of_the_reference() {
        let workload = Workload::plain(10_000);
        let mut kinds = BTreeMap::new();
        for entity in workload.entities() {
            *kinds.entry(entity["kind"].as_str().unwrap()).or_insert(0) += 1;
        }
        let expected = [
            ("API", 1_500),
            ("Component", 4_580),
            ("Domain", 20),
            ("Group", 300),
            ("Resource", 1_200),
            ("System", 400),
            ("User", 2_000),
        ];
        assert_eq!(kinds, BTreeMap::from(expected));
        let bytes = workload.to_ndjson().len() / workload.entities().len();
        assert!((800..1_150).contains(&bytes), "{bytes} bytes an entity");
    }

    #[test]
    fn every_ref_is_unique() {
        let workload = Workload::awkward(1_000);
        let refs: HashSet<_> = workload
            .entities()
            .iter()
            .map(|e| {
                (
                    e["kind"].to_string(),
                    e["metadata"]["namespace"].to_string(),
                    e["metadata"]["name"].to_string(),
                )
            })
            .collect();
        assert_eq!(refs.len(), workload.entities().len());
    }
}
