//! The catalog from outside: files, HTTP and signals in, API out. Every test starts the real
//! executable in a directory of its own.

#![expect(clippy::unwrap_used, reason = "this is a test, helpers included")]

mod corpus;
mod edits;
mod events;
mod example;
mod explain;
mod flaky_source;
mod frontend;
mod golden;
mod kinds;
mod last_good;
mod locations;
mod network;
mod npm;
mod push;
mod roles;
mod support;
mod telemetry;
mod wire;
