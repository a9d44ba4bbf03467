//! What the portal's permission backend asks of every plugin: which permissions and rules there are, and
//! whether some entities meet conditions.

use axum::{extract::State, response::Response};
use backstitch_schemas::{EntityRef, RefContext};
use serde_json::{Value, json};

use crate::{
    access::{Condition, Criteria, OWNED_BY, Permission, Principal, RESOURCE_TYPE, permissions, rules},
    answer,
    body::JsonBody,
    error::ApiError,
    index::Index,
    openapi::{Answer, Group, Operation},
    state::ApiState,
};

/// Conditions and refs of one request.
const MAX_ITEMS: usize = 10_000;

pub(crate) const METADATA: Operation = Operation::get(
    Group::Permissions,
    "/.well-known/backstage/permissions/metadata",
    "getPermissionMetadata",
    "The permissions of the catalog, and the rules that conditions are made of.",
)
.answers(&[Answer::json("PermissionMetadata", "Permissions and rules.")]);

pub(crate) const APPLY: Operation = Operation::post(
    Group::Permissions,
    "/.well-known/backstage/permissions/apply-conditions",
    "applyConditions",
    "Whether entities meet conditions; for services. Entities that do not exist meet none.",
)
.body("ApplyConditions")
.answers(&[Answer::json("AppliedConditions", "A result for each item, in the order of the items.")]);

/// Tells the permissions and rules.
#[tracing::instrument(name = "api.permissions.metadata", skip_all)]
pub(crate) async fn get_metadata() -> Response {
    let all: Vec<_> = permissions::ALL.into_iter().map(Permission::to_json).collect();
    answer::json(&json!({"permissions": all, "rules": rules()}))
}

/// Applies conditions to entities, whoever may see them: the portal decides about people by this. It is not
/// for those who are decided about: the answers would tell what is hidden from them.
#[tracing::instrument(name = "api.permissions.apply_conditions", skip_all)]
pub(crate) async fn apply_conditions(
    State(state): State<ApiState>,
    principal: Principal,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let is_decided_about = match principal {
        Principal::Service { .. } | Principal::User { through: Some(_), .. } => false,
        Principal::User { through: None, .. } => true,
        Principal::Anonymous => state.policy.is_some(),
    };
    if is_decided_about {
        return Err(ApiError::not_allowed(""));
    }
    let index = state.catalog.index().ok_or(crate::catalog::WaitError::Loading)?;
    let items = body.items("items")?.ok_or_else(|| JsonBody::missing("items"))?;
    if items.len() > MAX_ITEMS {
        return Err(ApiError::input(format!("request/body/items must have at most {MAX_ITEMS} items")));
    }
    let results = items.iter().enumerate().map(|(position, item)| applied(&index, position, item));
    let results = results.collect::<Result<Vec<_>, _>>()?;
    Ok(answer::json(&json!({ "items": results })))
}

fn applied(index: &Index, position: usize, item: &Value) -> Result<Value, ApiError> {
    let at = format!("request/body/items/{position}");
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    let id = text("id").ok_or_else(|| ApiError::input(format!("{at}/id must be string")))?;
    let resource_type =
        text("resourceType").ok_or_else(|| ApiError::input(format!("{at}/resourceType must be string")))?;
    if resource_type != RESOURCE_TYPE {
        return Err(ApiError::input(format!("Unexpected resource types: {resource_type}.")));
    }
    let conditions = item.get("conditions").cloned();
    let conditions = conditions
        .ok_or_else(|| ApiError::input(format!("{at} must have required property 'conditions'")))?;
    let criteria = Criteria::parse(&Condition(conditions))?;
    let decide = |entity_ref: &Value| {
        let entity_ref = entity_ref.as_str();
        let entity_ref =
            entity_ref.ok_or_else(|| ApiError::input(format!("{at}/resourceRef must be string")))?;
        Ok(if is_met(index, &criteria, entity_ref) { "ALLOW" } else { "DENY" })
    };
    let result = match item.get("resourceRef") {
        Some(Value::Array(refs)) if refs.len() > MAX_ITEMS => {
            return Err(ApiError::input(format!("{at}/resourceRef must have at most {MAX_ITEMS} items")));
        }
        Some(Value::Array(refs)) => {
            json!(refs.iter().map(decide).collect::<Result<Vec<_>, ApiError>>()?)
        }
        Some(entity_ref) => json!(decide(entity_ref)?),
        None => return Err(ApiError::input(format!("{at} must have required property 'resourceRef'"))),
    };
    Ok(json!({"id": id, "result": result}))
}

fn is_met(index: &Index, criteria: &Criteria, entity_ref: &str) -> bool {
    let entity_ref = EntityRef::parse(entity_ref, RefContext::default()).ok();
    let entity = entity_ref.and_then(|entity_ref| index.find(&entity_ref));
    entity.is_some_and(|entity| {
        let owned_by = OWNED_BY.into();
        let owners: Vec<_> =
            entity.relations.of_kind(&owned_by).map(|relation| relation.target.clone()).collect();
        criteria.is_met(&entity.body.value(), &owners)
    })
}
