//! The stitcher, through its public surface: the pure core on generated histories, and the worker on
//! an embedded log and an SQLite read model.
#![expect(clippy::unwrap_used, reason = "in a test the panic is the message")]

mod faults;
mod histories;
mod pipeline;
mod properties;
mod replica;
mod rules;
mod scenarios;
mod worker;
