//! Extractors: the catalog as of one commit, and the entity that a path names.

use std::sync::{Arc, OnceLock};

use axum::{extract::FromRequestParts, http::request::Parts};
use backstitch_read_model::Revision;
use backstitch_schemas::EntityRef;

use crate::{
    access::{Criteria, Decision, Permission, Principal, permissions},
    error::ApiError,
    index::Index,
    params::MIN_REVISION,
    paths::parts_after,
    state::ApiState,
    view::View,
};

/// The catalog as of one commit, for the whole request, as far as whoever asks may see it. With
/// `?minRevision=N` it is at least that revision.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot(pub(crate) View);

/// Where the answer finds out which revision a handler saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct SeenRevision(Arc<OnceLock<Revision>>);

impl SeenRevision {
    /// The revision, if the catalog was looked at.
    pub(crate) fn get(&self) -> Option<Revision> {
        self.0.get().copied()
    }
}

impl FromRequestParts<ApiState> for Snapshot {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let index = match min_revision(parts.uri.query())? {
            Some(wanted) => state.index_of(wanted).await?,
            None => state.catalog.index().ok_or(crate::catalog::WaitError::Loading)?,
        };
        if let Some(SeenRevision(seen)) = parts.extensions.get::<SeenRevision>() {
            // One request has one snapshot; a second look would see the same.
            let _ = seen.set(index.revision());
        }
        let principal = parts.extensions.get().cloned().unwrap_or_default();
        Ok(Self(state.view(index, &principal).await?))
    }
}

impl ApiState {
    /// The catalog as of a commit that has `wanted`, which is waited for if it is on its way here.
    async fn index_of(&self, wanted: Revision) -> Result<Arc<Index>, ApiError> {
        let is_here = self.catalog.index().is_some_and(|index| index.revision() >= wanted);
        // What was not committed yet is on its way nowhere: nobody was told such a revision.
        if !is_here && self.read_model.head().await?.revision < wanted {
            return Err(ApiError::input(format!(
                "Revision {wanted} does not exist; take one that an answer told"
            )));
        }
        Ok(self.catalog.at_least(wanted, self.config.min_revision_wait()).await?)
    }

    /// What `principal` sees of the catalog as of one commit.
    ///
    /// # Errors
    /// If the policy decides by conditions that cannot be checked.
    pub(crate) async fn view(&self, index: Arc<Index>, principal: &Principal) -> Result<View, ApiError> {
        self.view_with(index, principal, permissions::ENTITY_READ).await
    }

    /// The entities on which `principal` has a permission.
    ///
    /// # Errors
    /// If the policy decides by conditions that cannot be checked.
    pub(crate) async fn view_with(
        &self,
        index: Arc<Index>,
        principal: &Principal,
        permission: Permission,
    ) -> Result<View, ApiError> {
        Ok(match self.decide(principal, permission).await {
            Ok(Decision::Allow) => View::of_all(index),
            Ok(Decision::Deny) => View::of_nothing(index),
            Err(_) => View::undecided(index),
            Ok(Decision::Conditional(condition)) => {
                let criteria = Criteria::parse(&condition).map_err(|error| {
                    tracing::error!(%error, "the permission policy's conditions cannot be checked");
                    ApiError::internal(error.to_string())
                })?;
                View::of_matching(index, Arc::new(criteria), self.catalog.visible())
            }
        })
    }
}

fn min_revision(query: Option<&str>) -> Result<Option<Revision>, ApiError> {
    let params = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let Some((_, value)) = params.filter(|(name, _)| name == MIN_REVISION).last() else { return Ok(None) };
    let number: i64 = value
        .parse()
        .map_err(|_| ApiError::input(format!("request/query/{MIN_REVISION} must be integer")))?;
    Ok(Some(Revision(number)))
}

/// An entity that is named by three parts of the path, as the client wrote them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamePath {
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl NamePath {
    /// The canonical ref.
    pub(crate) fn entity_ref(&self) -> EntityRef {
        EntityRef::new(&self.kind, Some(&self.namespace), &self.name)
    }
}

impl<S: Sync> FromRequestParts<S> for NamePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        const MARKERS: [&str; 3] = ["by-name", "by-entity", "history"];
        let marker =
            parts.uri.path().split('/').find_map(|part| MARKERS.into_iter().find(|known| *known == part));
        let [kind, namespace, name] = parts_after(parts, marker.unwrap_or_default())?;
        Ok(Self { kind, namespace, name })
    }
}

/// The uid that a path names, as the client wrote it.
#[derive(Clone, Debug)]
pub(crate) struct UidPath(pub(crate) String);

impl<S: Sync> FromRequestParts<S> for UidPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let [uid] = parts_after(parts, "by-uid")?;
        Ok(Self(uid))
    }
}
