//! Trying before registering: ingest reads, the pipeline processes, nobody stores anything.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backstitch_ingest::http::{EntityAnswer, EntityQuestion, LocationQuestion};
use backstitch_ingest::{Found, PreviewRead, Previewer};
use backstitch_processors::{Outcome, Pipeline};
use backstitch_query_api::{Descriptors, Preview, PreviewError, PreviewedEntity, PreviewedLocation};
use backstitch_read_model::ReadModel;
use backstitch_schemas::{
    LocationRef, Problem,
    scm::{Repository, host_of},
    source::SourceKey,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::config::{AppConfig, Secret};

/// Somewhat longer than ingest takes at most.
const PATIENCE: Duration = Duration::from_secs(35);

/// Processes what is read on request.
#[derive(Debug)]
pub(super) struct PipelinePreview {
    pub(super) reader: Reader,
    pub(super) pipeline: Arc<Pipeline>,
    /// The hosts that credentials are configured for. Without, listing a repository would soon use up
    /// what a host allows to everybody.
    pub(super) credentialed: Vec<String>,
}

/// Who reads.
#[derive(Debug)]
pub(super) enum Reader {
    /// Ingest in this process.
    Here(Arc<Previewer>),
    /// Ingest in another one, which has the credentials of hosts.
    Elsewhere(RemoteReader),
}

/// Asks whichever ingest process is reached first.
pub(super) struct RemoteReader {
    read_model: Arc<dyn ReadModel>,
    client: reqwest::Client,
    /// For ingest processes that want one.
    token: Option<Secret>,
}

impl fmt::Debug for RemoteReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteReader").finish_non_exhaustive()
    }
}

#[async_trait]
impl Preview for PipelinePreview {
    async fn location(
        &self,
        location: &LocationRef,
        presence: Option<&str>,
    ) -> Result<PreviewedLocation, PreviewError> {
        let PreviewRead { found, problems } = self.reader.location(location, presence).await?;
        let mut previewed = PreviewedLocation { entities: Vec::new(), problems };
        for found in found {
            match self.processed(&found) {
                Ok(entity) => previewed.entities.push(entity),
                Err(problems) => previewed.problems.extend(problems),
            }
        }
        Ok(previewed)
    }

    async fn entity(&self, entity: &Value, location: &LocationRef) -> Result<PreviewedEntity, PreviewError> {
        let read = match self.reader.entity(entity, location).await? {
            EntityAnswer::Found(found) => self.processed(&found),
            EntityAnswer::Problem(problem) => Err(vec![problem]),
        };
        Ok(match read {
            Ok(entity) => PreviewedEntity { entity: Some(entity), problems: Vec::new() },
            Err(problems) => PreviewedEntity { entity: None, problems },
        })
    }

    async fn descriptors(
        &self,
        repository: &Repository,
        filename: &str,
    ) -> Result<Descriptors, PreviewError> {
        let pattern = repository.everywhere(filename).filter(|pattern| self.may_list(pattern));
        let Some(pattern) = pattern else { return Ok(Descriptors::default()) };
        let everywhere = LocationRef::new("url", pattern.as_str());
        let PreviewRead { found, .. } = self.reader.location(&everywhere, Some("optional")).await?;
        let mut files: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for found in found.iter().filter(|found| found.listed) {
            let entity = self.processed(found);
            files.entry(found.content.location.clone()).or_default().extend(entity);
        }
        let located = |(location, entities): (String, Vec<Value>)| {
            Some((LocationRef::parse(&location).ok()?, entities))
        };
        Ok(Descriptors { files: files.into_iter().filter_map(located).collect() })
    }
}

impl PipelinePreview {
    fn may_list(&self, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| self.credentialed.contains(&host_of(&url)))
    }

    fn processed(&self, found: &Found) -> Result<Value, Vec<Problem>> {
        let entity: Value = serde_json::from_str(&found.content.entity)
            .map_err(|cause| vec![Problem::input(cause.to_string())])?;
        match self.pipeline.process(&found.content, entity, found.listed) {
            Outcome::Good { entity, .. } => Ok(entity),
            Outcome::Invalid(problems) => Err(problems),
            Outcome::Refused(problem) => Err(vec![problem]),
        }
    }
}

impl Reader {
    async fn location(
        &self,
        location: &LocationRef,
        presence: Option<&str>,
    ) -> Result<PreviewRead, PreviewError> {
        match self {
            Self::Here(previewer) => Ok(previewer.location(location, presence).await),
            Self::Elsewhere(remote) => {
                let presence = presence.map(str::to_owned);
                remote.ask("previews", &LocationQuestion { location: location.to_string(), presence }).await
            }
        }
    }

    async fn entity(&self, entity: &Value, location: &LocationRef) -> Result<EntityAnswer, PreviewError> {
        match self {
            Self::Here(previewer) => {
                let read = previewer.entity(entity, location).await;
                Ok(read.map_or_else(EntityAnswer::Problem, EntityAnswer::Found))
            }
            Self::Elsewhere(remote) => {
                let question = EntityQuestion { entity: entity.clone(), location: location.to_string() };
                remote.ask("previews/entity", &question).await
            }
        }
    }
}

impl RemoteReader {
    /// Asks with the first token of the configuration that may do everything, if there is one.
    ///
    /// # Errors
    /// If the HTTP client cannot be set up.
    pub(super) fn new(config: &AppConfig, read_model: Arc<dyn ReadModel>) -> anyhow::Result<Self> {
        let token = config.backend.auth.operator_token().cloned();
        Ok(Self { read_model, client: reqwest::Client::builder().timeout(PATIENCE).build()?, token })
    }

    async fn ask<A: DeserializeOwned>(
        &self,
        path: &str,
        question: &impl Serialize,
    ) -> Result<A, PreviewError> {
        let mut last = "no ingest process has said where it is".to_owned();
        for address in self.addresses().await? {
            let url = format!("{}/api/ingest/v1/{path}", address.trim_end_matches('/'));
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
        Err(PreviewError::Unavailable(last))
    }

    /// Where ingest processes say that they are.
    async fn addresses(&self) -> Result<Vec<String>, PreviewError> {
        let sources = self.read_model.sources().await;
        let sources = sources.map_err(|cause| PreviewError::Unavailable(cause.to_string()))?;
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
