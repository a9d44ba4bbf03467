//! Entity refs: the identity of an entity everywhere in the pipeline.
//!
//! An [`EntityRef`] is always canonical: `kind:namespace/name`, lower-cased. [`CompoundRef`] is what
//! people write, with its case kept and parts missing. Rules: Backstage's entity reference format.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// The namespace of an entity that names none.
pub const DEFAULT_NAMESPACE: &str = "default";

/// A canonical entity ref, `kind:namespace/name` in lower case. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntityRef(Arc<str>);

/// What fills the parts that a written ref leaves out.
#[derive(Clone, Copy, Debug, Default)]
pub struct RefContext<'a> {
    /// Kind of a ref without one; without it such a ref is an error.
    pub default_kind: Option<&'a str>,
    /// Namespace of a ref without one; `default` if absent or empty.
    pub default_namespace: Option<&'a str>,
}

/// A ref as it was written: case kept, kind and namespace optional.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompoundRef {
    /// Text before the colon, if there was one.
    pub kind: Option<String>,
    /// Text between colon and slash, if there was a slash.
    pub namespace: Option<String>,
    /// The rest.
    pub name: String,
}

/// Why a text is no entity ref. The texts are those that clients of Backstage match on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefError {
    /// Nothing was given.
    #[error("Entity reference must not be empty")]
    Empty,
    /// A part that is present is empty.
    #[error("Entity reference \"{0}\" was not on the form [<kind>:][<namespace>/]<name>")]
    Form(String),
    /// No kind was written and the context has none.
    #[error(
        "Entity reference \"{0}\" had missing or empty kind (e.g. did not start with \"component:\" or similar)"
    )]
    MissingKind(String),
}

impl EntityRef {
    /// Builds the canonical ref of the given parts. An absent namespace is `default`; an empty one
    /// stays empty, as in Backstage.
    pub fn new(kind: &str, namespace: Option<&str>, name: &str) -> Self {
        let namespace = namespace.unwrap_or(DEFAULT_NAMESPACE);
        let text = format!("{kind}:{namespace}/{name}");
        if text.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) {
            return Self(text.into());
        }
        Self(text.to_lowercase().into())
    }

    /// Parses a written ref and fills what it leaves out from `context`.
    ///
    /// # Errors
    /// If the text is empty, has an empty part, or has no kind where the context has none either.
    pub fn parse(text: &str, context: RefContext<'_>) -> Result<Self, RefError> {
        CompoundRef::parse(text)?.resolve(context)
    }

    /// Takes a text that is canonical already, such as one that was stored.
    pub fn from_canonical(text: &str) -> Self {
        Self(text.into())
    }

    /// The ref of an entity document, if its kind, name and namespace can be read.
    pub fn of_entity(entity: &serde_json::Value) -> Option<Self> {
        let filled =
            |value: &serde_json::Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let kind = filled(entity.get("kind")?)?;
        let metadata = entity.get("metadata")?;
        let name = filled(metadata.get("name")?)?;
        let namespace = match metadata.get("namespace") {
            None | Some(serde_json::Value::Null) => None,
            Some(value) => Some(filled(value)?),
        };
        Some(Self::new(&kind, namespace.as_deref(), &name))
    }

    /// The whole canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first colon.
    pub fn kind(&self) -> &str {
        self.0.split_once(':').map_or("", |(kind, _)| kind)
    }

    /// The part between colon and slash.
    pub fn namespace(&self) -> &str {
        self.after_kind().split_once('/').map_or("", |(namespace, _)| namespace)
    }

    /// The part after the slash.
    pub fn name(&self) -> &str {
        self.after_kind().split_once('/').map_or("", |(_, name)| name)
    }

    /// Whether this names a Location, the kind whose targets ingest follows.
    pub fn is_location(&self) -> bool {
        self.0.starts_with("location:")
    }

    fn after_kind(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, rest)| rest)
    }
}

impl CompoundRef {
    /// Splits a written ref. No character is checked and none is trimmed.
    ///
    /// # Errors
    /// If the text is empty or a part that is present is empty.
    pub fn parse(text: &str) -> Result<Self, RefError> {
        if text.is_empty() {
            return Err(RefError::Empty);
        }
        let slash = text.find('/');
        // A colon behind the first slash belongs to the name.
        let colon = text.find(':').filter(|c| slash.is_none_or(|s| s > *c));
        let kind = colon.map(|c| text[..c].to_owned());
        let rest = colon.map_or(text, |c| &text[c + 1..]);
        let (namespace, name) = match rest.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, rest),
        };
        let empty = |part: &Option<String>| part.as_deref() == Some("");
        if empty(&kind) || empty(&namespace) || name.is_empty() {
            return Err(RefError::Form(text.to_owned()));
        }
        Ok(Self { kind, namespace, name: name.to_owned() })
    }

    /// Fills the missing parts and lower-cases.
    ///
    /// # Errors
    /// If neither the ref nor the context has a kind.
    pub fn resolve(&self, context: RefContext<'_>) -> Result<EntityRef, RefError> {
        let kind = self.kind.as_deref().or(context.default_kind).filter(|kind| !kind.is_empty());
        let kind = kind.ok_or_else(|| RefError::MissingKind(self.to_string()))?;
        let inherited = context.default_namespace.filter(|namespace| !namespace.is_empty());
        let namespace = self.namespace.as_deref().or(inherited);
        Ok(EntityRef::new(kind, namespace, &self.name))
    }
}

impl fmt::Display for CompoundRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(kind) = &self.kind {
            write!(f, "{kind}:")?;
        }
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

impl fmt::Display for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str) -> Result<String, RefError> {
        let context = RefContext { default_kind: Some("dk"), default_namespace: Some("dn") };
        EntityRef::parse(text, context).map(|entity_ref| entity_ref.to_string())
    }

    #[test]
    fn written_refs_resolve_as_in_backstage() {
        for (text, expected) in [
            ("a", "dk:dn/a"),
            ("a/b", "dk:a/b"),
            ("k:a", "k:dn/a"),
            ("a/b:c", "dk:a/b:c"),
            ("k:ns/a:b", "k:ns/a:b"),
            ("k:ns/a/b", "k:ns/a/b"),
            ("a:b:c", "a:dn/b:c"),
            ("K:Ns/Na", "k:ns/na"),
        ] {
            assert_eq!(resolved(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn an_empty_part_is_an_error() {
        for text in ["k:", "/a", "k:/a", "k:ns/", ":a"] {
            assert_eq!(resolved(text), Err(RefError::Form(text.to_owned())));
        }
        assert_eq!(resolved(""), Err(RefError::Empty));
    }

    #[test]
    fn lower_casing_is_unicode_and_an_empty_namespace_stays() {
        assert_eq!(EntityRef::new("K", Some("N"), "İX").as_str(), "k:n/i\u{307}x");
        assert_eq!(EntityRef::new("K", Some(""), "x").as_str(), "k:/x");
        assert_eq!(EntityRef::new("k", None, "x").as_str(), "k:default/x");
    }
}
