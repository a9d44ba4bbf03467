//! `backstitch providers list|confirm|discard|withdraw`

use std::io::Write;

use anyhow::Result;
use serde_json::Value;

use crate::cli::{ProvidersArgs, ProvidersCommand};
use crate::client::Decision;

/// Lists providers, or decides about one.
///
/// # Errors
/// If the server does not answer, or refuses.
pub async fn providers(args: &ProvidersArgs, out: &mut impl Write) -> Result<()> {
    let client = args.client.connect()?;
    let (name, done, answer) = match &args.command {
        ProvidersCommand::List => {
            for line in client.providers().await?.iter().flat_map(|provider| provider.lines()) {
                writeln!(out, "{line}")?;
            }
            return Ok(());
        }
        ProvidersCommand::Confirm { name } => {
            (name, "the held removals happen now", client.decide(name, Decision::Confirm).await?)
        }
        ProvidersCommand::Discard { name } => {
            (name, "the held removals are discarded", client.decide(name, Decision::Discard).await?)
        }
        ProvidersCommand::Withdraw { name } => (name, "all its entities go", client.withdraw(name).await?),
    };
    // The owner's own words, once it has carried the command out.
    let text = match answer.get("outcome").and_then(Value::as_str) {
        Some("pending") => "the command is sent, and has not been carried out yet; see `backstitch status`",
        _ => answer.get("message").and_then(Value::as_str).unwrap_or(done),
    };
    writeln!(out, "{name}: {text}")?;
    Ok(())
}
