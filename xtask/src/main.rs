//! The project's chores: `cargo xtask services|npm|check|test|ci`.
//!
//! Nothing has to be installed first but Rust: what a chore needs it fetches through the ordinary
//! clients (Maven, and apt-get where we are root), or says what to install.

mod chores;
mod conformance;
mod fuzz;
mod npm;
mod services;
mod system;

use std::{env, process::ExitCode};

use anyhow::Result;
use services::Services;

const USAGE: &str = "\
usage: cargo xtask CHORE

  services up      start Kafka and Postgres for the tests, print how to find them
  services down    stop them and delete their data
  services status  say which are running
  fuzz-api URL [S] ask a running catalog S seconds (600) of what its OpenAPI document allows and not
  npm              install Node.js, Chromium and the packages that tests/npm needs
  check            formatting, lints, documentation and the page of conformance, without changing anything
  test [ARG…]      all tests, with services around them; ARGs go to `cargo test`
  fuzz TARGET [S]  fuzz yaml, refs, placeholders or query for S seconds, 600 if not given;
                   needs the nightly compiler and cargo-fuzz
  ci               check, then test
";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["services", "up"] => services_up(),
        ["services", "down"] => Services::here().down(),
        ["services", "status"] => services_status(),
        ["npm"] => npm::prepare(),
        ["fuzz-api", url] => fuzz::fuzz_api(url, None),
        ["fuzz-api", url, seconds] => fuzz::fuzz_api(url, Some(seconds)),
        ["check"] => chores::check(),
        ["test", rest @ ..] => chores::test(rest),
        ["fuzz", target] => chores::fuzz(target, "600"),
        ["fuzz", target, seconds] => chores::fuzz(target, seconds),
        ["ci"] => chores::check().and_then(|()| chores::test(&[])),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn services_up() -> Result<()> {
    let addresses = Services::here().up()?;
    println!("{}", addresses.exports());
    Ok(())
}

fn services_status() -> Result<()> {
    for (name, running) in Services::here().status()? {
        println!("{name}: {}", if running { "running" } else { "stopped" });
    }
    Ok(())
}
