//! The formats of individual fields: names, namespaces, keys, tags and so on.
//!
//! The rules are a table of functions, so that an installation can replace one of them.

/// A rule for the text of a field.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Whether a text is valid.
    pub accepts: fn(&str) -> bool,
    /// What Backstage says it expects.
    pub expected: &'static str,
    /// What a person has to change.
    pub advice: &'static str,
    /// The same rule as a regular expression, for editors; it may let more through.
    pub pattern: &'static str,
}

/// The rules for the fields that all kinds have in common.
#[derive(Clone, Copy, Debug)]
pub struct Formats {
    /// `apiVersion`.
    pub api_version: Format,
    /// `kind`.
    pub kind: Format,
    /// `metadata.name`.
    pub name: Format,
    /// `metadata.namespace`.
    pub namespace: Format,
    /// Keys of `metadata.labels`.
    pub label_key: Format,
    /// Values of `metadata.labels`.
    pub label_value: Format,
    /// Keys of `metadata.annotations`.
    pub annotation_key: Format,
    /// Items of `metadata.tags`.
    pub tag: Format,
    /// `metadata.links[].url`.
    pub url: Format,
    /// `metadata.links[].title` and `icon`.
    pub filled: Format,
    /// Types of relations.
    pub relation_type: Format,
}

/// A DNS label, as a regular expression.
macro_rules! label {
    () => {
        "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
    };
}

/// A name, as a regular expression.
macro_rules! name {
    () => {
        "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
    };
}

/// A DNS subdomain and a slash, or nothing, as a regular expression.
macro_rules! prefix {
    () => {
        concat!("(", label!(), r"(\.", label!(), ")*/)?")
    };
}

const KEY_PATTERN: &str = concat!("^", prefix!(), name!(), "$");

const PREFIXED: &str = "a valid prefix and/or suffix";
const NAME: &str =
    "a string that is sequences of [a-zA-Z0-9] separated by any of [-_.], at most 63 characters in total";
const NAME_ADVICE: &str =
    "use at most 63 letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit";
const KEY_ADVICE: &str = "write a key as `name` or `prefix/name`, where the prefix is a domain in lower case";

impl Default for Formats {
    fn default() -> Self {
        let format = |accepts, expected, advice, pattern| Format { accepts, expected, advice, pattern };
        Self {
            api_version: format(
                is_api_version,
                PREFIXED,
                "write it as `backstage.io/v1alpha1`: a domain, a slash, and a version of letters and digits",
                concat!("^", prefix!(), "[a-z0-9A-Z]{1,63}$"),
            ),
            kind: format(
                is_kind,
                "a string that is a sequence of [a-zA-Z][a-z0-9A-Z], at most 63 characters in total",
                "use at most 63 letters and digits, beginning with a letter",
                "^[a-zA-Z][a-z0-9A-Z]{0,62}$",
            ),
            name: format(is_name, NAME, NAME_ADVICE, concat!("^", name!(), "$")),
            namespace: format(
                is_dns_label,
                "a string that is sequences of [a-z0-9] separated by [-], at most 63 characters in total",
                "use at most 63 lower-case letters, digits and `-`, beginning and ending with a letter or digit",
                concat!("^", label!(), "$"),
            ),
            label_key: format(is_prefixed_name, PREFIXED, KEY_ADVICE, KEY_PATTERN),
            label_value: format(is_label_value, NAME, NAME_ADVICE, concat!("^(", name!(), ")?$")),
            annotation_key: format(is_prefixed_name, PREFIXED, KEY_ADVICE, KEY_PATTERN),
            tag: format(
                is_tag,
                "a string that is sequences of [a-z0-9+#] separated by [-], at most 63 characters in total",
                "use at most 63 lower-case letters, digits, `+`, `#`, `:` and `-`",
                "^(?=.{1,63}$)[a-z0-9:+#]+(-[a-z0-9:+#]+)*$",
            ),
            url: format(
                |text| url::Url::parse(text).is_ok(),
                "a string that is a valid url",
                "write the whole URL, beginning with `https://`",
                r"^\s*[A-Za-z][A-Za-z0-9+.-]*:",
            ),
            filled: format(
                |text| !text.trim().is_empty(),
                "a non empty string",
                "give a text, or remove the line",
                r"\S",
            ),
            relation_type: format(
                is_relation_type,
                "a string that is a sequence of [a-zA-Z0-9_]",
                "use letters, digits and `_`, such as `ownedBy`",
                "^[a-zA-Z0-9_]+$",
            ),
        }
    }
}

fn is_name(text: &str) -> bool {
    let outer = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && outer(bytes.first())
        && outer(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn is_dns_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|byte| inner(byte) || byte == b'-')
}

fn is_dns_subdomain(text: &str) -> bool {
    (1..=253).contains(&text.len()) && text.split('.').all(is_dns_label)
}

/// `suffix` or `prefix/suffix`, with a DNS subdomain as prefix.
fn is_prefixed(text: &str, is_suffix: fn(&str) -> bool) -> bool {
    match text.split_once('/') {
        None => is_suffix(text),
        Some((prefix, suffix)) => is_dns_subdomain(prefix) && is_suffix(suffix),
    }
}

fn is_prefixed_name(text: &str) -> bool {
    is_prefixed(text, is_name)
}

fn is_api_version(text: &str) -> bool {
    is_prefixed(text, |suffix| {
        (1..=63).contains(&suffix.len()) && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn is_kind(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_relation_type(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_name(text)
}

fn is_tag(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b':' | b'+' | b'#');
    (1..=63).contains(&text.len()) && text.split('-').all(|part| !part.is_empty() && part.bytes().all(inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: Format, valid: &[&str], invalid: &[&str]) {
        let pattern = serde_json::json!({"type": "string", "pattern": format.pattern});
        let pattern = jsonschema::validator_for(&pattern).unwrap();
        for text in valid.iter().chain(invalid) {
            let text = (*text).into();
            assert_eq!(pattern.is_valid(&text), valid.contains(&text.as_str().unwrap()), "{text}");
        }
        for text in valid {
            assert!((format.accepts)(text), "{text:?} should be {}", format.expected);
        }
        for text in invalid {
            assert!(!(format.accepts)(text), "{text:?} should not be {}", format.expected);
        }
    }

    #[test]
    fn formats_are_those_of_backstage() {
        let formats = Formats::default();
        let (longest, too_long) = ("a".repeat(63), "a".repeat(64));
        check(formats.name, &["a", "A_b.c-d", "a..b", &longest], &["", "-a", "a-", &too_long, "å"]);
        check(formats.namespace, &["a--b"], &["A", "a.b", "-a", ""]);
        check(formats.tag, &["c++", "c#", "a:b"], &["a--b", "a_b", "a.b", "A", ""]);
        check(formats.label_key, &["a.b/C_d", "x"], &["A.b/c", "a/b/c", "/a", "a/"]);
        check(formats.label_value, &["", "a.b"], &["a b"]);
        check(formats.api_version, &["v1", "my-company.net/v1"], &["1.0", "backstage.io", "a/b/c"]);
        check(formats.kind, &["a1"], &["1a", "A-b"]);
        check(formats.url, &["https://a.b", "mailto:x@y"], &["/catalog", "a.b"]);
        check(formats.relation_type, &["ownedBy", "a_1"], &["", "owned by", "a-b"]);
        check(formats.filled, &["x"], &[" "]);
    }
}
