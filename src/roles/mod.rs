//! The roles of the pipeline, wired together.

use anyhow::{Result, bail};

use crate::cli::Command;
use crate::surroundings::Surroundings;

/// Runs the role that the command names until it is told to stop.
///
/// # Errors
/// If the configuration cannot be used, or a role stops for a reason that a person has to mend.
pub async fn run(_command: Command, _here: Surroundings) -> Result<()> {
    bail!("the roles of the pipeline are not part of this build")
}
