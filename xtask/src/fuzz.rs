//! Requests that nobody thought of, made from the OpenAPI document of a running catalog.

use std::process::Command;

use anyhow::{Result, bail};

use crate::system::{on_path, run};

/// What an answer has to keep: no 5xx, and nothing that the document does not tell.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance,response_headers_conformance";

/// Ten minutes, unless said otherwise.
const SECONDS: &str = "600";

/// Sends requests to the catalog at `url` for some seconds.
///
/// # Errors
/// If schemathesis is not installed, or an answer is not as the document says.
pub(crate) fn fuzz_api(url: &str, seconds: Option<&str>) -> Result<()> {
    if on_path("schemathesis").is_none() {
        bail!("schemathesis is not installed; install it, for example with `pipx install schemathesis`");
    }
    let document = format!("{}/api/catalog/openapi.json", url.trim_end_matches('/'));
    run(Command::new("schemathesis")
        .args(["run", &document, "--checks", CHECKS])
        .args(["--max-time", seconds.unwrap_or(SECONDS)]))
}
