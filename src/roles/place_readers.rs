//! Who reads places, and can tell when.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backstitch_ingest::http::{ReadTimesAnswer, ReadTimesQuestion};
use backstitch_ingest::{Directory, ReadTimes};
use backstitch_query_api::Readers;
use backstitch_schemas::ProviderName;
use tokio::time::timeout;

use super::remote_ingest::RemoteIngest;

/// A person waits for the explanation that this is a part of.
const PATIENCE: Duration = Duration::from_secs(2);

/// Who reads.
pub(super) enum PlaceReaders {
    /// Ingest in this process.
    Here(Arc<Directory>),
    /// Ingest in another one.
    Elsewhere(Arc<RemoteIngest>),
}

impl std::fmt::Debug for PlaceReaders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlaceReaders")
    }
}

impl PlaceReaders {
    /// Asks the owner of one provider. Nothing if it does not answer: that is not worth an error to somebody who
    /// asks for more than that.
    async fn ask(&self, provider: &ProviderName, places: Vec<String>) -> Vec<Option<ReadTimes>> {
        let answer = match self {
            Self::Here(directory) => {
                directory.read_times(provider, places).await.map_err(|cause| cause.to_string())
            }
            Self::Elsewhere(remote) => {
                let path = ["providers", provider.as_str(), "read-times"];
                let answer = remote.ask(&path, &ReadTimesQuestion { places }).await;
                answer.map(|ReadTimesAnswer { places }| places)
            }
        };
        answer.unwrap_or_else(|cause| {
            tracing::debug!(%provider, cause, "nobody tells when places are read");
            Vec::new()
        })
    }
}

#[async_trait]
impl Readers for PlaceReaders {
    async fn read_times(
        &self,
        places: &[(ProviderName, String)],
    ) -> Vec<Option<backstitch_query_api::ReadTimes>> {
        let mut told = vec![None; places.len()];
        let mut by_provider: BTreeMap<&ProviderName, Vec<usize>> = BTreeMap::new();
        for (at, (provider, _)) in places.iter().enumerate() {
            by_provider.entry(provider).or_default().push(at);
        }
        for (provider, asked) in by_provider {
            let wanted = asked.iter().map(|at| places[*at].1.clone()).collect();
            let answer = timeout(PATIENCE, self.ask(provider, wanted)).await.unwrap_or_default();
            for (at, times) in asked.into_iter().zip(answer) {
                told[at] = times.map(|times| backstitch_query_api::ReadTimes {
                    last_read: times.last_read,
                    last_success: times.last_success,
                    next_read: times.next_read,
                });
            }
        }
        told
    }
}
