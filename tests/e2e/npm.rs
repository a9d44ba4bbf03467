//! Suites in `tests/npm`, run by Node.js against the executable.

use std::{path::Path, process::Stdio};

use tokio::process::Command;

use crate::support::{Launch, serve_files, write};

/// Runs one suite against `url`, with more for its environment; what it prints is shown if it fails.
async fn run(suite: &str, url: &str, variables: &[(&str, &str)]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/npm");
    assert!(
        folder.join("node_modules").exists(),
        "the packages of tests/npm are not installed: run `cargo xtask npm`"
    );
    let output = Command::new("node")
        .args(["--test", "--test-reporter=spec", suite])
        .current_dir(&folder)
        .env("BACKSTITCH_URL", url)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("node starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{suite} failed:\n{said}{}", String::from_utf8_lossy(&output.stderr));
    // A suite without tests would prove nothing.
    assert!(!said.contains("tests 0\n"), "{suite} has no tests");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_client_reads() {
    let dir = tempfile::tempdir().expect("a folder for the test");
    let catalog = Launch::up(dir.path()).start().await;
    catalog.settled().await;
    run("client/reads.test.mjs", &catalog.url, &[]).await;
    catalog.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_client_registers_refreshes_removes_and_checks() {
    let dir = tempfile::tempdir().expect("a folder for the test");
    let host = serve_files(&dir.path().join("files")).await;
    let allow = format!("backend:\n  reading:\n    allow:\n      - host: {host}\n");
    write(&dir.path().join("app-config.yaml"), &allow);
    let catalog =
        Launch::up(dir.path()).arg("--config").arg(dir.path().join("app-config.yaml")).start().await;
    catalog.settled().await;
    let (files, folder) = (format!("http://{host}"), dir.path().display().to_string());
    let variables = [("BACKSTITCH_FILES", files.as_str()), ("BACKSTITCH_DIR", &folder)];
    run("client/changes.test.mjs", &catalog.url, &variables).await;
    catalog.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_explorer_works_in_a_browser() {
    let dir = tempfile::tempdir().expect("a folder for the test");
    let catalog = Launch::up(dir.path()).start().await;
    catalog.settled().await;
    let example = dir.path().join("data/example").display().to_string();
    #[expect(clippy::disallowed_methods, reason = "tests are told by the environment where a browser is")]
    let chromium = std::env::var("BACKSTITCH_CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    let variables = [("BACKSTITCH_EXAMPLE", example.as_str()), ("BACKSTITCH_CHROMIUM", &chromium)];
    run("explorer/explorer.test.mjs", &catalog.url, &variables).await;
    catalog.stop().await;
}
