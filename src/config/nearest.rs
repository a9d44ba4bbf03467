//! "Did you mean": the known word that resembles a mistyped one most.

/// The candidate with the fewest edits from `word`, if it is near enough to be a typing error.
/// Case does not count.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let near = |candidate: &'a str| (edits(&lower, &candidate.to_lowercase()), candidate);
    let (distance, best) = candidates.into_iter().map(near).min_by_key(|(distance, _)| *distance)?;
    (distance <= (word.chars().count() / 2).max(2)).then_some(best)
}

/// Levenshtein's distance: insertions, deletions and replacements of one character.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let known = ["dataDir", "database", "ingest", "log"];
        assert_eq!(nearest("datadir", known), Some("dataDir"));
        assert_eq!(nearest("databse", known), Some("database"));
        assert_eq!(nearest("ingset", known), Some("ingest"));
        assert_eq!(nearest("telemetry", known), None);
    }
}
