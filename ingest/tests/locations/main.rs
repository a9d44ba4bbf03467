//! Following Locations, through the public surface: temporary directories, and a host on the loopback
//! interface.

mod corpus;
mod files;
mod support;
mod urls;
