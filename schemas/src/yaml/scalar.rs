//! What a scalar means: YAML 1.2's core schema, in the values of JavaScript.

use std::borrow::Cow;

use saphyr_parser::{ScalarStyle, Tag};
use serde_json::{Number, Value};

/// The value of a scalar. Only plain scalars and those with a core tag are more than text; tags
/// that nobody knows are passed over.
pub(super) fn resolve(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let plain = style == ScalarStyle::Plain;
    match tag {
        None if plain => core(&text),
        Some(tag) if tag.is_yaml_core_schema() => match tag.suffix.as_str() {
            "null" | "bool" | "int" | "float" => core(&text),
            _ => Value::String(text.into_owned()),
        },
        _ => Value::String(text.into_owned()),
    }
}

/// Whether a plain scalar with this text is a text.
pub(super) fn is_text(text: &str) -> bool {
    core(text).is_string()
}

fn core(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    number(text).unwrap_or_else(|| Value::String(text.to_owned()))
}

/// The number that a plain scalar is, if it is one. Infinities and not-a-number become null, as
/// in JSON; integers beyond what a double holds lose their last digits, as in JavaScript.
fn number(text: &str) -> Option<Value> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let first = digits.bytes().next()?;
    if !(first.is_ascii_digit() || first == b'.') {
        return None;
    }
    if matches!(digits, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(Value::Null);
    }
    for (prefix, radix) in [("0o", 8), ("0x", 16)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return u64::from_str_radix(digits, radix)
                .ok()
                .filter(|_| !digits.starts_with('+'))
                .map(from_u64);
        }
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let exact = text.strip_prefix('+').unwrap_or(text).parse::<i64>();
        return match exact {
            Ok(n) if n.unsigned_abs() <= 1 << 53 => Some(Value::from(n)),
            _ => text.parse().ok().and_then(from_f64),
        };
    }
    is_float(digits).then(|| text.parse().ok().and_then(from_f64)).flatten()
}

/// `[0-9]*(\.[0-9]*)?([eE][-+]?[0-9]+)?` with a digit before the exponent.
fn is_float(digits: &str) -> bool {
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (digits, None),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && all_digits(exponent))
}

fn from_u64(n: u64) -> Value {
    if n <= 1 << 53 { Value::from(n) } else { from_f64(n as f64).unwrap_or(Value::Null) }
}

fn from_f64(double: f64) -> Option<Value> {
    // 1.0 and 1 are one value in JavaScript.
    if double.fract() == 0.0 && double.abs() <= 9_007_199_254_740_992.0 {
        return Some(Value::from(double as i64));
    }
    Some(Number::from_f64(double).map_or(Value::Null, Value::Number))
}
