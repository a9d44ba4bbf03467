//! Registered locations: places that people added to the catalog through the API.

use serde::{Deserialize, Serialize};

use crate::{EntityRef, LocationId, LocationRef};

/// A registered location; its JSON is what the API shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisteredLocation {
    /// Its id, whatever becomes of the place.
    pub id: LocationId,
    /// What is read.
    #[serde(flatten)]
    pub location: LocationRef,
    /// The ref of its Location entity: named after the first place, and kept when the place changes.
    pub entity_ref: EntityRef,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_what_the_api_shows() {
        let id = LocationId::mint();
        let location = LocationRef::new("url", "https://host/a.yaml");
        let entity_ref = EntityRef::new("Location", None, &location.generated_name());
        let registered = RegisteredLocation { id, location, entity_ref };
        let json = serde_json::to_string(&registered).unwrap();
        let name = registered.location.generated_name();
        let expected = format!(
            r#"{{"id":"{id}","type":"url","target":"https://host/a.yaml","entityRef":"location:default/{name}"}}"#
        );
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<RegisteredLocation>(&json).unwrap(), registered);
    }
}
