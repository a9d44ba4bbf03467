//! Which kinds are told, given the last report.

use std::collections::BTreeMap;

/// Entities by lower-cased kind. A kind that was told and is gone is in the next report once more, with 0,
/// so that no collector goes on showing its last number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KindReport(BTreeMap<String, u64>);

impl KindReport {
    /// The report that follows this one, now that these entities are there.
    pub(super) fn next(&self, counts: impl IntoIterator<Item = (String, u64)>) -> Self {
        let told = self.0.iter().filter(|(_, count)| **count > 0).map(|(kind, _)| (kind.clone(), 0));
        let mut report: BTreeMap<String, u64> = told.collect();
        for (kind, count) in counts {
            *report.entry(kind.to_lowercase()).or_default() += count;
        }
        Self(report)
    }

    /// Kinds with their counts, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(kind, count)| (kind.as_str(), *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(report: &KindReport) -> Vec<(&str, u64)> {
        report.iter().collect()
    }

    fn counts(counts: &[(&str, u64)]) -> Vec<(String, u64)> {
        counts.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect()
    }

    #[test]
    fn a_kind_that_vanished_is_told_as_0_once_and_again_when_it_comes_back() {
        let first = KindReport::default().next(counts(&[("Component", 2), ("System", 1)]));
        assert_eq!(told(&first), [("component", 2), ("system", 1)]);
        let second = first.next(counts(&[("Component", 3)]));
        assert_eq!(told(&second), [("component", 3), ("system", 0)]);
        let third = second.next(counts(&[("Component", 3)]));
        assert_eq!(told(&third), [("component", 3)]);
        let fourth = third.next(counts(&[("System", 1)]));
        assert_eq!(told(&fourth), [("component", 0), ("system", 1)]);
        let fifth = fourth.next(counts(&[("System", 1)]));
        assert_eq!(told(&fifth), [("system", 1)]);
    }

    #[test]
    fn a_kind_that_is_written_in_two_ways_is_one() {
        let report = KindReport::default().next(counts(&[("API", 2), ("Api", 1)]));
        assert_eq!(told(&report), [("api", 3)]);
    }
}
