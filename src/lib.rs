//! The parts of the one executable: command line, configuration, commands, and what people see.
//!
//! `main.rs` only reads the environment and calls [`run`], so everything can be tested with values.

pub mod access;
mod audit;
pub mod bench;
pub mod cli;
pub mod client;
pub mod commands;
pub mod config;
pub mod data_dir;
pub mod example;
pub mod listen;
pub mod logging;
pub mod plan;
pub mod report;
pub mod roles;
pub mod shutdown;
pub mod status;
pub mod surroundings;
pub mod telemetry;
pub mod web;

use std::io;
use std::process::ExitCode;

use anyhow::Result;

use cli::{Cli, Command};
use surroundings::Surroundings;

/// Does what the command line says.
///
/// # Errors
/// With what a person has to change, as a chain of causes.
pub async fn run(cli: Cli, here: Surroundings) -> Result<ExitCode> {
    let mut out = io::stdout().lock();
    match &cli.command {
        Command::Validate(args) => return commands::validate(args, &here, &mut out).map(ExitCode::from),
        Command::Schema(args) => commands::schema(args, &here, &mut out)?,
        Command::Status(args) => commands::status(args, &here.cwd, &mut out).await?,
        Command::Explain(args) => commands::explain(args, &here.cwd, &mut out).await?,
        Command::Providers(args) => commands::providers(args, &mut out).await?,
        _ => {
            drop(out);
            roles::run(cli.command, here).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
