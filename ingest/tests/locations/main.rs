//! Following Locations, through the public surface: temporary directories, and a host on the loopback
//! interface.

#![expect(clippy::unwrap_used, reason = "a test fails where its support does")]

mod corpus;
mod files;
mod host;
mod refresh;
#[expect(dead_code, reason = "shared with the tests of git hosts")]
mod support;
mod urls;
mod whole;
