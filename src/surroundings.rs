//! What the process finds around it. Read once, in `main`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;

use crate::cli::ConfigArgs;
use crate::config::{self, AppConfig, ConfigError, Inputs};

/// Environment and working directory.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The environment's variables.
    pub env: BTreeMap<String, String>,
    /// The working directory, absolute.
    pub cwd: PathBuf,
}

impl Surroundings {
    /// The configuration of these files and this environment, with what the command line says on top.
    ///
    /// # Errors
    /// If the configuration cannot be used; the text names file, line and key.
    pub fn configure(&self, args: &ConfigArgs) -> Result<AppConfig, ConfigError> {
        let mut config = self.with_files(&args.config)?;
        if let Some(data_dir) = &args.data_dir {
            config.backstitch.data_dir.clone_from(data_dir);
        }
        if let Some(listen) = &args.listen {
            config.backend.listen = listen.clone();
        }
        Ok(config)
    }

    /// The configuration of these files and this environment.
    ///
    /// # Errors
    /// If the configuration cannot be used; the text names file, line and key.
    pub fn with_files(&self, files: &[PathBuf]) -> Result<AppConfig, ConfigError> {
        let read = |path: &std::path::Path| std::fs::read_to_string(path);
        config::load(&Inputs { files, env: &self.env, cwd: &self.cwd, read: &read })
    }

    /// A path as people would type it here: relative if it lies below the working directory.
    pub fn shown(&self, path: &std::path::Path) -> String {
        path.strip_prefix(&self.cwd).unwrap_or(path).display().to_string()
    }
}
