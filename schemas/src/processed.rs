//! Records of `catalog.processed`: what processing made of each claim.
//!
//! A claim has two parts with a key each. The *form* is its latest good, refused or withdrawn
//! version; the *errors* are written only for an invalid version, so that the last good form
//! survives compaction. Errors count while their version exceeds the form's; a form counts unless
//! errors of a higher version carry another identity.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::{
    ClaimKey, DecodeError, EntityRef, Identity, KeyError, LocationId, Problem, Timestamp, Version,
    change::Cause, claim::json_array, codec::Codec,
};

static FORM: LazyLock<Codec> = LazyLock::new(|| {
    Codec::new(&[(2, include_str!("../avro/form.v1.avsc")), (9, include_str!("../avro/form.v2.avsc"))])
});
static ERRORS: LazyLock<Codec> = LazyLock::new(|| {
    Codec::new(&[
        (3, include_str!("../avro/errors.v1.avsc")),
        (10, include_str!("../avro/errors.v2.avsc")),
        (14, include_str!("../avro/errors.v3.avsc")),
    ])
});
static PROGRESS: LazyLock<Codec> =
    LazyLock::new(|| Codec::new(&[(4, include_str!("../avro/progress.v1.avsc"))]));

/// The key of a record in `catalog.processed`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ProcessedKey {
    /// The form of a claim: the claim's parts and `form`.
    Form(ClaimKey),
    /// The errors of a claim: the claim's parts and `errors`.
    Errors(ClaimKey),
    /// Progress in one partition: `["progress"]`.
    Progress,
    /// The log's header: `["log"]`.
    Header,
}

/// A record of `catalog.processed`, key and value together.
#[derive(Clone, Debug, PartialEq)]
pub enum Processed {
    /// Part *form* of a claim.
    Form(ClaimKey, Form),
    /// Part *errors* of a claim.
    Errors(ClaimKey, Errors),
    /// How far processing has come in this partition of `catalog.changes`.
    Progress(Progress),
    /// The log's header; for the readers' eyes only.
    Header,
}

/// What every result says about the change it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Which change: the stitcher never lets a lower one replace a higher one.
    pub version: Version,
    /// Identity of the claim at that version.
    pub identity: Identity,
    /// When the claim was first made.
    pub created_at: Timestamp,
    /// The location key, if the source gave one.
    pub location_key: Option<String>,
    /// The id of the registered location that the claim is; absent for every other claim.
    pub location_id: Option<LocationId>,
    /// Whether the claim is an orphan that is kept.
    pub released: bool,
    /// What the result depends on besides the change.
    pub fingerprint: String,
}

/// The form of a claim at a version.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    /// Which change it comes from.
    pub stamp: Stamp,
    /// What became of it.
    pub state: FormState,
    /// Why the change was made.
    pub cause: Cause,
}

/// What became of a change that is not invalid.
#[derive(Clone, Debug, PartialEq)]
pub enum FormState {
    /// It passed.
    Good(GoodForm),
    /// `catalog.rules` or the configured kinds do not let it in.
    Refused(Problem),
    /// The source no longer claims it.
    Withdrawn,
}

/// A claim that passed.
#[derive(Clone, Debug, PartialEq)]
pub struct GoodForm {
    /// The processed entity as canonical JSON, without `relations`, `status`, `uid` and `etag`.
    pub entity: String,
    /// The relations that it implies, both directions.
    pub relations: Vec<Relation>,
    /// Errors that do not spoil it: those of what a Location lists.
    pub errors: Vec<Problem>,
}

/// A relation between two entity refs; either end may be dangling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Relation {
    /// The entity that shows it.
    pub source: EntityRef,
    /// E.g. `ownedBy`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The entity that it points at.
    pub target: EntityRef,
}

/// The errors of an invalid version.
#[derive(Clone, Debug, PartialEq)]
pub struct Errors {
    /// Which change they come from.
    pub stamp: Stamp,
    /// All problems found; the first is worded as clients of Backstage expect.
    pub errors: Vec<Problem>,
    /// The owner that the invalid version names, if that is readable.
    pub owner: Option<EntityRef>,
    /// Why the change was made.
    pub cause: Cause,
}

