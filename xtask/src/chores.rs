//! Chores that run cargo: what CI runs, a developer runs with the same words.

use anyhow::Result;

use crate::{
    npm,
    services::Services,
    system::{cargo, run},
};

/// Formatting, lints and documentation. Changes nothing.
pub(crate) fn check() -> Result<()> {
    run(cargo().args(["fmt", "--all", "--check"]))?;
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    run(cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

/// All tests. Services that were not running before are stopped afterwards, also on failure.
pub(crate) fn test(args: &[&str]) -> Result<()> {
    npm::prepare()?;
    let services = Services::here();
    let were_running = services.status()?.iter().all(|(_, running)| *running);
    let outcome = services.up().and_then(|addresses| {
        run(cargo().args(["test", "--workspace", "--no-fail-fast"]).args(args).envs(addresses.variables()))
    });
    if !were_running {
        services.down()?;
    }
    outcome
}
