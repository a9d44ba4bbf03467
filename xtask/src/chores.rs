//! Chores that run cargo: what CI runs, a developer runs with the same words.

use anyhow::Result;

use crate::{
    conformance, npm,
    services::Services,
    system::{cargo, run, workspace},
};

/// Formatting, lints, documentation, and whether the tests are there that the documentation names. Changes
/// nothing.
pub(crate) fn check() -> Result<()> {
    conformance::check(&workspace())?;
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

/// Fuzzes one target for some seconds, from its seeds and, where it is there, the corpus of real
/// descriptors. Fails with the input that broke it.
pub(crate) fn fuzz(target: &str, seconds: &str) -> Result<()> {
    let folder = workspace().join("fuzz");
    let corpus = workspace().join("../shared/corpus/files");
    std::fs::create_dir_all(folder.join("corpus").join(target))?;
    let mut command = std::process::Command::new("cargo");
    command.current_dir(&folder).args(["+nightly", "fuzz", "run", "--all-features", target]);
    command.arg(format!("corpus/{target}")).arg(format!("seeds/{target}"));
    if ["yaml", "placeholders"].contains(&target) && corpus.exists() {
        command.arg(corpus);
    }
    run(command.args(["--", "-timeout=10", "-rss_limit_mb=2048", &format!("-max_total_time={seconds}")]))
}
