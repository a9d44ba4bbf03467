//! Locations: following what they list, in files and behind URLs.
//!
//! [`followed_from`] turns a claim on a Location into something to follow, by the same pure checks
//! that processing applies. A [`LocationFollower`] reads what is followed and reports what it finds;
//! all followers of a process read URLs through one [`UrlReader`]. The [`ConfigLocationProvider`]
//! submits what `catalog.locations` names.
//!
//! What a target means ([`target`], [`pattern`]), who lists what ([`listings`]), what is due
//! ([`schedule`]), what a file holds ([`document`]) and which URL may be read ([`access`]) are pure;
//! [`disk`], [`url_reader`] and [`watch`] touch the world, and [`follower`] connects them.

mod access;
mod config;
mod disk;
mod document;
mod expand;
mod fetch;
mod followed;
mod follower;
mod host_gate;
mod listings;
mod pattern;
mod provider;
mod read;
mod reading;
mod report;
mod retry_after;
mod schedule;
mod target;
mod url_reader;
mod watch;

pub use config::{AllowedHost, Config, GitHost, Interval};
pub use followed::followed_from;
pub use follower::{Chance, LocationFollower};
pub use provider::ConfigLocationProvider;
pub use url_reader::UrlReader;
