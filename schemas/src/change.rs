//! Records of `catalog.changes`: what a source says about one entity ref.
//!
//! A change carries everything that processing needs, so that a replay never calls the outside.

use std::{collections::HashMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

use crate::{
    DecodeError, Digest, Identity, LocationId, Problem, Timestamp, canonical, codec::Codec, placeholder,
};

static CODEC: LazyLock<Codec> = LazyLock::new(|| {
    Codec::new(&[(1, include_str!("../avro/change.v1.avsc")), (8, include_str!("../avro/change.v2.avsc"))])
});

/// One change of a claim. Its claim is the record's key, its version the record's offset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Identity of the claim; a change of location key makes a new one.
    pub identity: Identity,
    /// When the claim was first made.
    pub created_at: Timestamp,
    /// The location key, if the source gave one.
    pub location_key: Option<String>,
    /// The id of the registered location that the claim is; absent for every other claim.
    pub location_id: Option<LocationId>,
    /// Digest of content and location key, see [`Content::digest`]; of nothing when withdrawn.
    pub digest: String,
    /// The location no longer lists it, and orphans are kept.
    pub released: bool,
    /// What the source says; absent when the claim is withdrawn.
    pub content: Option<Content>,
    /// Why this record was written.
    pub cause: Cause,
}

/// What a source says about an entity, and all that is needed to process it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// The unprocessed entity as canonical JSON; not validated, so not typed.
    pub entity: String,
    /// Location ref of the document it stands in.
    pub location: String,
    /// Location ref whose registration led here; `catalog.rules` look at this one.
    pub origin: String,
    /// Where in its file it stands, if it came from a file.
    pub position: Option<Position>,
    /// What was read for each placeholder.
    pub substitutions: Vec<Substitution>,
    /// Lasting errors of what this Location lists; empty for other kinds.
    pub listing_errors: Vec<Problem>,
}

/// Where in its file a document stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Number of the document in its file, from 1.
    pub document: i32,
    /// Line where it begins, from 1.
    pub line: i32,
    /// Lines of the values that ingest's checks found wrong; empty for a sound document, so that
    /// moving it within its file changes nothing.
    pub lines: Vec<PathLine>,
}

/// The line of one value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathLine {
    /// JSON pointer of the value.
    pub path: String,
    /// Line in the file, from 1.
    pub line: i32,
}

/// What was read for a placeholder: a text, or the reason why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Substitution {
    /// What it is kept under, see [`crate::placeholder::Placeholder::key`]: the value as written;
    /// behind the resolver's name where the text is more than what stands there.
    pub value: String,
    /// What was read there, and for API definitions also what that refers to.
    pub text: Option<String>,
    /// Why nothing was read.
    pub error: Option<String>,
}

/// Why a record was written, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The sort of reason.
    pub kind: CauseKind,
    /// Which file, push or command.
    pub detail: Option<String>,
    /// When it happened.
    pub at: Timestamp,
}

/// The sorts of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum CauseKind {
    /// A provider read its source.
    Read,
    /// A provider outside the process pushed.
    Push,
    /// The configuration changed.
    Configuration,
    /// A person asked for it.
    Command,
    /// The rules of processing changed.
    Reprocess,
    /// Brought along from another catalog.
    Import,
}

impl CauseKind {
    const NAMES: [(Self, &'static str); 6] = [
        (Self::Read, "read"),
        (Self::Push, "push"),
        (Self::Configuration, "configuration"),
        (Self::Command, "command"),
        (Self::Reprocess, "reprocess"),
        (Self::Import, "import"),
    ];

    /// The word in records and answers.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map_or("read", |(_, name)| name)
    }
}

impl From<CauseKind> for String {
    fn from(kind: CauseKind) -> Self {
        kind.as_str().to_owned()
    }
}

impl TryFrom<String> for CauseKind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(_, name)| *name == text);
        found.map(|(kind, _)| *kind).ok_or_else(|| format!("unknown cause {text:?}"))
    }
}

