//! `backstitch status`

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::cli::StatusArgs;
use crate::client::{Client, Refusal};
use crate::status::Status;

/// Time between two looks at a server that is busy.
const POLL: Duration = Duration::from_millis(100);

/// The server was still busy when the time was up.
#[derive(Debug, thiserror::Error)]
#[error("still busy after {} s: {changes} to process, {processed} to stitch", timeout.as_secs())]
pub struct WaitError {
    timeout: Duration,
    changes: u64,
    processed: u64,
}

/// Prints the status, with `--wait` once nothing is under way.
///
/// # Errors
/// If the server does not answer, or is still busy when the time is up.
pub async fn status(args: &StatusArgs, cwd: &Path, out: &mut impl Write) -> Result<()> {
    let client = args.client.connect()?;
    let status = if args.wait {
        wait_until_idle(&client, args.timeout, |_| {}).await?
    } else {
        client.status().await?
    };
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&status)?)?;
    } else {
        for line in status.lines(cwd) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// Asks until no read is due or under way and everything emitted has an outcome. `seen` gets each
/// answer on the way.
///
/// # Errors
/// If the server does not answer, or is still busy when the time is up.
pub async fn wait_until_idle(
    client: &Client,
    timeout: Duration,
    mut seen: impl FnMut(&Status),
) -> Result<Status> {
    let deadline = tokio::time::Instant::now() + timeout;
    loop {
        let status = match client.status().await {
            Ok(status) => status,
            Err(error) if is_loading(&error) => Status { busy: true, ..Status::default() },
            Err(error) => return Err(error),
        };
        seen(&status);
        if !status.busy {
            return Ok(status);
        }
        if tokio::time::Instant::now() >= deadline {
            let (changes, processed) = (status.lag.changes, status.lag.processed);
            return Err(WaitError { timeout, changes, processed }.into());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Whether the server has only just begun: its catalog is still being loaded.
fn is_loading(error: &anyhow::Error) -> bool {
    let refusal = error.downcast_ref::<Refusal>();
    refusal.is_some_and(|refusal| refusal.status == reqwest::StatusCode::SERVICE_UNAVAILABLE)
}
