//! How values are stored: words for enums, JSON for lists, bytes for digests, zstd for old bodies.
//!
//! Both databases use the same encodings, so that a person finds the same in either.

use backstitch_schemas::{ClaimKey, Digest, EntityRef, Listing, Problem, ProviderName, source::SourceKey};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zstd::{bulk, zstd_safe};

use crate::{ClaimState, HistoryOperation, ReadModelError, Standing};

/// An enum that is stored as a word.
pub(crate) trait Word: Copy + PartialEq + 'static {
    /// Each value and its word.
    const WORDS: &'static [(Self, &'static str)];

    /// The word of this value.
    fn word(self) -> &'static str {
        let found = Self::WORDS.iter().find(|(value, _)| *value == self);
        found.map(|(_, word)| *word).expect("every value has a word")
    }

    /// The value of a stored word.
    fn of_word(word: &str) -> Result<Self, ReadModelError> {
        let found = Self::WORDS.iter().find(|(_, known)| *known == word);
        found.map(|(value, _)| *value).ok_or_else(|| damaged(format!("unknown word {word:?}")))
    }
}

impl Word for ClaimState {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Good, "good"),
        (Self::Refused, "refused"),
        (Self::Withdrawn, "withdrawn"),
        (Self::Formless, "formless"),
    ];
}

impl Word for Standing {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Winner, "winner"),
        (Self::Loser, "loser"),
        (Self::Repeated, "repeated"),
        (Self::Detached, "detached"),
        (Self::Formless, "formless"),
    ];
}

impl Word for HistoryOperation {
    const WORDS: &'static [(Self, &'static str)] =
        &[(Self::Created, "created"), (Self::Updated, "updated"), (Self::Deleted, "deleted")];
}

/// What is stored is not what was written.
pub(crate) fn damaged(what: impl std::fmt::Display) -> ReadModelError {
    ReadModelError::Unusable(format!("the read model is damaged, delete it to have it rebuilt: {what}"))
}

/// A source's key as its row has it.
pub(crate) fn source_key(key: &SourceKey) -> String {
    String::from_utf8(key.encode()).expect("keys are JSON")
}

/// A value as JSON text.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("rows have only string keys and finite numbers")
}

/// A list as JSON text; the empty list, by far the most common, without any work.
pub(crate) fn json_list<T: Serialize>(list: &[T]) -> String {
    if list.is_empty() { "[]".to_owned() } else { json(list) }
}

/// A value from JSON text.
pub(crate) fn of_json<T: DeserializeOwned>(text: &str) -> Result<T, ReadModelError> {
    serde_json::from_str(text).map_err(damaged)
}

/// A list from JSON text.
pub(crate) fn of_json_list<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, ReadModelError> {
    if text == "[]" { Ok(Vec::new()) } else { of_json(text) }
}

/// An errors part as JSON text: its problems, the first with the owner beside it.
pub(crate) fn json_errors(errors: &[Problem], owner: Option<&EntityRef>) -> String {
    let of_first = |(at, problem)| ErrorOf { problem, owner: owner.filter(|_| at == 0).cloned() };
    json_list(&errors.iter().enumerate().map(of_first).collect::<Vec<_>>())
}

/// An errors part from JSON text.
pub(crate) fn of_json_errors(text: &str) -> Result<(Vec<Problem>, Option<EntityRef>), ReadModelError> {
    let mut owner = None;
    let errors = of_json_list::<ErrorOf<Problem>>(text)?.into_iter().map(|error| {
        owner = owner.take().or(error.owner);
        error.problem
    });
    Ok((errors.collect(), owner))
}

/// A problem and whom the entity that has it names as its owner.
#[derive(Serialize, Deserialize)]
struct ErrorOf<P> {
    #[serde(flatten)]
    problem: P,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<EntityRef>,
}

/// A digest from its 16 bytes.
pub(crate) fn digest(bytes: &[u8]) -> Result<Digest, ReadModelError> {
    let bytes = bytes.try_into().map_err(|_| damaged("a digest has 16 bytes"))?;
    Ok(Digest(u128::from_be_bytes(bytes)))
}

/// The 16 bytes of a digest.
pub(crate) fn digest_bytes(digest: Digest) -> Vec<u8> {
    digest.0.to_be_bytes().to_vec()
}

/// The listing of a claim's key, as a JSON array.
pub(crate) fn listing(key: &ClaimKey) -> Option<String> {
    let listing = key.listing.as_ref()?;
    Some(json(&[listing.location.as_str(), &*listing.document, &*listing.listed]))
}

/// A claim's key from its parts.
pub(crate) fn claim_key(
    entity_ref: EntityRef,
    provider: &str,
    listing: Option<&str>,
) -> Result<ClaimKey, ReadModelError> {
    let listing = listing.map(of_json::<(EntityRef, String, String)>).transpose()?;
    let listing = listing.map(|(location, document, listed)| Listing {
        location,
        document: document.into(),
        listed: listed.into(),
    });
    Ok(ClaimKey { entity_ref, provider: ProviderName::new(provider), listing })
}

/// Compresses the bodies of one commit.
pub(crate) struct Squeeze(bulk::Compressor<'static>);

impl Squeeze {
    /// Level 1: history is written far more often than it is read.
    const LEVEL: i32 = 1;

    pub(crate) fn new() -> Self {
        Self(bulk::Compressor::new(Self::LEVEL).expect("level 1 exists"))
    }

    pub(crate) fn frame(&mut self, body: &str) -> Vec<u8> {
        self.0.compress(body.as_bytes()).expect("the buffer is as large as the worst case")
    }
}

/// Reads back what [`Squeeze`] made. One for many bodies, because each has to set up its tables.
pub(crate) struct Unsqueeze(bulk::Decompressor<'static>);

impl Unsqueeze {
    pub(crate) fn new() -> Self {
        Self(bulk::Decompressor::new().expect("no dictionary is loaded"))
    }

    pub(crate) fn body(&mut self, frame: &[u8]) -> Result<String, ReadModelError> {
        let size = zstd_safe::get_frame_content_size(frame).ok().flatten();
        let size = size.and_then(|size| usize::try_from(size).ok());
        let size = size.ok_or_else(|| damaged("a history body is no zstd frame"))?;
        String::from_utf8(self.0.decompress(frame, size).map_err(damaged)?).map_err(damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_squeezed_comes_back() {
        let long = "ä🦀\u{0}".repeat(100_000);
        let (mut squeeze, mut unsqueeze) = (Squeeze::new(), Unsqueeze::new());
        for body in ["", "{}", long.as_str()] {
            assert_eq!(unsqueeze.body(&squeeze.frame(body)).unwrap(), body);
        }
        assert!(unsqueeze.body(b"no frame").is_err());
    }

    #[test]
    fn words_come_back() {
        for (state, word) in ClaimState::WORDS {
            assert_eq!(ClaimState::of_word(word).unwrap(), *state);
            assert_eq!(state.word(), *word);
        }
        assert!(Standing::of_word("").is_err());
    }
}
