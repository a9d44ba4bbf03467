//! What registering a place would bring: read and processed now, and stored nowhere.

use std::collections::HashSet;

use backstitch_schemas::{EntityRef, Problem};
use serde_json::{Value, json};

use super::input::LocationInput;
use crate::{PreviewError, error::ApiError, state::ApiState};

/// The body of the answer.
///
/// # Errors
/// If anything is wrong with what is found, with all messages; or if nobody can read now.
pub(super) async fn previewed(state: &ApiState, input: &LocationInput) -> Result<Value, ApiError> {
    let preview = state.preview()?;
    let (location, presence) = (&input.location, input.presence);
    let found = preview.location(location, presence).await?;
    if !found.problems.is_empty() {
        let messages: Vec<_> = found.problems.iter().map(headline).collect();
        return Err(ApiError::input(messages.join(", ")));
    }
    let mut seen = HashSet::new();
    for entity_ref in found.entities.iter().filter_map(EntityRef::of_entity) {
        if !seen.insert(entity_ref.clone()) {
            return Err(ApiError::input(format!("Duplicate nested entity: {entity_ref}")));
        }
    }
    let mut described = json!({
        "type": location.kind,
        "target": location.target,
        "id": location.to_string(),
        "entityRef": EntityRef::new("Location", None, &location.generated_name()),
    });
    if let Some(presence) = presence {
        described["presence"] = presence.into();
    }
    let exists = state.location(|known| known.location == *location).await?.is_some();
    Ok(json!({"exists": exists, "location": described, "entities": found.entities}))
}

/// What cannot be read is a plain error in Backstage, for whatever reason.
fn headline(problem: &Problem) -> String {
    match problem.message.starts_with("Unable to read url") {
        true => format!("Error: {}", problem.message),
        false => problem.headline(),
    }
}

impl From<PreviewError> for ApiError {
    fn from(error: PreviewError) -> Self {
        match error {
            PreviewError::Unavailable(_) => Self::unavailable(error.to_string()),
            PreviewError::Refused(message) => Self::input(message),
        }
    }
}
