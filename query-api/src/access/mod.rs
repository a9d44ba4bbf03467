//! Who asks, and what they may.
//!
//! Whoever verifies credentials puts a [`Principal`] into the request's extensions (`src/access` in the
//! executable). A [`PermissionPolicy`] decides; [`ApiState::authorize`](crate::ApiState) asks it for what has
//! no resource, and the `Snapshot` extractor for what a read may see.

mod criteria;
mod decide;
mod permission;
mod policy;
mod principal;
mod rules;

pub(crate) use criteria::{Criteria, CriteriaError, OWNED_BY, RESOURCE_TYPE};
pub use permission::{Permission, permissions};
pub use policy::{Condition, Decision, PermissionPolicy, PolicyError};
pub use principal::{Principal, Restrictions};
pub(crate) use rules::rules;
