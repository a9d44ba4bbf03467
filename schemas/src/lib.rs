//! The contracts between the stages: entity refs, claims, records and their wire format.
//!
//! Nothing here does IO and nothing here knows a runtime, so every rule in this crate can be
//! used by any stage and tested with values alone.
//!
//! ```
//! use backstitch_schemas::{ClaimKey, EntityRef, ProviderName};
//!
//! let petstore = EntityRef::parse("component:petstore", Default::default()).unwrap();
//! assert_eq!(petstore.as_str(), "component:default/petstore");
//!
//! let claim = ClaimKey::own(petstore, ProviderName::new("inventory"));
//! assert_eq!(claim.encode(), br#"["component:default/petstore","inventory"]"#);
//! ```

pub mod canonical;
pub mod change;
mod claim;
mod codec;
pub mod command;
mod entity_ref;
pub mod headers;
mod json_pointer;
mod location_ref;
pub mod log_header;
pub mod model;
pub mod nearest;
pub mod percent;
pub mod placeholder;
mod problem;
pub mod processed;
mod registered_location;
pub mod rules;
pub mod scm;
pub mod source;
mod time;
pub mod topic;
pub mod yaml;

pub use canonical::Digest;
pub use change::Change;
pub use claim::{ClaimKey, Identity, KeyError, Listing, LocationId, ProviderName, Version};
pub use codec::DecodeError;
pub use entity_ref::{CompoundRef, DEFAULT_NAMESPACE, EntityRef, RefContext, RefError};
pub use location_ref::{LocationRef, LocationRefError, is_script_url};
pub use problem::{Level, Problem};
pub use registered_location::RegisteredLocation;
pub use time::{Clock, SystemClock, Timestamp};
pub use topic::Topic;
