//! From pushed items to submissions.

use backstitch_schemas::{EntityRef, ProviderName, canonical, change::Content, model};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Submission, claims::plan::check_size};

/// An entity as it is pushed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Item {
    pub(super) entity: Value,
    #[serde(default)]
    pub(super) location_key: Option<String>,
}

/// An item that is not taken.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RejectedItem {
    /// Its line, or its number in the list, from 1.
    pub(super) line: u64,
    /// Its ref, if that can be read: then its claim stays.
    pub(super) entity_ref: Option<EntityRef>,
    /// Why.
    pub(super) reason: String,
}

/// Checks items of one provider and makes submissions of them.
#[derive(Clone)]
pub(super) struct Intake {
    pub(super) provider: ProviderName,
    pub(super) max_entity_bytes: usize,
}

impl Intake {
    /// # Errors
    /// If the envelope is malformed, or the entity is too large.
    pub(super) fn submission(&self, line: u64, item: Item) -> Result<Submission, RejectedItem> {
        let entity_ref = EntityRef::of_entity(&item.entity);
        let rejected = |reason: String| RejectedItem { line, entity_ref: entity_ref.clone(), reason };
        if let Some(problem) = model::envelope_problems(&item.entity).into_iter().next() {
            return Err(rejected(format!("Malformed entity envelope, {}", problem.message)));
        }
        let Some(known_ref) = entity_ref.clone() else {
            return Err(rejected("Malformed entity envelope, the entity has no readable ref".to_owned()));
        };
        let annotation = |name: &str| {
            let annotations = item.entity.get("metadata")?.get("annotations")?;
            annotations.get(format!("backstage.io/{name}"))?.as_str().map(str::to_owned)
        };
        let location =
            annotation("managed-by-location").unwrap_or_else(|| format!("provider:{}", self.provider));
        let content = Content {
            origin: annotation("managed-by-origin-location").unwrap_or_else(|| location.clone()),
            location,
            entity: canonical::to_string(&item.entity),
            position: None,
            substitutions: Vec::new(),
            listing_errors: Vec::new(),
        };
        check_size(&content, self.max_entity_bytes).map_err(rejected)?;
        Ok(Submission { entity_ref: known_ref, location_key: item.location_key, location_id: None, content })
    }
}
