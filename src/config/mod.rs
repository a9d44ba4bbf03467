//! Configuration: files, environment and defaults, put together as Backstage does it.
//!
//! Files are merged in order (objects deep, lists as a whole), then `APP_CONFIG_…` variables, then
//! our own `BACKSTITCH_…` variables. Of a portal's file we read what concerns a catalog and pass
//! over the rest, so it works as it is. Under `backstitch:`, which is ours, an unknown key stops
//! the start.

mod access;
mod backend;
mod catalog;
mod cors;
mod descriptors;
mod duration;
mod error;
mod events;
mod hosts;
mod integrations;
mod kinds;
mod network;
mod node;
mod own;
mod secret;
mod sections;
mod stages;
mod substitute;
#[cfg(test)]
mod tests;
mod typed;
mod variables;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

pub use access::{
    AuthConfig, DiscoveryConfig, Endpoint, ExternalAccess, ExternalAccessOptions, PermissionConfig,
    PortalConfig, SharedKey, Target, Texts,
};
pub use backend::{AllowedHost, BackendConfig, Listen, ReadingConfig};
pub use catalog::absolute;
pub use catalog::{CatalogConfig, LocationConfig, LocationRule, OrphanStrategy, ProcessingInterval};
pub use cors::CorsConfig;
pub use descriptors::DescriptorConfig;
pub use error::ConfigError;
pub use events::{EventModule, EventModules, EventsConfig, ScmEvents, SharedSecret};
pub use integrations::IntegrationsConfig;
pub use network::NetworkConfig;
pub use node::Place;
pub use own::{BackstitchConfig, DatabaseUrl, IngestConfig, LogUrl, RemovalHold, StitcherConfig};
pub use secret::Secret;

use node::Node;
use sections::Unread;
use substitute::Substitution;
use typed::Unknown;

/// What configuration is made from. Only `main` knows the real environment.
pub struct Inputs<'a> {
    /// `--config` files, in order.
    pub files: &'a [PathBuf],
    /// The environment's variables.
    pub env: &'a BTreeMap<String, String>,
    /// The working directory, absolute.
    pub cwd: &'a Path,
    /// Reads a file as text.
    pub read: &'a dyn Fn(&Path) -> io::Result<String>,
}

/// The whole configuration, with its types.
#[derive(Clone, Debug, PartialEq)]
pub struct AppConfig {
    /// What is read, and what may come from where.
    pub catalog: CatalogConfig,
    /// Where we listen, who may come in, what may be read.
    pub backend: BackendConfig,
    /// Git hosts.
    pub integrations: IntegrationsConfig,
    /// What webhooks of git hosts are signed with.
    pub events: EventsConfig,
    /// Whether anybody decides what people may.
    pub permission: PermissionConfig,
    /// Where Backstage's plugins are.
    pub discovery: DiscoveryConfig,
    /// Proxies and certificate authorities.
    pub network: NetworkConfig,
    /// Our own settings.
    pub backstitch: BackstitchConfig,
    /// What Backstage would do with this configuration and we do not, for people, in full
    /// sentences. Said at start, in status and on the page.
    pub unsupported: Vec<String>,
    /// What is likely a mistake but stops nothing, for the log.
    pub warnings: Vec<String>,
    /// The files that it was made from, absolute.
    pub sources: Vec<PathBuf>,
}

impl AppConfig {
    /// Whether any file was given: without one, `up` shows the example catalog.
    pub fn is_default(&self) -> bool {
        self.sources.is_empty()
    }
}

