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
    let (name, what, answer) = match &args.command {
        ProvidersCommand::List => {
            for line in client.providers().await?.iter().flat_map(|provider| provider.lines()) {
                writeln!(out, "{line}")?;
            }
            return Ok(());
        }
        ProvidersCommand::Confirm { name } => {
            (name, "held removals happen now", client.decide(name, Decision::Confirm).await?)
        }
        ProvidersCommand::Discard { name } => {
            (name, "held removals are discarded", client.decide(name, Decision::Discard).await?)
        }
        ProvidersCommand::Withdraw { name } => (name, "all its entities go", client.withdraw(name).await?),
    };
    let removals = answer.get("removals").or_else(|| answer.get("removed")).and_then(Value::as_u64);
    let number = removals.map(|number| format!(" ({number})")).unwrap_or_default();
    writeln!(out, "{name}: {what}{number}")?;
    Ok(())
}
