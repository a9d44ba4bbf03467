//! The contracts between the stages: entity refs, claims, records and their wire format.
//!
//! Nothing here does IO and nothing here knows a runtime, so every rule in this crate can be
//! used by any stage and tested with values alone.

pub mod canonical;
mod entity_ref;
mod location_ref;
mod problem;
mod time;

pub use canonical::Digest;
pub use entity_ref::{CompoundRef, EntityRef, RefContext, RefError};
pub use location_ref::{LocationRef, LocationRefError};
pub use problem::Problem;
pub use time::{Clock, SystemClock, Timestamp};
