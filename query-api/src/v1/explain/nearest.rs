//! What somebody may have meant who named something that is not there.

use backstitch_schemas::EntityRef;

use crate::view::View;

/// How many are suggested.
const SUGGESTED: usize = 5;

/// Visible refs that differ little from `wanted`, nearest first. Another kind or namespace counts as one
/// mistyped letter.
pub(super) fn refs(view: &View, wanted: &EntityRef) -> Vec<EntityRef> {
    let distance = |other: &EntityRef| {
        let parts =
            usize::from(other.kind() != wanted.kind()) + usize::from(other.namespace() != wanted.namespace());
        let allowed = tolerance(wanted.name()).checked_sub(parts)?;
        Some(parts + within(wanted.name(), other.name(), allowed)?)
    };
    let all = view.index().iter().map(|entity| &entity.entity_ref);
    let near = all.filter_map(|other| Some((distance(other)?, other)));
    best(near.filter(|(_, other)| view.sees(other))).into_iter().cloned().collect()
}

/// Texts that differ little from `wanted`, nearest first.
pub(super) fn texts<'a>(wanted: &str, all: impl Iterator<Item = &'a str>) -> Vec<String> {
    let allowed = tolerance(wanted);
    let near = all.filter_map(|other| Some((within(wanted, other, allowed)?, other)));
    best(near).into_iter().map(str::to_owned).collect()
}

fn best<T: Ord>(near: impl Iterator<Item = (usize, T)>) -> Vec<T> {
    let mut near: Vec<_> = near.collect();
    near.sort();
    near.into_iter().take(SUGGESTED).map(|(_, item)| item).collect()
}

/// How many letters may be wrong in a text.
fn tolerance(text: &str) -> usize {
    (text.chars().count() / 4).clamp(2, 6)
}

/// How many letters differ, if no more than `allowed`.
fn within(wanted: &str, other: &str, allowed: usize) -> Option<usize> {
    if wanted.len().abs_diff(other.len()) > 4 * allowed {
        return None;
    }
    let distance = strsim::osa_distance(wanted, other);
    (distance <= allowed).then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearest_comes_first_and_what_is_far_does_not_come() {
        let all =
            ["url:https://h/a/catalog-info.yml", "url:https://h/a/catalog-info.yaml", "file:/elsewhere"];
        let found = texts("url:https://h/a/catalog-inof.yaml", all.into_iter());
        assert_eq!(found, ["url:https://h/a/catalog-info.yaml", "url:https://h/a/catalog-info.yml"]);
    }

    #[test]
    fn letters_are_counted_not_bytes() {
        assert_eq!(within("ääää", "aaaa", 4), Some(4));
        assert_eq!(within("abcd", "badc", 2), Some(2));
        assert_eq!(within("abcd", "wxyz", 2), None);
    }
}
