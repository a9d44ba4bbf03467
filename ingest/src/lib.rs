//! Entity providers: everything that reads the outside world and emits what changed.
//!
//! A provider says what there is ([`Mutation`]); its *owner* compares that with what the log already
//! says and appends the difference. The Locations among a provider's claims are *followed*: a
//! [`Follower`] reads what they list and reports [`Finding`]s, which the owner applies the same way.

mod bodies;
mod claims;
mod config;
mod finding;
mod hold;
pub mod http;
pub mod locations;
mod owner;
mod progress;
mod provider;
mod record;
mod service;
mod tail;
mod writer;

pub use config::{CatalogPolicy, Config, ConfigError, RemovalHold, Strategy};
pub use finding::{Finding, FollowedLocation, Follower, Wake};
pub use owner::ProviderStatus;
pub use progress::{Outcome, Progress, RefOutcome};
pub use provider::{
    ApplyError, Connection, EntityProvider, Mutation, MutationOutcome, Removal, Request, Submission,
};
pub use service::{Directory, FollowerFactory, Ingest, NotHere, Parts};
