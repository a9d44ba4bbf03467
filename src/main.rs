//! The one executable. Only this file reads the environment.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use backstitch::cli::Cli;
use backstitch::surroundings::Surroundings;
use clap::Parser;

/// The pipeline makes and drops millions of small texts; the system's allocator keeps much of their
/// memory and takes longer (docs/decisions/0013).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the process goes on after its work for what is said to servers last, such as that a
/// member leaves its group.
const LAST_WORDS: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let cli = Cli::parse();
    match start(cli) {
        Ok(code) => code,
        // `backstitch status | head` has what it wanted.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

fn start(cli: Cli) -> Result<ExitCode> {
    let here = Surroundings {
        env: environment(),
        cwd: std::env::current_dir().context("the working directory is gone")?,
    };
    // Fails only if a provider is there already, which serves as well.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let outcome = runtime.block_on(backstitch::run(cli, here));
    // What still waits for an answer of a server that is away would hold the process up.
    runtime.shutdown_timeout(LAST_WORDS);
    outcome
}

/// The variables that are text; nothing of ours is not.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
