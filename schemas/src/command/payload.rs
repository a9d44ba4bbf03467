//! What each kind of command needs.

use serde::{Deserialize, Serialize};

use crate::{EntityRef, LocationId, LocationRef, RegisteredLocation, scm::ScmEvent};

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

/// `scm-events`: heeds what a git host tells. It has no outcome: nobody waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScmEvents {
    /// What may be done.
    pub actions: ScmActions,
    /// The commit that all of it came with, as people see it.
    pub commit_url: Option<String>,
    /// Whether the branch is the repository's default one, for which `HEAD` stands too.
    #[serde(default)]
    pub on_default_branch: bool,
    /// What happened.
    pub events: Vec<ScmEvent>,
}

/// What events of git hosts may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScmActions {
    /// What they name is read again.
    pub refresh: bool,
    /// Registered locations that are gone are taken back.
    pub unregister: bool,
    /// Registered locations that are elsewhere are followed there.
    #[serde(rename = "move")]
    pub relocate: bool,
}

impl ScmActions {
    /// Whether they do anything at all.
    pub fn any(self) -> bool {
        self.refresh || self.unregister || self.relocate
    }

    /// Whether anything comes of this event.
    pub fn heed(self, event: &ScmEvent) -> bool {
        match event {
            ScmEvent::LocationDeleted { .. } => self.refresh || self.unregister,
            ScmEvent::LocationMoved { .. } => self.refresh || self.relocate,
            ScmEvent::RepositoryDeleted { .. } => self.unregister,
            ScmEvent::RepositoryMoved { .. } => self.relocate,
            ScmEvent::LocationCreated { .. }
            | ScmEvent::LocationUpdated { .. }
            | ScmEvent::RepositoryCreated { .. }
            | ScmEvent::RepositoryUpdated { .. } => self.refresh,
        }
    }
}

/// What came of `register`, `update-location` and `unregister`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocationDetail {
    /// The location, as it is now or was last.
    pub location: RegisteredLocation,
}
