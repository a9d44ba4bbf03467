//! Records of `catalog.commands`: what a person asks of a provider. Transport only; the outcome is
//! in `catalog.sources`. The key is the provider's name.

mod payload;

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::payload::{
    DeleteEntity, LocationConflict, LocationDetail, Register, ScmActions, ScmEvents, Unregister,
    UpdateLocation,
};
use crate::{DecodeError, Timestamp, codec::Codec};

static CODEC: LazyLock<Codec> =
    LazyLock::new(|| Codec::new(&[(7, include_str!("../../avro/command.v1.avsc"))]));

/// A command to the owner of a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Command {
    /// Names the command in its outcome.
    pub id: Uuid,
    /// `refresh`, `confirm-removals`, `discard-removals`, `withdraw-provider`, `register`,
    /// `update-location`, `unregister`, `delete-entity` or `scm-events`.
    pub kind: String,
    /// What the kind needs, as JSON.
    pub payload: Option<String>,
    /// Who asked.
    pub requested_by: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl Command {
    /// The record's value.
    pub fn encode(&self) -> Vec<u8> {
        CODEC.encode(self)
    }

    /// Reads a record's value.
    ///
    /// # Errors
    /// If the bytes are no command of any version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        CODEC.decode(bytes)
    }
}
