//! Reading files on git hosts, through the public surface: hosts on the loopback interface that answer
//! as their products' public API documentation says.

#![expect(clippy::unwrap_used, reason = "a test fails where its support does")]

mod changed;
mod failing;
mod github;
mod github_app;
mod gitlab;
mod others;
mod refreshing;
mod repository;
mod server;
#[path = "../locations/support.rs"]
#[expect(dead_code, reason = "shared with the tests of Locations")]
mod support;
