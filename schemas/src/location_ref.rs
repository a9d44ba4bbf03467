//! Location refs, `type:target`: where a descriptor stands.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};

/// Where a descriptor stands: `url:https://…` or `file:/…`, or any other type a provider uses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LocationRef {
    /// `url`, `file`, or a provider's own word.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the type understands: a URL, a path, …
    pub target: String,
}

/// Why a text is no location ref.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationRefError {
    /// No colon, or nothing on one of its sides.
    #[error("Unable to parse location ref '{0}', expected '<type>:<target>', e.g. 'url:https://host/path'")]
    Form(String),
    /// A bare URL.
    #[error("Invalid location ref '{0}', please prefix it with 'url:', e.g. 'url:{0}'")]
    BareUrl(String),
    /// A target that a browser would run.
    #[error("Invalid location ref '{0}', the target must not be a javascript: URL")]
    Script(String),
}

impl LocationRef {
    /// A location of the given type and target.
    pub fn new(kind: impl Into<String>, target: impl Into<String>) -> Self {
        Self { kind: kind.into(), target: target.into() }
    }

    /// Splits at the first colon and trims both sides.
    ///
    /// # Errors
    /// If a side is empty, the text is a bare URL, or the target is a `javascript:` URL.
    pub fn parse(text: &str) -> Result<Self, LocationRefError> {
        let form = || LocationRefError::Form(text.to_owned());
        let (kind, target) = text.split_once(':').ok_or_else(form)?;
        let (kind, target) = (kind.trim(), target.trim());
        if kind.is_empty() || target.is_empty() {
            return Err(form());
        }
        if kind == "http" || kind == "https" {
            return Err(LocationRefError::BareUrl(text.to_owned()));
        }
        if is_script_url(target) {
            return Err(LocationRefError::Script(text.to_owned()));
        }
        Ok(Self::new(kind, target))
    }

    /// The name that Backstage gives the Location entity generated for this place:
    /// `generated-` and the SHA-1 of `type:target`.
    pub fn generated_name(&self) -> String {
        let hash = Sha1::digest(self.to_string().as_bytes());
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("generated-{hex}")
    }
}

/// Whether a browser would take `text` for a `javascript:` URL: leading blanks and control
/// characters, embedded line breaks and tabs, and case make no difference.
pub fn is_script_url(text: &str) -> bool {
    let squeezed: String = text
        .trim_start_matches(|c: char| c <= ' ')
        .chars()
        .filter(|c| !matches!(c, '\r' | '\n' | '\t'))
        .take("javascript:".len())
        .collect();
    squeezed.eq_ignore_ascii_case("javascript:")
}

impl fmt::Display for LocationRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_the_first_colon_and_trims() {
        assert_eq!(LocationRef::parse("url:https://a/b:c"), Ok(LocationRef::new("url", "https://a/b:c")));
        assert_eq!(LocationRef::parse(" url : x "), Ok(LocationRef::new("url", "x")));
        assert_eq!(LocationRef::parse("file:/a"), Ok(LocationRef::new("file", "/a")));
    }

    #[test]
    fn refuses_what_backstage_refuses() {
        for text in ["url:", "x", "a:", "http://a", "url: javascript:alert(1)", "url:\u{1}java\nscript:x"] {
            assert!(LocationRef::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn generated_names_are_those_of_backstage() {
        for (target, hash) in [
            (
                "https://github.com/a/b/blob/main/catalog-info.yaml",
                "b391f89a5f26c51a5e4a7c6473375b8c42a1e55c",
            ),
            ("https://backstage.io/catalog-info.yaml", "bbad4f61e08f24e25d5c5e68e13e164f760aff06"),
        ] {
            assert_eq!(LocationRef::new("url", target).generated_name(), format!("generated-{hash}"));
        }
    }
}
