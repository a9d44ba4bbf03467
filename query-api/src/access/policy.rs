//! Who decides what a principal may.

use async_trait::async_trait;
use serde_json::Value;

use super::{Permission, Principal};

/// A source of decisions, such as a portal's permission backend.
#[async_trait]
pub trait PermissionPolicy: Send + Sync + std::fmt::Debug + 'static {
    /// Decides whether `principal` has `permission`; for a permission on entities without naming one.
    ///
    /// # Errors
    /// If nobody could be asked. Whoever asks must then deny.
    async fn decide(&self, principal: &Principal, permission: Permission) -> Result<Decision, PolicyError>;
}

/// A decision.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Yes.
    Allow,
    /// No.
    Deny,
    /// Yes for the entities that meet the condition.
    Conditional(Condition),
}

/// What an entity must meet: the criteria of a conditional decision as they came, of the form
/// `{rule, resourceType, params}`, `{allOf}`, `{anyOf}` or `{not}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition(pub Value);

/// Why there is no decision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the permission backend could not be asked: {0}")]
pub struct PolicyError(pub String);