/// Reads, merges and checks the configuration.
///
/// # Errors
/// If a file cannot be read or is not YAML, if a value that we read is not what its key asks for,
/// or if a key under `backstitch` does not exist. The text names file, line and key.
pub fn load(inputs: &Inputs<'_>) -> Result<AppConfig, ConfigError> {
    let (mut root, mut warnings) = merged(inputs)?;
    kinds::read_schemas(&mut root, inputs.cwd, inputs.read)?;
    let (mut unsupported, unknown) = unread_keys(&root);
    warnings.extend(unknown);
    let integrations = root.get("integrations").into_iter().flat_map(Node::keys);
    for product in integrations.filter(|product| !integrations::PRODUCTS.contains(product)) {
        let text = format!("integrations.{product} is not supported; what its URLs list will be missing");
        unsupported.push(text);
    }
    let mut config = AppConfig {
        catalog: section(&root, "catalog", Unknown::Ignored)?,
        backend: section(&root, "backend", Unknown::Ignored)?,
        integrations: section(&root, "integrations", Unknown::Ignored)?,
        events: section(&root, "events", Unknown::Ignored)?,
        permission: section(&root, "permission", Unknown::Ignored)?,
        discovery: section(&root, "discovery", Unknown::Ignored)?,
        network: NetworkConfig::default(),
        backstitch: section(&root, "backstitch", Unknown::Refused)?,
        unsupported,
        warnings,
        sources: inputs.files.iter().map(|file| inputs.cwd.join(file)).collect(),
    };
    config.network = NetworkConfig::read(inputs, &config.backstitch.ingest, &mut config.warnings)?;
    config.catalog.resolve_files(inputs.cwd);
    check_rules(&root, &config.catalog)?;
    kinds::check(&root, &config.backstitch)?;
    config.unsupported.extend(config.webhook_notice());
    for (index, access) in config.backend.auth.external_access.iter().enumerate() {
        if !["static", "legacy", "jwks"].contains(&access.kind.as_str()) {
            config.unsupported.push(format!(
                "backend.auth.externalAccess[{index}] of type {} is not supported yet; its callers will be refused",
                access.kind
            ));
        }
    }
    Ok(config)
}

/// All layers as one, and a warning for each value that a missing variable took away.
fn merged(inputs: &Inputs<'_>) -> Result<(Node, Vec<String>), ConfigError> {
    let mut substitution = Substitution { env: inputs.env, read: inputs.read, undefined: Vec::new() };
    let mut root = Node::empty(Place { source: "defaults".into(), line: None });
    for file in inputs.files {
        let text = (inputs.read)(&inputs.cwd.join(file))
            .map_err(|cause| ConfigError::Read { path: file.clone(), cause })?;
        let node = Node::parse(&file.display().to_string(), &text)?;
        if !matches!(node.value, node::Value::Object(_)) {
            return Err(ConfigError::Syntax {
                place: node.place,
                detail: "the file must hold an object".to_owned(),
            });
        }
        let folder = substitute::folder_of(file, inputs.cwd);
        if let Some(filled) = substitution.apply(node, &folder, "")? {
            root.merge(filled);
        }
    }
    let warnings = substitution
        .undefined
        .iter()
        .map(|(path, name)| format!("{path} is left out: environment variable {name} is not set"))
        .collect();
    root.merge(variables::app_config(inputs.env)?);
    root.merge(variables::own(inputs.env)?);
    Ok((root, warnings))
}

fn section<T: DeserializeOwned + Default>(
    root: &Node,
    name: &str,
    unknown: Unknown,
) -> Result<T, ConfigError> {
    root.get(name).map_or_else(|| Ok(T::default()), |node| typed::read(node, name, unknown))
}

/// Refuses rules that cannot be used, naming where they stand.
fn check_rules(root: &Node, catalog: &CatalogConfig) -> Result<(), ConfigError> {
    let Err(error) = catalog.rules() else { return Ok(()) };
    let node = root.get("catalog").and_then(|catalog| catalog.get("rules")).unwrap_or(root);
    Err(ConfigError::Value {
        path: "catalog.rules".to_owned(),
        place: node.place.clone(),
        detail: error.to_string(),
    })
}

/// What to say about the keys under `catalog` that are not read: unsupported, then unknown.
fn unread_keys(root: &Node) -> (Vec<String>, Vec<String>) {
    let (mut unsupported, mut unknown) = (Vec::new(), Vec::new());
    let Some(catalog) = root.get("catalog") else { return (unsupported, unknown) };
    for key in catalog.keys() {
        let below = catalog.get(key).into_iter().flat_map(Node::keys);
        for unread in sections::unread(key, below) {
            match unread {
                Unread::Unsupported(text) => unsupported.push(text),
                Unread::Unknown(text) => unknown.push(text),
            }
        }
    }
    (unsupported, unknown)
}
