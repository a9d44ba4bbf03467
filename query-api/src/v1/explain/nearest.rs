//! What somebody may have meant who named something that is not there.

use std::collections::BTreeSet;

use backstitch_schemas::{
    EntityRef,
    nearest::{tolerance, within},
};

use crate::view::View;

/// How many are suggested.
const SUGGESTED: usize = 5;

/// Visible refs, and those that are `claimed`, that differ little from `wanted`, nearest first. Another kind or namespace counts as
/// one mistyped letter.
pub(super) fn refs<'a>(
    view: &'a View,
    claimed: impl Iterator<Item = &'a EntityRef>,
    wanted: &EntityRef,
) -> Vec<EntityRef> {
    let distance = |other: &EntityRef| {
        let parts =
            usize::from(other.kind() != wanted.kind()) + usize::from(other.namespace() != wanted.namespace());
        let allowed = tolerance(wanted.name()).checked_sub(parts)?;
        Some(parts + within(wanted.name(), other.name(), allowed)?)
    };
    let all = view.index().iter().map(|entity| &entity.entity_ref);
    let near = all.filter_map(|other| Some((distance(other)?, other)));
    let claimed = claimed.filter_map(|other| Some((distance(other)?, other)));
    let both: BTreeSet<_> = near.filter(|(_, other)| view.sees(other)).chain(claimed).collect();
    best(both.into_iter().filter(|(_, other)| *other != wanted)).into_iter().cloned().collect()
}

/// Location refs that differ little from `wanted`, nearest first; if there are none, those that share the
/// most directories with it, at least the repository or what is as deep.
pub(super) fn documents<'a>(wanted: &str, all: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
    let allowed = tolerance(wanted);
    let near = all.clone().filter_map(|other| Some((within(wanted, other, allowed)?, other)));
    let mut found = best(near);
    if found.is_empty() {
        let beside = all.map(|other| (shared_directories(wanted, other), other));
        let beside = beside.filter(|(shared, _)| *shared >= directories_of_interest(wanted));
        found = best(beside.map(|(shared, other)| (usize::MAX - shared, other)));
    }
    found.into_iter().map(str::to_owned).collect()
}

/// How many directories two paths have in common from their beginning.
fn shared_directories(one: &str, other: &str) -> usize {
    let pairs = one.split('/').zip(other.split('/'));
    pairs.take_while(|(one, other)| one == other).count()
}

/// With so many in common, two documents may belong together: `url:https:`, ``, the host, the owner and the
/// repository for a URL; for a file all but the last two of its directories.
fn directories_of_interest(wanted: &str) -> usize {
    if wanted.starts_with("file:") { wanted.split('/').count().saturating_sub(3).max(3) } else { 5 }
}

fn best<T: Ord>(near: impl Iterator<Item = (usize, T)>) -> Vec<T> {
    let mut near: Vec<_> = near.collect();
    near.sort();
    near.into_iter().take(SUGGESTED).map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearest_comes_first_and_what_is_far_does_not_come() {
        let all =
            ["url:https://h/a/catalog-info.yml", "url:https://h/a/catalog-info.yaml", "file:/elsewhere"];
        let found = documents("url:https://h/a/catalog-inof.yaml", all.into_iter());
        assert_eq!(found, ["url:https://h/a/catalog-info.yaml", "url:https://h/a/catalog-info.yml"]);
    }

    #[test]
    fn where_nothing_differs_little_what_is_beside_it_comes() {
        let all = ["url:https://h/o/r/blob/main/a.yaml", "url:https://h/o/other/blob/main/b/c.yaml"];
        let found =
            documents("url:https://h/o/r/blob/main/services/ferry/catalog-info.yaml", all.into_iter());
        assert_eq!(found, ["url:https://h/o/r/blob/main/a.yaml"]);
        assert!(documents("url:https://elsewhere/o/r/blob/main/a/b/c/d.yaml", all.into_iter()).is_empty());
    }
}
