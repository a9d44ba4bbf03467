//! "Did you mean": the known words that resemble a mistyped one.

/// How many letters may be wrong in a word for it to be taken for a typing error: a quarter of them.
pub fn tolerance(word: &str) -> usize {
    (word.chars().count() / 4).clamp(2, 6)
}

/// How many letters differ, if no more than `allowed`. Two neighbours that changed places count as one.
pub fn within(wanted: &str, other: &str, allowed: usize) -> Option<usize> {
    // A letter has at most four bytes: what differs more in length is not compared at all.
    if wanted.len().abs_diff(other.len()) > 4 * allowed {
        return None;
    }
    let distance = strsim::osa_distance(wanted, other);
    (distance <= allowed).then_some(distance)
}

/// The candidate that resembles `word` most, if one is near enough. Case does not count.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    // Where all letters are wrong, nothing is left that resembles it.
    let allowed = tolerance(word).min(word.chars().count().saturating_sub(1));
    let near = candidates
        .into_iter()
        .filter_map(|candidate| Some((within(&lower, &candidate.to_lowercase(), allowed)?, candidate)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let known = ["dataDir", "database", "ingest", "log"];
        for (word, meant) in
            [("datadir", "dataDir"), ("databse", "database"), ("ingset", "ingest"), ("lgo", "log")]
        {
            assert_eq!(nearest(word, known), Some(meant), "{word}");
        }
        for word in ["telemetry", "xyz", "x", ""] {
            assert_eq!(nearest(word, known), None, "{word}");
        }
    }

    #[test]
    fn letters_are_counted_not_bytes() {
        assert_eq!(within("ääää", "aaaa", 4), Some(4));
        assert_eq!(within("abcd", "badc", 2), Some(2));
        assert_eq!(within("abcd", "wxyz", 2), None);
    }
}
