//! The relations that one entity shows.

use std::sync::Arc;

use backstitch_read_model::RelationEnd;
use backstitch_schemas::EntityRef;
use imbl::OrdSet;

/// A relation as its source shows it. Ordered by type, then target: the order of the answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Relation {
    /// E.g. `ownedBy`.
    pub kind: Arc<str>,
    /// The other end; it need not exist.
    pub target: EntityRef,
}

/// A sorted set of relations. A few are one slice; many are a persistent set, so that one member
/// who joins a group of 10,000 costs one relation.
#[derive(Clone, Debug)]
pub enum Relations {
    /// Sorted.
    Few(Arc<[Relation]>),
    /// More than are copied on a change.
    Many(OrdSet<Relation>),
}

impl Default for Relations {
    fn default() -> Self {
        Self::Few(Arc::new([]))
    }
}

impl From<&RelationEnd> for Relation {
    fn from(end: &RelationEnd) -> Self {
        Self { kind: end.kind.as_str().into(), target: end.target.clone() }
    }
}

impl From<&Relation> for RelationEnd {
    fn from(relation: &Relation) -> Self {
        Self { kind: relation.kind.to_string(), target: relation.target.clone() }
    }
}

impl FromIterator<Relation> for Relations {
    fn from_iter<I: IntoIterator<Item = Relation>>(relations: I) -> Self {
        let mut relations: Vec<_> = relations.into_iter().collect();
        relations.sort_unstable();
        relations.dedup();
        Self::of_sorted(relations)
    }
}

impl Relations {
    const COPIED: usize = 64;

    fn of_sorted(relations: Vec<Relation>) -> Self {
        if relations.len() <= Self::COPIED {
            Self::Few(relations.into())
        } else {
            Self::Many(relations.into_iter().collect())
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Few(relations) => relations.len(),
            Self::Many(relations) => relations.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All relations in order.
    pub fn iter(&self) -> Box<dyn Iterator<Item = &Relation> + Send + '_> {
        match self {
            Self::Few(relations) => Box::new(relations.iter()),
            Self::Many(relations) => Box::new(relations.iter()),
        }
    }

    /// The relations of one type, spelled in exactly this way.
    pub fn of_kind<'a>(&'a self, kind: &'a Arc<str>) -> Box<dyn Iterator<Item = &'a Relation> + 'a> {
        let least = Relation { kind: Arc::clone(kind), target: EntityRef::from_canonical("") };
        match self {
            Self::Few(relations) => {
                let start = relations.partition_point(|relation| *relation < least);
                Box::new(relations[start..].iter().take_while(move |relation| relation.kind == *kind))
            }
            Self::Many(relations) => {
                Box::new(relations.range(least..).take_while(move |relation| relation.kind == *kind))
            }
        }
    }

    /// Whether this relation is shown.
    pub fn contains(&self, relation: &Relation) -> bool {
        match self {
            Self::Few(relations) => relations.binary_search(relation).is_ok(),
            Self::Many(relations) => relations.contains(relation),
        }
    }

    /// The set after a change; `removed` goes before `added` comes.
    pub fn changed(&self, removed: &[Relation], added: &[Relation]) -> Self {
        match self {
            Self::Few(relations) => relations
                .iter()
                .filter(|relation| !removed.contains(relation))
                .chain(added)
                .cloned()
                .collect(),
            Self::Many(relations) => {
                let mut relations = relations.clone();
                for relation in removed {
                    relations.remove(relation);
                }
                relations.extend(added.iter().cloned());
                if relations.len() > Self::COPIED / 2 {
                    return Self::Many(relations);
                }
                Self::of_sorted(relations.into_iter().collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn relation(number: u8) -> Relation {
        let kind = if number.is_multiple_of(2) { "hasMember" } else { "ownerOf" };
        Relation { kind: kind.into(), target: EntityRef::from_canonical(&format!("user:default/{number}")) }
    }

    proptest! {
        #[test]
        fn behaves_like_a_sorted_set_whatever_its_form(
            steps in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..60), prop::collection::vec(any::<u8>(), 0..60)), 0..8),
        ) {
            let mut relations = Relations::default();
            let mut expected = BTreeSet::new();
            for (removed, added) in steps {
                let removed: Vec<_> = removed.into_iter().map(relation).collect();
                let added: Vec<_> = added.into_iter().map(relation).collect();
                relations = relations.changed(&removed, &added);
                expected.retain(|relation| !removed.contains(relation));
                expected.extend(added);
                prop_assert!(relations.iter().eq(&expected));
                let kind = "hasMember".into();
                let members: Vec<_> = relations.of_kind(&kind).collect();
                prop_assert!(members.iter().copied().eq(expected.iter().filter(|r| &*r.kind == "hasMember")));
            }
        }
    }
}
