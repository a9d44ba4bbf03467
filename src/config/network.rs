//! Proxies and certificate authorities, from the variables that other programs read as well.

use std::{collections::BTreeMap, io, path::Path};

use backstitch_ingest::locations::Network;
use reqwest::Certificate;
use url::Url;

use super::{ConfigError, IngestConfig, Inputs, Place, Secret};

/// How hosts are reached.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkConfig {
    /// `HTTP_PROXY`. It may hold a password.
    http_proxy: Option<Secret>,
    /// `HTTPS_PROXY`. It may hold a password.
    https_proxy: Option<Secret>,
    /// `NO_PROXY`.
    no_proxy: Option<String>,
    /// `backstitch.ingest.extraCaFiles` and `NODE_EXTRA_CA_CERTS`, as PEM.
    authorities: Vec<String>,
}

impl NetworkConfig {
    /// What variables and settings say.
    ///
    /// # Errors
    /// If a proxy is no address, or a file of `extraCaFiles` cannot be used.
    pub(super) fn read(
        inputs: &Inputs<'_>,
        own: &IngestConfig,
        warnings: &mut Vec<String>,
    ) -> Result<Self, ConfigError> {
        let mut authorities = Vec::new();
        for file in &own.extra_ca_files {
            let path = inputs.cwd.join(file);
            let pem =
                (inputs.read)(&path).map_err(|cause| ConfigError::Read { path: path.clone(), cause })?;
            if !is_bundle(&pem) {
                return Err(unusable("backstitch.ingest.extraCaFiles", &path));
            }
            authorities.push(pem);
        }
        if let Some(file) = variable(inputs.env, "NODE_EXTRA_CA_CERTS") {
            match (inputs.read)(&inputs.cwd.join(&file)) {
                Ok(pem) if is_bundle(&pem) => authorities.push(pem),
                // Node goes on without it as well.
                outcome => warnings.push(format!(
                    "NODE_EXTRA_CA_CERTS is left out: {file} {}",
                    outcome
                        .err()
                        .map_or("holds no certificates".to_owned(), |cause: io::Error| cause.to_string())
                )),
            }
        }
        Ok(Self {
            http_proxy: proxy(inputs.env, "HTTP_PROXY")?,
            https_proxy: proxy(inputs.env, "HTTPS_PROXY")?,
            no_proxy: variable(inputs.env, "NO_PROXY"),
            authorities,
        })
    }

    /// The same for those who send requests.
    pub fn network(&self) -> Network {
        let url = |proxy: &Option<Secret>| proxy.as_ref().and_then(|proxy| Url::parse(proxy.expose()).ok());
        let certificates = self.authorities.iter().filter_map(|pem| bundle(pem)).flatten();
        Network {
            http_proxy: url(&self.http_proxy),
            https_proxy: url(&self.https_proxy),
            no_proxy: self.no_proxy.clone(),
            certificates: certificates.collect(),
        }
    }
}

/// A variable that is not empty, in either case.
fn variable(env: &BTreeMap<String, String>, name: &str) -> Option<String> {
    let value = env.get(name).or_else(|| env.get(&name.to_lowercase()))?;
    (!value.is_empty()).then(|| value.clone())
}

fn proxy(env: &BTreeMap<String, String>, name: &str) -> Result<Option<Secret>, ConfigError> {
    let Some(text) = variable(env, name) else { return Ok(None) };
    let address = if text.contains("://") { text } else { format!("http://{text}") };
    match Url::parse(&address) {
        Ok(url) if url.has_host() => Ok(Some(Secret::new(address))),
        _ => Err(ConfigError::Variable {
            variable: name.to_owned(),
            detail: "is not an address such as http://proxy.example.com:3128".to_owned(),
        }),
    }
}

fn bundle(pem: &str) -> Option<Vec<Certificate>> {
    Certificate::from_pem_bundle(pem.as_bytes()).ok().filter(|certificates| !certificates.is_empty())
}

fn is_bundle(pem: &str) -> bool {
    bundle(pem).is_some()
}

fn unusable(setting: &str, file: &Path) -> ConfigError {
    ConfigError::Value {
        path: setting.to_owned(),
        place: Place { source: file.display().to_string().into(), line: None },
        detail: "the file holds no certificates in PEM form".to_owned(),
    }
}
