//! The Location entity that stands for a place which was configured or registered.

use backstitch_schemas::{EntityRef, LocationId, LocationRef, canonical, change::Content};
use serde_json::json;

use crate::Submission;

/// The claim on the Location entity of `location` by whoever names it. The entity is called `name`:
/// [`LocationRef::generated_name`], unless the place was another when it got its name.
pub(crate) fn submission(location: &LocationRef, name: &str, id: Option<LocationId>) -> Submission {
    let place = location.to_string();
    let entity = json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Location",
        "metadata": {
            "name": name,
            "annotations": {
                "backstage.io/managed-by-location": place,
                "backstage.io/managed-by-origin-location": place,
            },
        },
        "spec": {"type": location.kind, "target": location.target},
    });
    Submission {
        entity_ref: EntityRef::new("Location", None, name),
        location_key: Some(place.clone()),
        location_id: id,
        content: Content {
            entity: canonical::to_string(&entity),
            location: place.clone(),
            origin: place,
            position: None,
            substitutions: Vec::new(),
            listing_errors: Vec::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_becomes_the_location_that_backstage_generates() {
        let place = LocationRef::new("url", "https://github.com/a/b/blob/main/catalog-info.yaml");
        let submission = submission(&place, &place.generated_name(), None);
        let expected = "location:default/generated-b391f89a5f26c51a5e4a7c6473375b8c42a1e55c";
        assert_eq!(submission.entity_ref.as_str(), expected);
        assert_eq!(submission.location_key.as_deref(), Some(place.to_string().as_str()));
        assert!(!submission.content.entity.contains("presence"));
    }
}
