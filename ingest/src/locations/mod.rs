//! Locations: following what they list, in files and behind URLs.
//!
//! [`followed_from`] turns a claim on a Location into something to follow, by the same pure checks
//! that processing applies. The [`ConfigLocationProvider`] submits what `catalog.locations` names.

mod config;
mod followed;
mod provider;

pub use config::{AllowedHost, Config, GitHost, Interval};
pub use followed::followed_from;
pub use provider::ConfigLocationProvider;
