//! Puts what ingest read in the places of the placeholders.

use backstitch_schemas::{Problem, placeholder};
use serde_json::Value;

use crate::{Context, Processor};

/// `$text`, `$json`, `$yaml`, `$openapi` and `$asyncapi`. Runs first, so every other processor sees
/// the content.
#[derive(Debug)]
pub struct Placeholders;

impl Processor for Placeholders {
    fn name(&self) -> &'static str {
        "PlaceholderProcessor"
    }

    fn pre_process(&self, entity: Value, context: &Context<'_>) -> Result<Value, Vec<Problem>> {
        placeholder::substitute(entity, context.contents)
    }
}
