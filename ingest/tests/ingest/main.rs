//! Ingest as a whole, over the embedded log.

#![expect(clippy::unwrap_used, reason = "a test fails where its support does")]

mod files;
mod outages;
mod owner;
mod push;
mod support;
