//! What each kind of command needs.

use serde::{Deserialize, Serialize};

use crate::{EntityRef, LocationId, LocationRef, RegisteredLocation};

/// What is done with a place that is registered already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LocationConflict {
    /// It is refused.
    #[default]
    Reject,
    /// It is read again.
    Refresh,
}

/// `register`: adds a location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Register {
    /// What to read.
    #[serde(flatten)]
    pub location: LocationRef,
    /// What to do where it is registered already.
    #[serde(default)]
    pub on_conflict: LocationConflict,
    /// The id that it gets, such as one of another catalog; the command's own if there is none.
    pub id: Option<LocationId>,
}

/// `update-location`: reads another place from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateLocation {
    /// Which one.
    pub id: LocationId,
    /// What to read.
    #[serde(flatten)]
    pub location: LocationRef,
}

/// `unregister`: takes a location back, with all that only it leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unregister {
    /// Which one.
    pub id: LocationId,
}

/// `delete-entity`: withdraws what the provider claims on a ref, and reads again where that stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteEntity {
    /// Which one.
    pub entity_ref: EntityRef,
}

/// What came of `register`, `update-location` and `unregister`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocationDetail {
    /// The location, as it is now or was last.
    pub location: RegisteredLocation,
}