/// How far processing has come in one partition of `catalog.changes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The offset that is processed next; everything before it has its outcome.
    pub next: i64,
}

impl ProcessedKey {
    /// The record key.
    pub fn encode(&self) -> Vec<u8> {
        let part = |claim: &ClaimKey, part| {
            let mut parts = claim.parts();
            parts.push(part);
            json_array(&parts)
        };
        match self {
            Self::Form(claim) => part(claim, "form"),
            Self::Errors(claim) => part(claim, "errors"),
            Self::Progress => json_array(&["progress"]),
            Self::Header => json_array(&["log"]),
        }
    }

    /// Reads a record key.
    ///
    /// # Errors
    /// If the bytes are no key of this topic.
    pub fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        let parts: Vec<String> = serde_json::from_slice(bytes)?;
        let [claim @ .., part] = parts.as_slice() else { return Err(KeyError::Parts(0)) };
        match (claim, part.as_str()) {
            ([], "progress") => Ok(Self::Progress),
            ([], "log") => Ok(Self::Header),
            (claim, "form") => Ok(Self::Form(ClaimKey::from_parts(claim)?)),
            (claim, "errors") => Ok(Self::Errors(ClaimKey::from_parts(claim)?)),
            _ => Err(KeyError::Parts(parts.len())),
        }
    }
}

