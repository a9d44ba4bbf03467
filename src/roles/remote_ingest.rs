//! The way to ingest where it runs in another process.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backstitch_read_model::ReadModel;
use backstitch_schemas::source::SourceKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::config::{AppConfig, Secret};

/// Somewhat longer than ingest takes at most.
const PATIENCE: Duration = Duration::from_secs(35);

/// Asks whichever ingest process is reached first.
pub(super) struct RemoteIngest {
    read_model: Arc<dyn ReadModel>,
    client: reqwest::Client,
    /// For ingest processes that want one.
    token: Option<Secret>,
}

impl fmt::Debug for RemoteIngest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteIngest").finish_non_exhaustive()
    }
}

impl RemoteIngest {
    /// Asks with the first token of the configuration that may do everything, if there is one.
    ///
    /// # Errors
    /// If the HTTP client cannot be set up.
    pub(super) fn new(config: &AppConfig, read_model: Arc<dyn ReadModel>) -> anyhow::Result<Self> {
        let token = config.backend.auth.operator_token().cloned();
        Ok(Self { read_model, client: reqwest::Client::builder().timeout(PATIENCE).build()?, token })
    }

    /// Puts a question to the endpoint with this path below `/api/ingest/v1`.
    ///
    /// # Errors
    /// Why nobody answers.
    pub(super) async fn ask<A: DeserializeOwned>(
        &self,
        path: &[&str],
        question: &impl Serialize,
    ) -> Result<A, String> {
        let mut last = "no ingest process has said where it is".to_owned();
        for address in self.addresses().await? {
            let Some(url) = endpoint(&address, path) else {
                last = format!("an ingest process says that it is at `{address}`, which is no URL");
                continue;
            };
            let mut request = self.client.post(url).json(question);
            if let Some(token) = &self.token {
                request = request.bearer_auth(token.expose());
            }
            let answer = request.send().await.and_then(reqwest::Response::error_for_status);
            match answer {
                Ok(answer) => match answer.json().await {
                    Ok(answer) => return Ok(answer),
                    Err(cause) => last = cause.to_string(),
                },
                Err(cause) => last = cause.to_string(),
            }
        }
        Err(last)
    }

    /// Where ingest processes say that they are.
    async fn addresses(&self) -> Result<Vec<String>, String> {
        let sources = self.read_model.sources().await.map_err(|cause| cause.to_string())?;
        let notes = sources.into_iter().filter_map(|row| match SourceKey::decode(row.key.as_bytes()) {
            Ok(SourceKey::Ours(name)) if name.starts_with("ingest-") => row.state.note,
            Ok(_) | Err(_) => None,
        });
        let mut addresses: Vec<String> = notes.collect();
        addresses.sort();
        addresses.dedup();
        Ok(addresses)
    }
}

fn endpoint(address: &str, path: &[&str]) -> Option<Url> {
    let mut url = Url::parse(address).ok()?;
    url.path_segments_mut().ok()?.pop_if_empty().extend(["api", "ingest", "v1"]).extend(path);
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_path_is_made_of_stays_in_its_segment() {
        let url = endpoint("http://h:1/", &["providers", "a/b c", "read-times"]).unwrap();
        assert_eq!(url.as_str(), "http://h:1/api/ingest/v1/providers/a%2Fb%20c/read-times");
    }
}
