//! Percent-encoding of URLs.

use percent_encoding::percent_decode_str;

/// A text with its `%…` replaced. What is no escape stays; bytes that are no UTF-8 become replacement
/// characters.
pub fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The same, but `None` for what does not encode a text.
pub fn decoded_strictly(text: &str) -> Option<String> {
    let is_escape = |part: &str| {
        let digits = part.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    let whole = text.split('%').skip(1).all(is_escape);
    whole.then(|| percent_decode_str(text).decode_utf8().ok())?.map(Into::into)
}

/// How often a path may be encoded. Each round of decoding costs what the path is long, and whoever writes
/// `%252525…` decides how many there are.
const ROUNDS: usize = 4;

/// Whether a path has `.` or `..` segments once it is decoded, however often: a server may decode what
/// the parser of URLs left alone. What is encoded more often than anybody needs counts as such.
pub fn climbs(path: &str) -> bool {
    let mut path = path.to_owned();
    for _ in 0..ROUNDS {
        if path.split(['/', '\\']).any(|segment| matches!(segment, "." | "..")) {
            return true;
        }
        let next = decoded(&path);
        if next == path {
            return false;
        }
        path = next;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_escape_stays() {
        for (text, expected) in [
            ("a%20b", "a b"),
            ("%c3%A4", "ä"),
            ("%", "%"),
            ("%2", "%2"),
            ("%+f%zz", "%+f%zz"),
            ("%ff", "\u{fffd}"),
        ] {
            assert_eq!(decoded(text), expected);
        }
    }

    #[test]
    fn only_whole_escapes_of_texts_are_decoded_strictly() {
        for (text, expected) in [
            ("a%20b", Some("a b")),
            ("%c3%A4+", Some("ä+")),
            ("", Some("")),
            ("%", None),
            ("a%2", None),
            ("%+f", None),
            ("%ff", None),
        ] {
            assert_eq!(decoded_strictly(text).as_deref(), expected);
        }
    }

    #[test]
    fn dots_are_found_however_often_they_are_encoded() {
        for path in ["/a/../b", "/a/%2e%2e/b", "/a/%252e%252E/b", "a%5c..%5cb", "."] {
            assert!(climbs(path), "{path}");
        }
        assert!(!climbs("/a..b/...%2f/.c") && !climbs("/100%25/%2525"));
        assert!(climbs(&format!("/%{}2e", "25".repeat(100_000))), "and it does not take long to say so");
    }
}
