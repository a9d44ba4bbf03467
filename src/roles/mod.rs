//! The roles of the pipeline, wired together.
//!
//! Stages do not know each other; where one needs something of another, it defines a small trait,
//! and here it is connected.

mod api;
mod commands;
mod health;
mod ingest;
mod pipeline_status;
mod place_readers;
mod preview;
mod process;
mod progress;
mod remote_ingest;
mod server;
mod single;
mod stitch;
mod stores;
mod tasks;
mod up;

use anyhow::Result;

use crate::cli::{Command, ConfigArgs};
use crate::config::AppConfig;
use crate::logging;
use crate::surroundings::Surroundings;
use crate::telemetry::Telemetry;

/// Runs the role that the command names until it is told to stop.
///
/// # Errors
/// If the configuration cannot be used, or a role stops for a reason that a person has to mend.
pub async fn run(command: Command, here: Surroundings) -> Result<()> {
    let lasts = !matches!(command, Command::Migrate(_) | Command::Bench(_));
    let telemetry = if lasts { Telemetry::start(&here.env)? } else { Telemetry::default() };
    let outcome = run_role(command, here).await;
    telemetry.stop().await;
    outcome
}

async fn run_role(command: Command, here: Surroundings) -> Result<()> {
    match command {
        Command::Up(args) => {
            // How long a query took is nothing that the person at the terminal acts on.
            let config = configured(&args.config, &here, "warn,sqlx::query=error")?;
            up::up(&args, config, &here).await
        }
        Command::Ingest(args) => single::ingest(configured(&args.config, &here, "info")?).await,
        Command::Process(args) => {
            let config = configured(&args.config, &here, "info")?;
            single::process(config, args.config.listen.is_some()).await
        }
        Command::Stitch(args) => {
            let config = configured(&args.config, &here, "info")?;
            single::stitch(config, args.config.listen.is_some()).await
        }
        Command::Serve(args) => single::serve(configured(&args.config, &here, "info")?).await,
        Command::Migrate(args) => single::migrate(configured(&args.config, &here, "warn")?).await,
        Command::Bench(options) => crate::bench::run(options).await,
        Command::Status(_)
        | Command::Validate(_)
        | Command::Explain(_)
        | Command::Schema(_)
        | Command::Providers(_) => Ok(()),
    }
}

/// The configuration, with logging started and its warnings logged.
fn configured(args: &ConfigArgs, here: &Surroundings, level: &str) -> Result<AppConfig> {
    logging::install(&here.env, level);
    let config = here.configure(args)?;
    ingest::check(&config)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}
