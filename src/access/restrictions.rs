//! What the credentials of a caller from outside are limited to.

use backstitch_query_api::{Restrictions, permissions};
use serde::Deserialize;
use serde_json::Value;

use super::{AccessError, Need};
use crate::config::Texts;

/// The plugin that we are to others.
pub(super) const OUR_PLUGIN: &str = "catalog";

/// What a service may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// The permissions that it has; `None`: all.
    pub restrictions: Option<Restrictions>,
    /// Ours: the providers that it may push as, and nothing else but reading; `None`: as `restrictions` say.
    pub providers: Option<Vec<String>>,
    /// The plugins that it may use, where ours is none of them.
    pub elsewhere: Option<Vec<String>>,
}

/// One entry of `accessRestrictions`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    /// The plugin that the caller may use. Ours is `catalog`.
    plugin: String,
    /// Names of permissions.
    #[serde(default)]
    permission: Texts,
    /// Attributes of permissions.
    #[serde(default)]
    permission_attribute: Attribute,
    /// Ours: the providers that the caller may push as.
    providers: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Attribute {
    action: Texts,
}

impl Grant {
    /// Reads the restrictions of `subject`.
    ///
    /// # Errors
    /// If one cannot be read or there are two that may contradict each other: to pass over one would permit
    /// more than was meant.
    pub(super) fn of(subject: &str, entries: Option<&[Value]>) -> Result<Self, AccessError> {
        let wrong = |what: String| AccessError::Restriction { subject: subject.to_owned(), what };
        let Some(entries) = entries else { return Ok(Self::default()) };
        let entries = entries.iter().map(Entry::deserialize).collect::<Result<Vec<_>, _>>();
        let entries = entries.map_err(|error| wrong(error.to_string()))?;
        let (ours, others): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| entry.plugin == OUR_PLUGIN);
        if ours.is_empty() {
            let plugins = others.into_iter().map(|entry| entry.plugin).collect();
            return Ok(Self { elsewhere: Some(plugins), ..Self::default() });
        }
        let mut grant = Self::default();
        for entry in ours {
            let is_limited =
                !entry.permission.0.is_empty() || !entry.permission_attribute.action.0.is_empty();
            match entry.providers {
                Some(_) if is_limited => {
                    return Err(wrong("providers stands beside permission; give each an entry".to_owned()));
                }
                Some(names) => grant.providers.get_or_insert_default().extend(names),
                None if grant.restrictions.is_some() => {
                    return Err(wrong(format!("there are two entries for plugin '{OUR_PLUGIN}'")));
                }
                None => {
                    grant.restrictions = Some(Restrictions {
                        permission_names: entry.permission.0,
                        permission_actions: entry.permission_attribute.action.0,
                    });
                }
            }
        }
        if grant.providers.is_some() && grant.restrictions.is_none() {
            let permission_actions = vec!["read".to_owned()];
            grant.restrictions = Some(Restrictions { permission_actions, ..Restrictions::default() });
        }
        Ok(grant)
    }

    /// Whether a service with this grant may do what `need` says.
    pub(super) fn permits(&self, need: &Need) -> bool {
        let restrictions = self.restrictions.clone().unwrap_or_default();
        match need {
            _ if self.elsewhere.is_some() => false,
            Need::Nothing | Need::Read | Need::Write => true,
            Need::Provider(name) => match &self.providers {
                Some(names) => names.contains(name),
                None => restrictions.permit(permissions::INGESTION_MANAGE),
            },
            Need::Operate => self.providers.is_none() && restrictions.permit(permissions::INGESTION_MANAGE),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn grant(entries: Value) -> Result<Grant, AccessError> {
        Grant::of("ops", entries.as_array().map(Vec::as_slice))
    }

    #[test]
    fn permissions_are_a_text_or_a_list_and_attributes_count() {
        let restrictions = grant(json!([
            {"plugin": "catalog", "permission": "catalog.entity.read, catalog.location.read"},
            {"plugin": "scaffolder"},
        ]));
        let restrictions = restrictions.unwrap().restrictions.unwrap();
        assert!(restrictions.permit(permissions::LOCATION_READ));
        assert!(!restrictions.permit(permissions::ENTITY_REFRESH));
        let actions = json!([{"plugin": "catalog", "permissionAttribute": {"action": ["read", "create"]}}]);
        let restrictions = grant(actions).unwrap().restrictions.unwrap();
        assert!(restrictions.permit(permissions::LOCATION_CREATE));
        assert!(!restrictions.permit(permissions::ENTITY_DELETE));
    }

    #[test]
    fn who_is_limited_to_permissions_does_not_push_without_the_one_for_it() {
        let push = Need::Provider("inventory".to_owned());
        let reads = grant(json!([{"plugin": "catalog", "permission": "catalog.entity.read"}])).unwrap();
        assert!(reads.permits(&Need::Read) && !reads.permits(&push) && !reads.permits(&Need::Operate));
        let manages =
            grant(json!([{"plugin": "catalog", "permission": "catalog.ingestion.manage"}])).unwrap();
        assert!(manages.permits(&push) && manages.permits(&Need::Operate));
    }

    #[test]
    fn who_is_bound_to_providers_pushes_as_these_and_reads() {
        let bound = grant(json!([{"plugin": "catalog", "providers": ["inventory"]}])).unwrap();
        assert!(bound.permits(&Need::Provider("inventory".to_owned())));
        assert!(!bound.permits(&Need::Provider("payroll".to_owned())));
        assert!(!bound.permits(&Need::Operate));
        let restrictions = bound.restrictions.unwrap();
        assert!(restrictions.permit(permissions::ENTITY_READ));
        assert!(!restrictions.permit(permissions::LOCATION_CREATE));
    }

    #[test]
    fn what_cannot_be_read_or_contradicts_itself_is_refused() {
        for entries in [
            json!([{"providers": ["inventory"]}]),
            json!([{"plugin": "catalog", "permision": "catalog.entity.read"}]),
            json!([{"plugin": "catalog"}, {"plugin": "catalog", "permission": "a"}]),
            json!([{"plugin": "catalog", "permission": "a", "providers": ["b"]}]),
        ] {
            assert!(grant(entries.clone()).is_err(), "{entries}");
        }
    }
}
