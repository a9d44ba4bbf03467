//! Finds the lines of values by their JSON pointers, with one reading for all.

use std::collections::{BTreeMap, HashMap};

use super::{Limits, load::Loader};
use crate::json_pointer::escape;

/// For each pointer the line of its value or of the nearest ancestor, counted from the chunk; `None`
/// where not even the root was seen.
pub(super) fn locate<'p>(
    text: &str,
    pointers: impl IntoIterator<Item = &'p str>,
    limits: &Limits,
) -> BTreeMap<&'p str, Option<i32>> {
    let pointers: Vec<&str> = pointers.into_iter().collect();
    let wanted = pointers.iter().flat_map(|pointer| ancestors(pointer)).map(|place| (place.to_owned(), None));
    let mut loader = Loader::new(text, limits, Some(Watch { lines: wanted.collect(), path: String::new() }));
    // What was found before an error is still the nearest ancestor.
    let _ = loader.document();
    let lines = loader.into_watch().map(|watch| watch.lines).unwrap_or_default();
    let line = |pointer: &'p str| {
        let nearest = ancestors(pointer).find_map(|place| lines.get(place).copied().flatten());
        (pointer, nearest)
    };
    pointers.into_iter().map(line).collect()
}

/// A pointer and all that lead to it, the nearest first.
fn ancestors(pointer: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(pointer), |place| place.rsplit_once('/').map(|(parent, _)| parent))
}

/// A search for places, going on beside the building.
pub(super) struct Watch {
    /// By pointer, the line where its value was seen.
    lines: HashMap<String, Option<i32>>,
    /// The pointer of the current node.
    path: String,
}

impl Watch {
    /// Goes down to a child that stands at `line`; returns what [`Self::leave`] needs.
    pub(super) fn enter(&mut self, name: &str, line: i32) -> usize {
        let length = self.path.len();
        self.path.push('/');
        self.path.push_str(&escape(name));
        self.saw(line);
        length
    }

    /// Goes back up.
    pub(super) fn leave(&mut self, length: usize) {
        self.path.truncate(length);
    }

    /// Notes that the current node stands at `line`.
    pub(super) fn saw(&mut self, line: i32) {
        if let Some(seen) = self.lines.get_mut(&self.path) {
            *seen = Some(line);
        }
    }
}
