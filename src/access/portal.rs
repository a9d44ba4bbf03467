//! Where the portal's plugins are, and the keys that they sign with.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use url::Url;

use super::keys::Keys;
use super::{AccessError, Refusal};
use crate::config::AppConfig;

/// Plugins whose keys are remembered. Nobody has as many; whoever names more makes them up.
const REMEMBERED: usize = 200;

/// The portal.
#[derive(Debug)]
pub(super) struct Portal {
    places: Places,
    http: reqwest::Client,
    patience: Duration,
    people: Arc<Keys>,
    plugins: Mutex<HashMap<String, Arc<Keys>>>,
}

/// Where plugins are.
#[derive(Clone, Debug)]
struct Places {
    base: Option<Url>,
    /// Plugin, and the address with `{{ pluginId }}` in it.
    endpoints: Vec<(String, String)>,
}

impl Portal {
    /// The portal of the configuration, if it names one: by `backstitch.portal.baseUrl`, or by a place for
    /// the plugin `auth` in `discovery.endpoints`. `patience` is the least time between two looks at the
    /// same keys.
    ///
    /// # Errors
    /// If an address is no URL.
    pub(super) fn of(
        config: &AppConfig,
        http: reqwest::Client,
        patience: Duration,
    ) -> Result<Option<Self>, AccessError> {
        let places = Places::of(config);
        if places.base.is_none() && places.endpoint("auth").is_none() {
            return Ok(None);
        }
        for (plugin, _) in &places.endpoints {
            places.of_plugin(plugin)?;
        }
        let keys = places.of_plugin("auth")?.join(".well-known/jwks.json");
        let keys = keys.map_err(|_| AccessError::Address("auth".to_owned(), "it has no path".to_owned()))?;
        let people = Arc::new(Keys::new(keys, http.clone(), patience));
        Ok(Some(Self { places, http, patience, people, plugins: Mutex::default() }))
    }

    /// The keys that tokens of people are signed with.
    pub(super) fn people(&self) -> &Keys {
        &self.people
    }

    /// The keys that tokens of a plugin are signed with.
    ///
    /// # Errors
    /// If there cannot be such a plugin.
    pub(super) fn plugin(&self, id: &str) -> Result<Arc<Keys>, Refusal> {
        let is_id = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
        if id.is_empty() || id.len() > 100 || !id.chars().all(is_id) {
            return Err(Refusal::invalid("its subject cannot be a plugin"));
        }
        let mut plugins = self.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = plugins.get(id) {
            return Ok(Arc::clone(keys));
        }
        let url = self.places.of_plugin(id).ok();
        let url = url.and_then(|url| url.join(".backstage/auth/v1/jwks.json").ok());
        let url = url.ok_or_else(|| Refusal::invalid(format!("nobody says where plugin '{id}' is")))?;
        if plugins.len() >= REMEMBERED {
            plugins.clear();
        }
        let keys = Arc::new(Keys::new(url, self.http.clone(), self.patience));
        plugins.insert(id.to_owned(), Arc::clone(&keys));
        Ok(keys)
    }

    /// An endpoint of a plugin.
    ///
    /// # Errors
    /// If nobody says where the plugin is.
    pub(super) fn endpoint(&self, plugin: &str, path: &str) -> Result<Url, AccessError> {
        let base = self.places.of_plugin(plugin)?;
        base.join(path).map_err(|error| AccessError::Address(plugin.to_owned(), error.to_string()))
    }
}

impl Places {
    fn of(config: &AppConfig) -> Self {
        let places = config.discovery.endpoints.iter().flat_map(|endpoint| {
            let target = endpoint.target.0.clone();
            endpoint.plugins.iter().filter_map(move |plugin| Some((plugin.clone(), target.clone()?)))
        });
        Self { base: config.backstitch.portal.base_url.clone(), endpoints: places.collect() }
    }

    fn endpoint(&self, plugin: &str) -> Option<&str> {
        self.endpoints.iter().find(|(id, _)| id == plugin).map(|(_, target)| target.as_str())
    }

    /// The address of a plugin, with a slash at its end.
    fn of_plugin(&self, plugin: &str) -> Result<Url, AccessError> {
        let address = match (self.endpoint(plugin), &self.base) {
            (Some(target), _) => filled(target, plugin),
            (None, Some(base)) => format!("{}/api/{plugin}", base.as_str().trim_end_matches('/')),
            (None, None) => {
                let cause = "backstitch.portal.baseUrl is not given, nor a place in discovery.endpoints";
                return Err(AccessError::Address(plugin.to_owned(), cause.to_owned()));
            }
        };
        Url::parse(&format!("{}/", address.trim_end_matches('/')))
            .map_err(|error| AccessError::Address(plugin.to_owned(), format!("{address} is no URL: {error}")))
    }
}

/// A target with the plugin in the place of `{{ pluginId }}`.
fn filled(target: &str, plugin: &str) -> String {
    let mut out = String::new();
    let mut rest = target;
    while let Some((before, after)) = rest.split_once("{{") {
        match after.split_once("}}") {
            Some((name, behind)) if name.trim() == "pluginId" => {
                out.push_str(before);
                out.push_str(plugin);
                rest = behind;
            }
            _ => break,
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_where_discovery_says_or_else_below_the_portal() {
        let places = Places {
            base: Some(Url::parse("http://portal:7007/backend/").unwrap()),
            endpoints: vec![("auth".to_owned(), "http://auth:8000/api/{{ pluginId }}".to_owned())],
        };
        let of = |plugin| places.of_plugin(plugin).unwrap().to_string();
        assert_eq!(of("auth"), "http://auth:8000/api/auth/");
        assert_eq!(of("permission"), "http://portal:7007/backend/api/permission/");
        assert_eq!(filled("http://{{pluginId}}.x/{{ other }}", "a"), "http://a.x/{{ other }}");
        let nowhere = Places { base: None, endpoints: Vec::new() };
        assert!(nowhere.of_plugin("auth").is_err());
    }
}
