//! Terms: the values of the search index.

use std::{cmp::Ordering, fmt};

use backstitch_schemas::canonical;
use serde_json::Value;
use triomphe::ThinArc;

/// Longer texts exist as a key, but match no value. UTF-16 code units, as JavaScript counts.
const MAX_UNITS: usize = 200;

/// A value as it is compared (lower-cased) and as it was written. Ordered by the compared form, in
/// code-point order. A clone is the same term: one pointer to one allocation, because an entity brings
/// about a dozen values that nobody else has.
#[derive(Clone)]
pub struct Term(
    /// The compared form and, where that differs, the written one behind it; first, where the compared form ends.
    ThinArc<u32, u8>,
);

impl Term {
    /// The term of a text as written; `None` when it is too long to be a value.
    pub fn written(original: &str) -> Option<Self> {
        let value = lower(original);
        if is_too_long(&value) {
            return None;
        }
        Some(if *value == *original {
            Self::least(&value)
        } else {
            Self::new(value.len(), &(value + original))
        })
    }

    /// Whether a lower-cased text can be a value.
    pub fn is_value(text: &str) -> bool {
        !is_too_long(text)
    }

    /// The least term whose compared form is `value`, which must be lower-cased.
    pub fn least(value: &str) -> Self {
        Self::new(value.len(), value)
    }

    fn new(end: usize, text: &str) -> Self {
        let end = u32::try_from(end).expect("what is compared with a value is part of a request");
        Self(ThinArc::from_header_and_slice(end, text.as_bytes()))
    }

    /// How many bytes it takes, the pointer to it apart.
    pub(super) fn bytes(&self) -> u64 {
        // The count of its users, its length, where the compared form ends; in words.
        (3 * size_of::<usize>() + self.0.slice.len().next_multiple_of(size_of::<usize>())) as u64
    }

    /// The compared form.
    pub fn value(&self) -> &str {
        text(self.halves().0)
    }

    /// The form as written.
    pub fn original(&self) -> &str {
        match self.halves() {
            (value, []) => text(value),
            (_, original) => text(original),
        }
    }

    /// The compared form, and the written one where it differs.
    fn halves(&self) -> (&[u8], &[u8]) {
        self.0.slice.split_at(self.0.header.header as usize)
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("terms are made of texts")
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.original())
    }
}

impl PartialEq for Term {
    fn eq(&self, other: &Self) -> bool {
        self.halves() == other.halves()
    }
}

impl Eq for Term {}

impl Ord for Term {
    /// Bytes of UTF-8 are in the order of code points; a term that is written as it is compared comes first.
    fn cmp(&self, other: &Self) -> Ordering {
        self.halves().cmp(&other.halves())
    }
}

impl PartialOrd for Term {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Lower-cases independently of any locale.
pub fn lower(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.to_lowercase() }
}

/// Whether a key or value is beyond what the index holds.
pub(super) fn is_too_long(text: &str) -> bool {
    text.len() > MAX_UNITS && text.encode_utf16().count() > MAX_UNITS
}

/// A scalar as JavaScript's `String(x)` writes it; `None` for null and for what is no scalar.
pub fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(canonical::number_to_string(number)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_compared_lower_cased_and_shown_as_written() {
        let term = Term::written("ÄPI").unwrap();
        assert_eq!((term.value(), term.original()), ("äpi", "ÄPI"));
        assert_eq!(Term::written("api").unwrap(), Term::least("api"));
    }

    #[test]
    fn terms_are_ordered_by_value_and_then_the_least_is_first() {
        let term = |text: &str| Term::written(text).unwrap();
        assert!(term("api") < term("API") && term("API") < term("Api") && term("Api") < term("apis"));
        assert!(Term::least("api") <= term("api"));
    }

    #[test]
    fn the_limit_counts_utf16_units_of_the_lower_cased_text() {
        assert!(Term::written(&"é".repeat(200)).is_some());
        assert!(Term::written(&"é".repeat(201)).is_none());
        assert!(Term::written(&"𝒳".repeat(101)).is_none());
        assert!(Term::written(&"İ".repeat(101)).is_none(), "it has two units in lower case");
    }
}
