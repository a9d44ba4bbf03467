//! Terms: the values of the search index.

use std::cmp::Ordering;

use backstitch_schemas::canonical;
use serde_json::Value;

/// Longer texts exist as a key, but match no value. UTF-16 code units, as JavaScript counts.
const MAX_UNITS: usize = 200;

/// A value as it is compared (lower-cased) and as it was written. Ordered by the compared form, in
/// code-point order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The compared form and, where that differs, the written one behind it.
    text: Box<str>,
    /// Where the compared form ends.
    end: u32,
}

impl Term {
    /// The term of a text as written; `None` when it is too long to be a value.
    pub fn written(original: &str) -> Option<Self> {
        let value = lower(original);
        if is_too_long(&value) {
            return None;
        }
        let term = Self::least(&value);
        Some(if *value == *original { term } else { Self { text: (value + original).into(), ..term } })
    }

    /// Whether a lower-cased text can be a value.
    pub fn is_value(text: &str) -> bool {
        !is_too_long(text)
    }

    /// The least term whose compared form is `value`, which must be lower-cased.
    pub fn least(value: &str) -> Self {
        let end = u32::try_from(value.len()).expect("what is compared with a value is part of a request");
        Self { text: value.into(), end }
    }

    /// How many bytes it takes.
    pub(super) fn bytes(&self) -> u64 {
        (size_of::<Self>() + self.text.len()) as u64
    }

    /// The compared form.
    pub fn value(&self) -> &str {
        &self.text[..self.end as usize]
    }

    /// The form as written.
    pub fn original(&self) -> &str {
        match &self.text[self.end as usize..] {
            "" => self.value(),
            original => original,
        }
    }
}

impl Ord for Term {
    fn cmp(&self, other: &Self) -> Ordering {
        let original = |term: &Self| term.text.len() - term.end as usize;
        self.value().cmp(other.value()).then_with(|| match (original(self), original(other)) {
            // A term that is written as it is compared comes first.
            (0, _) | (_, 0) => original(self).cmp(&original(other)),
            _ => self.original().cmp(other.original()),
        })
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
