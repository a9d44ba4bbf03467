//! What a Location entity asks to be read.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use backstitch_schemas::{
    ClaimKey, LocationRef,
    change::Content,
    model::{self, Model},
    placeholder,
    rules::Rules,
};
use serde_json::Value;

use super::{Claims, place_of};
use crate::FollowedLocation;

/// What has to be followed for this claim of a Location; `None` if processing will not take it: its
/// form is not sound, or the rules refuse it. A provider's own claims are not subject to the rules.
pub(crate) fn followed(
    key: &ClaimKey,
    content: &Content,
    model: &Model,
    rules: &Rules,
) -> Option<FollowedLocation> {
    let entity = substituted(content)?;
    if !model::check(model, &entity).is_sound() {
        return None;
    }
    if key.listing.is_some() {
        rules.admit(&entity, &key.entity_ref, &content.location, &content.origin).ok()?;
    }
    let location = lenient(&content.location);
    let spec = &entity["spec"];
    let text = |field: &str| spec.get(field).and_then(Value::as_str).map(str::to_owned);
    let listed = spec.get("targets").and_then(Value::as_array).into_iter().flatten();
    let listed = listed.filter_map(Value::as_str).map(str::to_owned);
    let (entity_ref, document) = place_of(key);
    Some(FollowedLocation {
        entity_ref,
        document,
        target_kind: text("type").unwrap_or_else(|| location.kind.clone()),
        targets: text("target").into_iter().chain(listed).collect(),
        required: text("presence").as_deref() != Some("optional"),
        origin: lenient(&content.origin),
        location,
    })
}

fn substituted(content: &Content) -> Option<Value> {
    let entity: Value = serde_json::from_str(&content.entity).ok()?;
    if content.substitutions.is_empty() {
        return Some(entity);
    }
    let read = content.substitutions.iter().map(|substitution| {
        let result = match (&substitution.text, &substitution.error) {
            (Some(text), _) => Ok(text.as_str()),
            (None, error) => Err(error.as_deref().unwrap_or("it was not read")),
        };
        (substitution.value.as_str(), result)
    });
    placeholder::substitute(entity, &read.collect()).ok()
}

/// A location that is none of ours is kept as a text, so that it can be named.
fn lenient(text: &str) -> LocationRef {
    LocationRef::parse(text).unwrap_or_else(|_| LocationRef::new("", text))
}

/// Parses once per version of a claim.
#[derive(Debug, Default)]
pub(crate) struct FollowedCache {
    parsed: HashMap<ClaimKey, (Arc<Content>, Option<FollowedLocation>)>,
}

impl FollowedCache {
    /// The Locations to follow, one per place, in order.
    pub(crate) fn of(&mut self, claims: &Claims, model: &Model, rules: &Rules) -> Vec<FollowedLocation> {
        let mut previous = std::mem::take(&mut self.parsed);
        let mut places = BTreeMap::new();
        for (place, key, content) in claims.live_locations() {
            let known = previous.remove(&key).filter(|(seen, _)| Arc::ptr_eq(seen, content));
            let (content, parsed) =
                known.unwrap_or_else(|| (content.clone(), followed(&key, content, model, rules)));
            if let Some(parsed) = &parsed {
                // Several claims lead to one place; the first in order speaks for it.
                places.entry(place.clone()).or_insert_with(|| parsed.clone());
            }
            self.parsed.insert(key, (content, parsed));
        }
        places.into_values().collect()
    }
}
