//! Whose problem it is: by the document that it stands in, or by the owner of what stands there.

use backstitch_schemas::{EntityRef, RefContext};

use super::views::ProblemView;
use crate::{
    access::OWNED_BY,
    error::ApiError,
    index::relation_key,
    params::Params,
    query::{Predicate, Test},
    view::View,
};

const MANAGED_BY: &str = "metadata.annotations.backstage.io/managed-by-location";

/// What a list of problems is narrowed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Narrowing {
    /// The beginning of a location ref or of its target.
    location: Option<String>,
    /// A group or a user.
    owner: Option<EntityRef>,
}

impl Narrowing {
    /// What `location` and `owner` ask for.
    pub(super) fn of(params: &Params<'_>) -> Result<Self, ApiError> {
        let context = RefContext { default_kind: Some("group"), default_namespace: None };
        let owner = params.one("owner").map(|text| EntityRef::parse(text, context)).transpose();
        let owner = owner.map_err(|cause| ApiError::input(cause.to_string()))?;
        Ok(Self { location: params.one("location").map(str::to_owned), owner })
    }

    /// Whether nothing is left out.
    pub(super) fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a problem is asked for.
    pub(super) fn keeps(&self, view: &View, problem: &ProblemView) -> bool {
        let at = self.location.as_deref().is_none_or(|wanted| is_at(problem, wanted));
        at && self.owner.as_ref().is_none_or(|owner| is_of(view, problem, owner))
    }
}

fn is_at(problem: &ProblemView, wanted: &str) -> bool {
    let Some(location) = problem.problem.location.as_deref() else { return false };
    let target = location.split_once(':').map_or(location, |(_, target)| target);
    location.starts_with(wanted) || target.starts_with(wanted)
}

/// Whether `owner` owns the entity or, where it never came to be, is named in it or, if nobody is, owns
/// something else in its document.
fn is_of(view: &View, problem: &ProblemView, owner: &EntityRef) -> bool {
    let owned = Predicate::Field(relation_key(OWNED_BY), Test::In(vec![owner.to_string()]));
    let entity = problem.entity_ref.as_deref().map(EntityRef::from_canonical);
    let entity = entity.and_then(|entity_ref| view.find(&entity_ref));
    if let Some(entity) = entity.filter(|entity| !entity.entity_ref.is_location()) {
        return entity.relations.iter().any(|end| &*end.kind == OWNED_BY && end.target == *owner);
    }
    if let Some(named) = &problem.owner {
        return named == owner;
    }
    let Some(location) = &problem.problem.location else { return false };
    let beside = Predicate::Field(MANAGED_BY.to_owned(), Test::In(vec![crate::index::lower(location)]));
    !view.matching(&Predicate::All(vec![beside, owned])).is_empty()
}
