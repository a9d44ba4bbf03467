//! Why a configuration cannot be used.

use std::path::PathBuf;

use super::node::Place;

/// Why the configuration stops the start. Each names the place and the key to change.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A configuration file, or one that it includes, cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file as it was given.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
    /// A file is not YAML.
    #[error("{place}: not valid YAML: {detail}")]
    Syntax {
        /// Where the parser gave up.
        place: Place,
        /// What it says.
        detail: String,
    },
    /// A value is not what its key asks for.
    #[error("{place}: {path}: {detail}")]
    Value {
        /// The key, e.g. `catalog.locations[0].target`.
        path: String,
        /// Where the value was written.
        place: Place,
        /// What is wrong with it.
        detail: String,
    },
    /// One of our own keys that does not exist.
    #[error("{place}: {path} is not a setting{}", hint(nearest.as_deref()))]
    UnknownKey {
        /// The key, e.g. `backstitch.ingest.removalhold`.
        path: String,
        /// Where it was written.
        place: Place,
        /// The known key that resembles it most.
        nearest: Option<String>,
    },
    /// An environment variable with our prefix that makes no sense.
    #[error("environment variable {variable}: {detail}")]
    Variable {
        /// Its name.
        variable: String,
        /// What is wrong with it.
        detail: String,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}
