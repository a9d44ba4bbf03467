//! Claims: what one source says about one entity ref.
//!
//! There is one claim per (ref, provider, listing): per edge, never per path. Its key is the key of
//! its records in `catalog.changes`.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::EntityRef;

/// The name of an entity provider. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProviderName(Arc<str>);

/// The edge along which a Location lists a document, as part of a claim's source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Listing {
    /// The Location's ref.
    pub location: EntityRef,
    /// The document that the Location stands in: the `listed` of its own claim, or empty if the
    /// provider itself submitted it.
    pub document: Arc<str>,
    /// The document that it lists, as a location ref; the claimed entity stands in it.
    pub listed: Arc<str>,
}

/// Which claim a record is about: ref, provider and, for what a Location lists, the listing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimKey {
    /// The claimed ref.
    pub entity_ref: EntityRef,
    /// Whose claim it is.
    pub provider: ProviderName,
    /// Absent for what the provider itself submitted.
    pub listing: Option<Listing>,
}

/// The identity of a claim: minted when it is first made, carried by every later record about it,
/// and the entity's `metadata.uid` while the claim wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Identity(pub Uuid);

/// The id of a registered location: minted when it is registered, and kept whatever its target becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LocationId(pub Uuid);

/// How new a record about a claim is: the offset of its change in `catalog.changes`.
///
/// All records of one claim are in one partition, so versions of one claim can be compared; those
/// of different claims can not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub i64);

/// Why bytes are no key of ours.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not a JSON array of strings.
    #[error("the key is not a JSON array of strings")]
    Json(#[from] serde_json::Error),
    /// An array of another length.
    #[error("the key has {0} parts")]
    Parts(usize),
}

impl ProviderName {
    /// A provider's name, as configured or pushed.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ClaimKey {
    /// The claim of a provider on what it submitted itself.
    pub fn own(entity_ref: EntityRef, provider: ProviderName) -> Self {
        Self { entity_ref, provider, listing: None }
    }

    /// The claim of a provider on what one of its Locations lists.
    pub fn listed(entity_ref: EntityRef, provider: ProviderName, listing: Listing) -> Self {
        Self { entity_ref, provider, listing: Some(listing) }
    }

    /// The document that the claimed entity stands in; empty for a provider's own claim. A Location
    /// with this claim lists under this document.
    pub fn document(&self) -> &str {
        self.listing.as_ref().map_or("", |listing| &listing.listed)
    }

    /// The record key: a compact JSON array of two or five strings.
    pub fn encode(&self) -> Vec<u8> {
        json_array(&self.parts())
    }

    /// The parts of the key in order.
    pub(crate) fn parts(&self) -> Vec<&str> {
        let mut parts = vec![self.entity_ref.as_str(), self.provider.as_str()];
        if let Some(listing) = &self.listing {
            parts.extend([listing.location.as_str(), &*listing.document, &*listing.listed]);
        }
        parts
    }

    /// Reads a record key.
    ///
    /// # Errors
    /// If the bytes are no JSON array of two or five strings.
    pub fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::from_parts(&serde_json::from_slice::<Vec<String>>(bytes)?)
    }

    pub(crate) fn from_parts(parts: &[String]) -> Result<Self, KeyError> {
        let listing = match parts {
            [_, _] => None,
            [_, _, location, document, listed] => Some(Listing {
                location: EntityRef::from_canonical(location),
                document: document.as_str().into(),
                listed: listed.as_str().into(),
            }),
            other => return Err(KeyError::Parts(other.len())),
        };
        Ok(Self {
            entity_ref: EntityRef::from_canonical(&parts[0]),
            provider: ProviderName::new(parts[1].as_str()),
            listing,
        })
    }
}

/// A compact JSON array of strings, the form of every composite key.
pub(crate) fn json_array(parts: &[&str]) -> Vec<u8> {
    serde_json::to_vec(parts).expect("strings always serialise")
}

impl Identity {
    /// A new identity.
    pub fn mint() -> Self {
        Self(Uuid::new_v4())
    }
}

impl LocationId {
    /// A new id.
    pub fn mint() -> Self {
        Self(Uuid::new_v4())
    }

    /// Reads an id; `None` if the text is no UUID.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::parse_str(text).ok().map(Self)
    }
}

impl fmt::Display for LocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encode_then_decode_is_identity() {
        let entity_ref = EntityRef::new("component", None, "a\"b");
        let provider = ProviderName::new("github:\"x\"");
        let listing = Listing {
            location: EntityRef::new("location", None, "root"),
            document: "".into(),
            listed: "url:https://host/a.yaml".into(),
        };
        for key in [
            ClaimKey::own(entity_ref.clone(), provider.clone()),
            ClaimKey::listed(entity_ref, provider, listing),
        ] {
            assert_eq!(ClaimKey::decode(&key.encode()).unwrap(), key);
        }
    }

    #[test]
    fn foreign_keys_are_refused() {
        for bytes in [&b"x"[..], b"[\"a\"]", b"[1,2]", b"[\"a\",\"b\",\"c\"]"] {
            assert!(ClaimKey::decode(bytes).is_err());
        }
    }
}
