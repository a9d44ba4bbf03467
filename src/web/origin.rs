//! Patterns of origins, in the language of `backend.cors.origin`.

use regex::{RegexSet, RegexSetBuilder};

/// Which origins are meant.
#[derive(Clone, Debug)]
pub(super) struct Origins(RegexSet);

impl Origins {
    /// Reads patterns.
    ///
    /// # Errors
    /// With the pattern that is none.
    pub(super) fn parse(patterns: &[String]) -> Result<Self, String> {
        let expressions: Result<Vec<_>, _> =
            patterns.iter().map(|pattern| expression(pattern).ok_or_else(|| pattern.clone())).collect();
        let set = RegexSetBuilder::new(expressions?).case_insensitive(true).build();
        Ok(Self(set.map_err(|_| patterns.join(", "))?))
    }

    /// Whether this origin is one of them.
    pub(super) fn allow(&self, origin: &str) -> bool {
        self.0.is_match(origin)
    }
}

/// The pattern as a regular expression; `None` if it cannot be understood.
fn expression(pattern: &str) -> Option<String> {
    let mut out = String::from("^");
    let mut letters = pattern.chars().peekable();
    // What is to be written where a group ends.
    let mut open: Vec<&str> = Vec::new();
    while let Some(letter) = letters.next() {
        let is_group = letters.peek() == Some(&'(');
        match letter {
            '?' | '*' | '+' | '@' if is_group => {
                letters.next();
                out.push_str("(?:");
                open.push(match letter {
                    '?' => ")?",
                    '*' => ")*",
                    '+' => ")+",
                    _ => ")",
                });
            }
            // Everything but: no regular expression says that simply.
            '!' if is_group => return None,
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '[' => out.push_str(&class(&mut letters)?),
            '{' => {
                out.push_str("(?:");
                open.push("}");
            }
            '}' if open.last() == Some(&"}") => {
                open.pop();
                out.push(')');
            }
            ')' if open.last().is_some_and(|end| *end != "}") => out.push_str(open.pop()?),
            ',' if open.last() == Some(&"}") => out.push('|'),
            '|' if !open.is_empty() => out.push('|'),
            plain => out.push_str(&regex::escape(plain.encode_utf8(&mut [0; 4]))),
        }
    }
    out.push('$');
    open.is_empty().then_some(out)
}

/// A class of letters, its bracket already read.
fn class(letters: &mut impl Iterator<Item = char>) -> Option<String> {
    let mut is_closed = false;
    let members: String = letters
        .by_ref()
        .take_while(|letter| {
            is_closed = *letter == ']';
            !is_closed
        })
        .collect();
    let (not, members) = match members.strip_prefix(['!', '^']) {
        Some(members) => ("^", members.to_owned()),
        None => ("", members),
    };
    let is_plain = members.chars().all(|member| member.is_ascii_alphanumeric() || "-._".contains(member));
    (is_closed && !members.is_empty() && is_plain).then(|| format!("[{not}{members}]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, allowed: &[&str], others: &[&str]) {
        let origins = Origins::parse(&[pattern.to_owned()]).unwrap();
        for origin in allowed {
            assert!(origins.allow(origin), "{pattern} allows {origin}");
        }
        for origin in others {
            assert!(!origins.allow(origin), "{pattern} does not allow {origin}");
        }
    }

    #[test]
    fn patterns_are_those_of_a_shell() {
        check(
            "http://localhost:3000",
            &["http://localhost:3000", "HTTP://LOCALHOST:3000"],
            &["http://localhost:30000"],
        );
        check(
            "https://*.skerry.example",
            &["https://a.skerry.example"],
            &["https://evil/.skerry.example", "https://askerryXexample"],
        );
        check(
            "http?(s)://*?(-+([0-9])).skerry.example",
            &["http://a.skerry.example", "https://a-12.skerry.example"],
            &["ftp://a.skerry.example"],
        );
        check("https://{a,b}.x", &["https://a.x", "https://b.x"], &["https://c.x"]);
        check("https://@(a|b).x", &["https://a.x"], &["https://ab.x"]);
        check("*", &["null"], &["https://a.x"]);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for pattern in ["https://!(a).x", "https://[a", "https://+(a", "https://{a"] {
            assert_eq!(Origins::parse(&[pattern.to_owned()]).unwrap_err(), pattern);
        }
    }
}