impl Processed {
    /// Key and value of the record.
    pub fn encode(&self) -> (Vec<u8>, Vec<u8>) {
        match self {
            Self::Form(claim, form) => {
                (ProcessedKey::Form(claim.clone()).encode(), FORM.encode(&FormWire::from(form)))
            }
            Self::Errors(claim, errors) => {
                (ProcessedKey::Errors(claim.clone()).encode(), ERRORS.encode(&ErrorsWire::from(errors)))
            }
            Self::Progress(progress) => (ProcessedKey::Progress.encode(), PROGRESS.encode(progress)),
            Self::Header => (ProcessedKey::Header.encode(), Vec::new()),
        }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// If key or value are none of this topic's; the record then belongs to the dead letters.
    pub fn decode(key: &[u8], value: &[u8]) -> Result<Self, ProcessedError> {
        Ok(match ProcessedKey::decode(key)? {
            ProcessedKey::Form(claim) => Self::Form(claim, FORM.decode::<FormWire>(value)?.try_into()?),
            ProcessedKey::Errors(claim) => Self::Errors(claim, ERRORS.decode::<ErrorsWire>(value)?.into()),
            ProcessedKey::Progress => Self::Progress(PROGRESS.decode(value)?),
            ProcessedKey::Header => Self::Header,
        })
    }

    /// The claim that the record is about, if it is about one.
    pub fn claim(&self) -> Option<&ClaimKey> {
        match self {
            Self::Form(claim, _) | Self::Errors(claim, _) => Some(claim),
            Self::Progress(_) | Self::Header => None,
        }
    }
}

/// Why a record of `catalog.processed` could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ProcessedError {
    /// The key is not ours.
    #[error("the key cannot be read")]
    Key(#[from] KeyError),
    /// The value is not ours.
    #[error("the value cannot be read")]
    Value(#[from] DecodeError),
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Form", rename_all = "camelCase")]
struct FormWire {
    version: i64,
    identity: Identity,
    created_at: Timestamp,
    location_key: Option<String>,
    location_id: Option<LocationId>,
    released: bool,
    fingerprint: String,
    state: String,
    entity: Option<String>,
    relations: Vec<Relation>,
    errors: Vec<Problem>,
    cause: Cause,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Errors", rename_all = "camelCase")]
struct ErrorsWire {
    version: i64,
    identity: Identity,
    created_at: Timestamp,
    location_key: Option<String>,
    location_id: Option<LocationId>,
    released: bool,
    fingerprint: String,
    errors: Vec<Problem>,
    owner: Option<EntityRef>,
    cause: Cause,
}

impl From<&Form> for FormWire {
    fn from(form: &Form) -> Self {
        let stamp = form.stamp.clone();
        let (state, entity, relations, errors) = match &form.state {
            FormState::Good(good) => {
                ("good", Some(good.entity.clone()), good.relations.clone(), good.errors.clone())
            }
            FormState::Refused(reason) => ("refused", None, Vec::new(), vec![reason.clone()]),
            FormState::Withdrawn => ("withdrawn", None, Vec::new(), Vec::new()),
        };
        Self {
            version: stamp.version.0,
            identity: stamp.identity,
            created_at: stamp.created_at,
            location_key: stamp.location_key,
            location_id: stamp.location_id,
            released: stamp.released,
            fingerprint: stamp.fingerprint,
            state: state.to_owned(),
            entity,
            relations,
            errors,
            cause: form.cause.clone(),
        }
    }
}

impl TryFrom<FormWire> for Form {
    type Error = DecodeError;

    fn try_from(wire: FormWire) -> Result<Self, DecodeError> {
        let mut errors = wire.errors;
        let state = match (wire.state.as_str(), wire.entity) {
            ("good", Some(entity)) => FormState::Good(GoodForm { entity, relations: wire.relations, errors }),
            ("refused", _) => FormState::Refused(
                errors.pop().unwrap_or_else(|| Problem::new("NotAllowedError", "refused without a reason")),
            ),
            ("withdrawn", _) => FormState::Withdrawn,
            _ => return Err(DecodeError::Field { field: "state", text: wire.state }),
        };
        let stamp = Stamp {
            version: Version(wire.version),
            identity: wire.identity,
            created_at: wire.created_at,
            location_key: wire.location_key,
            location_id: wire.location_id,
            released: wire.released,
            fingerprint: wire.fingerprint,
        };
        Ok(Self { stamp, state, cause: wire.cause })
    }
}

impl From<&Errors> for ErrorsWire {
    fn from(errors: &Errors) -> Self {
        let stamp = errors.stamp.clone();
        Self {
            version: stamp.version.0,
            identity: stamp.identity,
            created_at: stamp.created_at,
            location_key: stamp.location_key,
            location_id: stamp.location_id,
            released: stamp.released,
            fingerprint: stamp.fingerprint,
            errors: errors.errors.clone(),
            owner: errors.owner.clone(),
            cause: errors.cause.clone(),
        }
    }
}

impl From<ErrorsWire> for Errors {
    fn from(wire: ErrorsWire) -> Self {
        let stamp = Stamp {
            version: Version(wire.version),
            identity: wire.identity,
            created_at: wire.created_at,
            location_key: wire.location_key,
            location_id: wire.location_id,
            released: wire.released,
            fingerprint: wire.fingerprint,
        };
        Self { stamp, errors: wire.errors, owner: wire.owner, cause: wire.cause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ProviderName, change::CauseKind};

    #[test]
    fn encode_then_decode_is_identity() {
        let claim = ClaimKey::own(EntityRef::new("component", None, "a"), ProviderName::new("p"));
        let stamp = Stamp {
            version: Version(7),
            identity: Identity::mint(),
            created_at: Timestamp(3),
            location_key: None,
            location_id: Some(LocationId::mint()),
            released: false,
            fingerprint: "f".to_owned(),
        };
        let cause = Cause { kind: CauseKind::Read, detail: Some("x".to_owned()), at: Timestamp(4) };
        let relation = Relation {
            source: EntityRef::new("component", None, "a"),
            kind: "ownedBy".to_owned(),
            target: EntityRef::new("group", None, "g"),
        };
        let good = GoodForm { entity: "{}".to_owned(), relations: vec![relation], errors: Vec::new() };
        let states = [FormState::Good(good), FormState::Refused(Problem::input("no")), FormState::Withdrawn];
        let mut records: Vec<_> = states
            .into_iter()
            .map(|state| {
                let form = Form { stamp: stamp.clone(), state, cause: cause.clone() };
                Processed::Form(claim.clone(), form)
            })
            .collect();
        let owner = Some(EntityRef::new("group", None, "g"));
        let errors = Errors { stamp, errors: vec![Problem::input("bad")], owner, cause };
        records.push(Processed::Errors(claim, errors));
        records.push(Processed::Progress(Progress { next: 12 }));
        for record in records {
            let (key, value) = record.encode();
            assert_eq!(Processed::decode(&key, &value).unwrap(), record);
        }
    }
}
