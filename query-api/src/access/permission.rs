//! The permissions of the catalog.

use serde_json::{Map, Value, json};

use super::RESOURCE_TYPE;

/// Something that a principal may or may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Permission {
    /// Its name, such as `catalog.entity.read`.
    pub name: &'static str,
    /// `create`, `read`, `update` or `delete`.
    pub action: Option<&'static str>,
    /// Whether it is about one entity, so that a decision may carry conditions.
    pub on_entity: bool,
}

impl Permission {
    /// As permission backends write it.
    pub fn to_json(self) -> Value {
        let mut attributes = Map::new();
        if let Some(action) = self.action {
            attributes.insert("action".to_owned(), action.into());
        }
        if self.on_entity {
            return json!({"type": "resource", "name": self.name, "attributes": attributes,
                          "resourceType": RESOURCE_TYPE});
        }
        json!({"type": "basic", "name": self.name, "attributes": attributes})
    }
}

/// All permissions, as Backstage names them.
pub mod permissions {
    use super::Permission;

    const fn basic(name: &'static str, action: Option<&'static str>) -> Permission {
        Permission { name, action, on_entity: false }
    }

    const fn on_entity(name: &'static str, action: &'static str) -> Permission {
        Permission { name, action: Some(action), on_entity: true }
    }

    /// To see an entity.
    pub const ENTITY_READ: Permission = on_entity("catalog.entity.read", "read");
    /// Asked by the frontend only, to show or hide what leads to registration.
    pub const ENTITY_CREATE: Permission = basic("catalog.entity.create", Some("create"));
    /// To delete an entity.
    pub const ENTITY_DELETE: Permission = on_entity("catalog.entity.delete", "delete");
    /// To have an entity read again.
    pub const ENTITY_REFRESH: Permission = on_entity("catalog.entity.refresh", "update");
    /// To have an entity checked.
    pub const ENTITY_VALIDATE: Permission = basic("catalog.entity.validate", None);
    /// To see registered locations.
    pub const LOCATION_READ: Permission = basic("catalog.location.read", Some("read"));
    /// To register a location, and to change one.
    pub const LOCATION_CREATE: Permission = basic("catalog.location.create", Some("create"));
    /// To take a location back.
    pub const LOCATION_DELETE: Permission = basic("catalog.location.delete", Some("delete"));
    /// To look for descriptors in a repository.
    pub const LOCATION_ANALYZE: Permission = basic("catalog.location.analyze", None);
    /// To see how providers are.
    pub const INGESTION_READ: Permission = basic("catalog.ingestion.read", Some("read"));
    /// To push, and to decide about what providers hold.
    pub const INGESTION_MANAGE: Permission = basic("catalog.ingestion.manage", Some("update"));
    /// To see what is pending or failed.
    pub const UNPROCESSED_READ: Permission = basic("catalog.entities.unprocessed.read", Some("read"));
    /// To delete what is pending or failed.
    pub const UNPROCESSED_DELETE: Permission = basic("catalog.entities.unprocessed.delete", Some("delete"));

    /// All of them.
    pub const ALL: [Permission; 13] = [
        ENTITY_READ,
        ENTITY_CREATE,
        ENTITY_DELETE,
        ENTITY_REFRESH,
        ENTITY_VALIDATE,
        LOCATION_READ,
        LOCATION_CREATE,
        LOCATION_DELETE,
        LOCATION_ANALYZE,
        INGESTION_READ,
        INGESTION_MANAGE,
        UNPROCESSED_READ,
        UNPROCESSED_DELETE,
    ];
}
