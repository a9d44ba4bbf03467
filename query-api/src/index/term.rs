//! Terms: the values of the search index.

use backstitch_schemas::canonical;
use serde_json::Value;

/// Longer texts exist as a key, but match no value. UTF-16 code units, as JavaScript counts.
const MAX_UNITS: usize = 200;

/// A value as it is compared (lower-cased) and as it was written. Ordered by the compared form, in
/// code-point order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term {
    value: Box<str>,
    /// Absent where it equals `value`, which is nearly always.
    original: Option<Box<str>>,
}

impl Term {
    /// The term of a text as written; `None` when it is too long to be a value.
    pub fn written(original: &str) -> Option<Self> {
        let value = lower(original);
        if is_too_long(&value) {
            return None;
        }
        let original = (*value != *original).then(|| original.into());
        Some(Self { value: value.into(), original })
    }

    /// Whether a lower-cased text can be a value.
    pub fn is_value(text: &str) -> bool {
        !is_too_long(text)
    }

    /// The least term whose compared form is `value`, which must be lower-cased.
    pub fn least(value: &str) -> Self {
        Self { value: value.into(), original: None }
    }

    /// How many bytes it takes.
    pub(super) fn bytes(&self) -> u64 {
        let original = self.original.as_ref().map_or(0, |original| original.len());
        (size_of::<Self>() + self.value.len() + original) as u64
    }

    /// The compared form.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The form as written.
    pub fn original(&self) -> &str {
        self.original.as_deref().unwrap_or(&self.value)
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
    fn the_limit_counts_utf16_units_of_the_lower_cased_text() {
        assert!(Term::written(&"é".repeat(200)).is_some());
        assert!(Term::written(&"é".repeat(201)).is_none());
        assert!(Term::written(&"𝒳".repeat(101)).is_none());
        assert!(Term::written(&"İ".repeat(101)).is_none(), "it has two units in lower case");
    }
}
