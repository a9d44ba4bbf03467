//! Canonical JSON: one text per value, the same that Backstage hashes.
//!
//! Keys are sorted, there is no white space, and numbers are written as JavaScript writes them
//! (`1.0` is `1`, `1e21` is `1e+21`), so equal entities have equal bytes whatever their source.

use std::fmt;

use serde_json::Value;
use sha1::{Digest as _, Sha1};
use xxhash_rust::xxh3::xxh3_128;

/// A 128-bit digest for telling whether content changed. Not for security: an author who forges
/// one only hides an own change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(pub u128);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(xxh3_128(bytes))
    }

    /// Reads the 32 hexadecimal digits that `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok()).flatten().map(Self)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The canonical text of `value`.
pub fn to_string(value: &Value) -> String {
    let mut out = String::with_capacity(256);
    write_value(&mut out, value);
    out
}

/// The SHA-1 of some bytes in lower-case hexadecimal, the form of every hash in the API.
pub fn sha1_hex(bytes: &[u8]) -> String {
    Sha1::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number as JavaScript's `String(n)` writes it.
pub fn number_to_string(number: &serde_json::Number) -> String {
    // Integers that a double holds exactly are by far the most common case.
    if let Some(n) = number.as_i64().filter(|n| n.unsigned_abs() <= 1 << 53) {
        return n.to_string();
    }
    let double = number.as_f64().unwrap_or(f64::NAN);
    ryu_js::Buffer::new().format(double).to_owned()
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(&number_to_string(number)),
        Value::String(text) => write_text(out, text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(out, item);
            }
            out.push(']');
        }
        // `serde_json::Map` is a B-tree here, so its order is the sorted one.
        Value::Object(members) => {
            out.push('{');
            for (index, (key, member)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(out, key);
                out.push(':');
                write_value(out, member);
            }
            out.push('}');
        }
    }
}

fn write_text(out: &mut String, text: &str) {
    let quoted = serde_json::to_string(text).expect("a string always serialises");
    out.push_str(&quoted);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hashes_are_those_of_backstage() {
        let hash = |value| sha1_hex(to_string(&value).as_bytes());
        let nested = json!({"b": 1, "a": [{"d": 1, "c": null}]});
        assert_eq!(hash(nested), "95bf4efb80419ca8f67a7ffa9ba98df1af281514");
        assert_eq!(hash(json!({})), "bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f");
    }

    #[test]
    fn numbers_are_written_as_javascript_does() {
        assert_eq!(to_string(&json!([7.50, 1.0, -0.0, 1e21, 10, -3])), "[7.5,1,0,1e+21,10,-3]");
    }
}
