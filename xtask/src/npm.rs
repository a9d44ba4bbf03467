//! What the tests with the npm client and the browser need: Node.js, Chromium, and the packages of
//! `tests/npm`.

use std::{fs, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::system::{install, on_path, run_quietly, workspace};

/// The oldest Node.js that runs them.
const NODE: u32 = 20;

/// Installs what is missing.
pub(crate) fn prepare() -> Result<()> {
    if on_path("node").is_none() || on_path("npm").is_none() {
        install(&["nodejs", "npm"])?;
    }
    let found = node_version()?;
    if found < NODE {
        bail!("Node.js {found} is too old for the tests in tests/npm; install version {NODE} or newer");
    }
    if on_path("chromium").is_none() {
        install(&["chromium"])?;
    }
    packages()
}

/// Installs the locked packages, unless exactly these are there.
fn packages() -> Result<()> {
    let folder = workspace().join("tests/npm");
    let lock =
        fs::read(folder.join("package-lock.json")).context("cannot read tests/npm/package-lock.json")?;
    let marker = folder.join("node_modules/.installed-lock.json");
    if fs::read(&marker).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    run_quietly(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder))?;
    fs::write(marker, lock).context("cannot note what is installed in tests/npm")
}

fn node_version() -> Result<u32> {
    let output = Command::new("node").arg("--version").output().context("cannot start node")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let major = text.trim().trim_start_matches('v').split('.').next().unwrap_or_default();
    major.parse().with_context(|| format!("`node --version` says {text:?}"))
}