impl Substitution {
    fn size(&self) -> (&str, usize) {
        (&self.value, self.text.as_deref().map_or(0, str::len))
    }
}

impl Change {
    /// The record's value.
    pub fn encode(&self) -> Vec<u8> {
        CODEC.encode(self)
    }

    /// Reads a record's value.
    ///
    /// # Errors
    /// If the bytes are no change of any version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        CODEC.decode(bytes)
    }
}

impl Content {
    /// The bytes of the entity with what its placeholders read, each time that it is put in.
    pub fn size(&self) -> usize {
        let texts: HashMap<&str, usize> = self.substitutions.iter().map(Substitution::size).collect();
        if texts.is_empty() {
            return self.entity.len();
        }
        let entity = serde_json::from_str(&self.entity).unwrap_or_default();
        let put_in = placeholder::placeholders(&entity).into_iter().filter_map(|found| found.key());
        put_in.fold(self.entity.len(), |size, key| size + texts.get(&*key).copied().unwrap_or(0))
    }

    /// The digest that tells whether a source says something new. Where the document stands in its
    /// file does not count, unless something in it is wrong (see [`Position::lines`]).
    pub fn digest(&self, location_key: Option<&str>) -> Digest {
        let position = self.position.as_ref().filter(|position| !position.lines.is_empty());
        let said = serde_json::json!({
            "entity": self.entity,
            "location": self.location,
            "origin": self.origin,
            "locationKey": location_key,
            "position": position,
            "substitutions": self.substitutions,
            "listingErrors": self.listing_errors,
        });
        Digest::of(canonical::to_string(&said).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Content {
        Content {
            entity: r#"{"kind":"Component"}"#.to_owned(),
            location: "file:/a.yaml".to_owned(),
            origin: "file:/b.yaml".to_owned(),
            position: Some(Position { document: 2, line: 7, lines: Vec::new() }),
            substitutions: vec![Substitution {
                value: "./x".to_owned(),
                text: None,
                error: Some("gone".to_owned()),
            }],
            listing_errors: vec![Problem::input("no such file").with_advice("add it")],
        }
    }

    #[test]
    fn encode_then_decode_is_identity() {
        let mut change = Change {
            identity: Identity::mint(),
            created_at: Timestamp(1),
            location_key: Some("key".to_owned()),
            location_id: Some(LocationId::mint()),
            digest: content().digest(None).to_string(),
            released: true,
            content: Some(content()),
            cause: Cause { kind: CauseKind::Push, detail: None, at: Timestamp(2) },
        };
        assert_eq!(Change::decode(&change.encode()).unwrap(), change);
        change.content = None;
        change.location_key = None;
        assert_eq!(Change::decode(&change.encode()).unwrap(), change);
    }

    #[test]
    fn a_text_counts_each_time_that_it_is_put_in() {
        let entity = r#"{"a":{"$text":"./x"},"b":[{"$text":"./x"},{"$openapi":"./x"}]}"#.to_owned();
        let read = |key: &str, text: &str| Substitution {
            value: key.to_owned(),
            text: Some(text.to_owned()),
            error: None,
        };
        let substitutions = vec![read("./x", "12345"), read("$openapi ./x", "123")];
        let length = entity.len();
        assert_eq!(Content { entity, substitutions, ..content() }.size(), length + 13);
    }

    #[test]
    fn moving_a_sound_document_within_its_file_changes_nothing() {
        let mut moved = content();
        moved.position = Some(Position { document: 3, line: 70, lines: Vec::new() });
        assert_eq!(moved.digest(None), content().digest(None));
        assert_ne!(moved.digest(Some("key")), content().digest(None));
    }

    #[test]
    fn foreign_bytes_are_an_error() {
        for bytes in [&b""[..], b"{}", b"\0\0\0\0\x01", b"\0\0\0\x03\xe7rest"] {
            assert!(Change::decode(bytes).is_err(), "{bytes:?}");
        }
    }
}
