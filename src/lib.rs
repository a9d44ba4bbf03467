//! The parts of the one executable: command line, configuration, commands, and what people see.
//!
//! `main.rs` only reads the environment and calls in here, so everything can be tested with values.

pub mod cli;
pub mod client;
pub mod commands;
pub mod config;
pub mod data_dir;
pub mod example;
pub mod report;
pub mod shutdown;
pub mod status;
