//! The provider of what `catalog.locations` names.

use async_trait::async_trait;
use backstitch_schemas::{
    EntityRef, LocationRef, Problem, ProviderName, canonical,
    change::{CauseKind, Content},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{ApplyError, Connection, EntityProvider, Mutation, Removal, Submission};

/// Submits one generated Location for each entry of `catalog.locations`.
///
/// Entries that are gone from the configuration are withdrawn without being held: somebody asked
/// for it by editing the configuration.
pub struct ConfigLocationProvider {
    locations: Vec<LocationRef>,
}

impl ConfigLocationProvider {
    /// Its name, the same as Backstage's.
    pub const NAME: &str = "ConfigLocationProvider";

    /// A provider of these entries. Targets of type `file` are absolute.
    pub fn new(locations: Vec<LocationRef>) -> Self {
        Self { locations }
    }

    fn submission(location: &LocationRef) -> Submission {
        let (name, place) = (location.generated_name(), location.to_string());
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
            entity_ref: EntityRef::new("Location", None, &name),
            location_key: Some(place.clone()),
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
}

#[async_trait]
impl EntityProvider for ConfigLocationProvider {
    fn name(&self) -> ProviderName {
        ProviderName::new(Self::NAME)
    }

    async fn run(&self, connection: Connection, shutdown: CancellationToken) -> Result<(), Problem> {
        let submissions = self.locations.iter().map(Self::submission).collect();
        let mutation = Mutation::Full { submissions, kept: Vec::new(), removal: Removal::Asked };
        match connection.apply(mutation, CauseKind::Configuration, None).await {
            // Whoever owns the provider now submits the same.
            Ok(_) | Err(ApplyError::NotOwned) => {}
            Err(error) => return Err(Problem::new("ServiceUnavailableError", error.to_string())),
        }
        shutdown.cancelled().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_becomes_the_location_that_backstage_generates() {
        let place = LocationRef::new("url", "https://github.com/a/b/blob/main/catalog-info.yaml");
        let submission = ConfigLocationProvider::submission(&place);
        let expected = "location:default/generated-b391f89a5f26c51a5e4a7c6473375b8c42a1e55c";
        assert_eq!(submission.entity_ref.as_str(), expected);
        assert_eq!(submission.location_key.as_deref(), Some(place.to_string().as_str()));
        assert!(!submission.content.entity.contains("presence"));
    }
}
