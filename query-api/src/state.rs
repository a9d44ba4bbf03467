//! What the handlers share.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use backstitch_read_model::ReadModel;
use backstitch_schemas::{EntityRef, ProviderName, Timestamp, model::Model};

use crate::{
    Catalog, Commands, Config, Decision, Permission, PermissionPolicy, Preview, Principal, PublicKeys,
    Readers, WaitError, error::ApiError,
};

/// What the rest of the pipeline says about itself. The query API cannot know it; the executable
/// connects the two.
#[async_trait]
pub trait StatusSource: Send + Sync + std::fmt::Debug + 'static {
    /// How far the pipeline is.
    async fn pipeline(&self) -> PipelineStatus;
}

/// How far the pipeline is, seen from its log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipelineStatus {
    /// The end of `catalog.changes`: the sum of all its partitions' ends. `None` if not known.
    pub changes_end: Option<i64>,
    /// The end of `catalog.processed`, likewise.
    pub processed_end: Option<i64>,
    /// The end of `catalog.sources`, likewise.
    pub sources_end: Option<i64>,
    /// Whether a read is due or under way.
    pub reading: bool,
    /// How the providers are that are run in this process.
    pub providers: Vec<LiveProvider>,
    /// How reading from each host goes that this process reads from.
    pub hosts: Vec<LiveHost>,
    /// What a person should know, such as configuration that has no effect.
    pub notices: Vec<String>,
}

/// How a provider is right now. What the read model says of it may be some minutes old, because looks
/// at what did not change are not recorded one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveProvider {
    /// Its name.
    pub name: ProviderName,
    /// How many entities it claims.
    pub entities: i64,
    /// When it was last heard.
    pub last_read: Option<Timestamp>,
    /// When it last told what is there.
    pub last_success: Option<Timestamp>,
    /// When it reads again.
    pub next_read: Option<Timestamp>,
}

/// How reading from one host goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveHost {
    /// The host, with its port if that is not the scheme's own.
    pub host: String,
    /// Documents that are read from it.
    pub documents: u64,
    /// Requests that its budget has room for until `reset`, if it tells.
    pub limit: Option<u64>,
    /// How many of them are left.
    pub remaining: Option<u64>,
    /// When they are renewed.
    pub reset: Option<Timestamp>,
    /// Until when polling leaves it alone, if it does.
    pub waiting_until: Option<Timestamp>,
    /// The shortest and the longest time between two reads of the same document: the time of one full
    /// pass. `None` if they are read once only.
    pub pass: Option<(Duration, Duration)>,
}

/// Everything that the handlers need.
#[derive(Clone, Debug)]
pub struct ApiState {
    /// The catalog in memory.
    pub catalog: Catalog,
    /// For what is not held in memory: claims, history, sources.
    pub read_model: Arc<dyn ReadModel>,
    /// The rest of the pipeline, where it is known.
    pub status: Option<Arc<dyn StatusSource>>,
    /// The way to the owners of providers; without it nothing can be registered, refreshed or deleted.
    pub commands: Option<Arc<dyn Commands>>,
    /// Reading on request; without it nothing can be tried before it is registered.
    pub preview: Option<Arc<dyn Preview>>,
    /// Those who read places; without them explanations do not tell when a place is read again.
    pub readers: Option<Arc<dyn Readers>>,
    /// Who decides what a principal may; without one everybody may everything.
    pub policy: Option<Arc<dyn PermissionPolicy>>,
    /// Who signs our tokens; nobody, if nobody else is asked.
    pub public_keys: Option<Arc<dyn PublicKeys>>,
    /// The JSON Schema of all kinds that are let in, as text, for editors.
    pub entity_schema: Arc<str>,
    /// Settings.
    pub config: Arc<Config>,
}

impl ApiState {
    /// An API that serves reads, and knows nobody else and the built-in kinds only.
    pub fn new(catalog: Catalog, read_model: Arc<dyn ReadModel>, config: Arc<Config>) -> Self {
        Self {
            catalog,
            read_model,
            status: None,
            commands: None,
            preview: None,
            readers: None,
            policy: None,
            public_keys: None,
            entity_schema: Model::builtin().json_schema().to_string().into(),
            config,
        }
    }

    /// Who reads on request.
    pub(crate) fn preview(&self) -> Result<&dyn Preview, ApiError> {
        let missing =
            || ApiError::not_implemented("This server cannot read anything before it is registered");
        self.preview.as_deref().ok_or_else(missing)
    }

    /// Checks that `principal` has a permission that is about no entity.
    pub(crate) async fn authorize(
        &self,
        principal: &Principal,
        permission: Permission,
    ) -> Result<(), ApiError> {
        match self.decide(principal, permission).await {
            Ok(Decision::Allow) => Ok(()),
            Ok(Decision::Deny | Decision::Conditional(_)) | Err(_) => Err(ApiError::not_allowed("")),
        }
    }

    /// Checks that `principal` has a permission on one entity. One that there is not is nobody's but theirs
    /// who have the permission on all.
    pub(crate) async fn authorize_on(
        &self,
        principal: &Principal,
        permission: Permission,
        entity_ref: &EntityRef,
    ) -> Result<(), ApiError> {
        let index = self.catalog.index().ok_or(WaitError::Loading)?;
        let view = self.view_with(index, principal, permission).await?;
        if view.is_limited() && !view.sees(entity_ref) {
            return Err(ApiError::not_allowed(""));
        }
        Ok(())
    }
}
