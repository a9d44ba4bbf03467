//! Ingest as a whole, over the embedded log.

mod owner;
mod push;
mod support;
