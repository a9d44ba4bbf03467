//! Records of `catalog.sources`: how reading goes, for people. They never influence a final entity.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::{
    DecodeError, EntityRef, KeyError, Problem, ProviderName, Timestamp, claim::json_array, codec::Codec,
};

static CODEC: LazyLock<Codec> = LazyLock::new(|| {
    Codec::new(&[
        (6, include_str!("../avro/source_state.v1.avsc")),
        (11, include_str!("../avro/source_state.v2.avsc")),
        (12, include_str!("../avro/source_state.v3.avsc")),
        (13, include_str!("../avro/source_state.v4.avsc")),
    ])
});

/// How names of ours begin that tell of a record of `catalog.processed` that could not be read: then comes
/// the key of its claim, or its own key where that cannot be read either. `note` is the entity's ref.
pub const DEAD_LETTER: &str = "dead-letter:";

/// How names of ours begin that keep which claims of a provider are missing while their removal waits for a
/// person: then comes the provider's name. `note` is a JSON array of their keys; absent if they are too many.
pub const HELD: &str = "held:";

/// What a record of `catalog.sources` is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKey {
    /// A provider as a whole: `["provider", name]`.
    Provider(ProviderName),
    /// One document that a provider reads: `["location", provider, location ref]`.
    Location(ProviderName, String),
    /// A name of ours, such as the incarnation: `["backstitch", name]`.
    Ours(String),
}

/// How reading one source goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceState {
    /// `ok`, `unchanged`, `failed`, `absent`, `refused` or `withdrawn`.
    pub outcome: String,
    /// What is wrong there now.
    pub errors: Vec<Problem>,
    /// Validator of the last good answer, sent with the next request.
    pub etag: Option<String>,
    /// Digest of the last good content.
    pub digest: Option<String>,
    /// Status of the last answer.
    pub http_status: Option<i32>,
    /// The attempt that this was noted after. Later ones that told nothing new are not noted, so the last
    /// attempt may be later, and so may the last success of what is `ok` and the next read.
    pub last_read_at: Option<Timestamp>,
    /// The last attempt until then that found it.
    pub last_success_at: Option<Timestamp>,
    /// When it was to be read again then.
    pub next_read_at: Option<Timestamp>,
    /// How many entities it claims.
    pub entities: Option<i64>,
    /// Since when it is like that: since when reads fail, or since when the content is the same.
    pub since_at: Option<Timestamp>,
    /// Since when it is confirmed to be absent, if it is.
    pub absent_since: Option<Timestamp>,
    /// Locations that list it, the first few.
    #[serde(default)]
    pub listed_by: Vec<ListedBy>,
    /// Removals that wait for a person.
    pub held: Option<Held>,
    /// Under which rules everything of the provider was last appended.
    pub fingerprint: Option<String>,
    /// The latest commands and what came of them, newest last.
    pub commands: Vec<CommandOutcome>,
    /// Anything else that helps a person.
    pub note: Option<String>,
}

/// A Location that lists a source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ListedBy {
    /// Its ref.
    pub location: EntityRef,
    /// The document that it stands in, as a location ref; empty if the provider itself submitted it.
    pub document: String,
}

/// Removals found by reading that wait for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// How many.
    pub count: i64,
    /// Since when.
    pub since: Timestamp,
    /// Some of the refs.
    pub sample: Vec<String>,
}

/// What came of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandOutcome {
    /// The command's id.
    pub id: String,
    /// The command's kind.
    pub kind: String,
    /// `done`, `rejected` or `failed`.
    pub outcome: String,
    /// Why, if not done.
    pub message: Option<String>,
    /// A word that programs act on, if not done: `conflict`, `not-found` or `not-supported`.
    pub reason: Option<String>,
    /// What came of it, in the words of the kind; JSON.
    pub detail: Option<String>,
    /// What has to be processed until everything that the command changed is visible.
    #[serde(default)]
    pub positions: Vec<ChangesPosition>,
    /// When.
    pub at: Timestamp,
}

/// How far one partition of `catalog.changes` has to be processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangesPosition {
    /// The partition.
    pub partition: i32,
    /// The offset after the last record that counts.
    pub next: i64,
}

impl SourceKey {
    /// The record key.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Provider(name) => json_array(&["provider", name.as_str()]),
            Self::Location(name, location) => json_array(&["location", name.as_str(), location]),
            Self::Ours(name) => json_array(&["backstitch", name]),
        }
    }

    /// Reads a record key.
    ///
    /// # Errors
    /// If the bytes are no key of this topic.
    pub fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        let parts: Vec<String> = serde_json::from_slice(bytes)?;
        match parts.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["provider", name] => Ok(Self::Provider(ProviderName::new(*name))),
            ["location", name, location] => {
                Ok(Self::Location(ProviderName::new(*name), (*location).to_owned()))
            }
            ["backstitch", name] => Ok(Self::Ours((*name).to_owned())),
            other => Err(KeyError::Parts(other.len())),
        }
    }
}

impl SourceState {
    /// The record's value.
    pub fn encode(&self) -> Vec<u8> {
        CODEC.encode(self)
    }

    /// Reads a record's value.
    ///
    /// # Errors
    /// If the bytes are no state of any version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        CODEC.decode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encode_then_decode_is_identity() {
        let state = SourceState {
            outcome: "failed".to_owned(),
            errors: vec![Problem::input("x")],
            http_status: Some(503),
            held: Some(Held {
                count: 2,
                since: Timestamp(1),
                sample: vec!["component:default/a".to_owned()],
            }),
            ..SourceState::default()
        };
        assert_eq!(SourceState::decode(&state.encode()).unwrap(), state);
        let name = ProviderName::new("p");
        for key in [
            SourceKey::Provider(name.clone()),
            SourceKey::Location(name, "url:x".to_owned()),
            SourceKey::Ours("incarnation".to_owned()),
        ] {
            assert_eq!(SourceKey::decode(&key.encode()).unwrap(), key);
        }
    }
}
