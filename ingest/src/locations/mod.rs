//! Locations: following what they list, in files and behind URLs.
//!
//! A [`LocationFollower`] reads what is followed and reports what it finds. [`LocationFollowers`] makes
//! one for each provider; all of them read URLs through one [`UrlReader`]. The
//! [`ConfigLocationProvider`] submits what `catalog.locations` names, the [`DefaultLocationStore`] keeps
//! what people register.
//!
//! What a target means (`target`, `pattern`), who lists what (`listings`), what is due (`schedule`),
//! what a file holds (`document`), how a place goes (`reading`), which reads a refresh waits for
//! (`refreshes`) and which URL may be read (`access`) are pure; `disk`, `url_reader` and `watch` touch the world. `follower` is the loop, and `following`,
//! `running`, `report`, `noticing`, `refreshing` and `changed` are its steps.

mod absence;
mod access;
mod changed;
mod config;
mod contents;
mod disk;
mod document;
mod expand;
mod factory;
pub(crate) mod fetch;
mod follower;
mod following;
pub(crate) mod generated;
pub(crate) mod host_gate;
mod listings;
mod local;
mod network;
mod noticing;
pub(crate) mod pattern;
mod provider;
mod reach;
mod read;
mod reading;
mod refreshes;
mod refreshing;
mod report;
mod retry_after;
mod running;
mod schedule;
mod searching;
mod single;
mod store;
mod target;
pub(crate) mod upstream;
mod url_reader;
mod watch;

pub use config::{AllowedHost, Config, Interval};
pub use factory::LocationFollowers;
pub use follower::{Chance, LocationFollower};
pub use host_gate::HostStatus;
pub use local::local_content;
pub use network::Network;
pub use provider::ConfigLocationProvider;
pub use store::DefaultLocationStore;
pub use url_reader::UrlReader;
