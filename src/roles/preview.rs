//! Trying before registering: ingest reads, the pipeline processes, nobody stores anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use backstitch_ingest::http::{EntityAnswer, EntityQuestion, LocationQuestion};
use backstitch_ingest::{Found, PreviewRead, Previewer};
use backstitch_processors::{Outcome, Pipeline};
use backstitch_query_api::{Descriptors, Preview, PreviewError, PreviewedEntity, PreviewedLocation};
use backstitch_schemas::{
    LocationRef, Problem,
    scm::{Repository, host_of},
};
use serde_json::Value;
use url::Url;

use super::remote_ingest::RemoteIngest;

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
    Elsewhere(Arc<RemoteIngest>),
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
                let question = LocationQuestion { location: location.to_string(), presence };
                remote.ask(&["previews"], &question).await.map_err(PreviewError::Unavailable)
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
                remote.ask(&["previews", "entity"], &question).await.map_err(PreviewError::Unavailable)
            }
        }
    }
}
