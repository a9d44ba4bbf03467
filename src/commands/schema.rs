//! `backstitch schema`: the JSON Schema of all kinds, for editors.

use std::io::Write;

use anyhow::Result;

use crate::cli::SchemaArgs;
use crate::surroundings::Surroundings;

/// Prints the schema that a server with this configuration serves.
///
/// # Errors
/// If the configuration cannot be used, or the schema cannot be printed.
pub fn schema(args: &SchemaArgs, here: &Surroundings, out: &mut impl Write) -> Result<()> {
    let schema = here.with_files(&args.config)?.backstitch.model()?.json_schema();
    writeln!(out, "{schema:#}")?;
    Ok(())
}
