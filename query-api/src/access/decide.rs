//! What is decided before, and without, the policy.

use super::{Decision, Permission, PolicyError, Principal, Restrictions};
use crate::state::ApiState;

impl ApiState {
    /// Decides whether `principal` has `permission`; for one on entities without naming an entity.
    ///
    /// Services never reach the policy: what their credentials are limited to is all there is to it.
    ///
    /// # Errors
    /// If nobody decides. Whoever asks must then deny; why is logged here.
    pub(crate) async fn decide(
        &self,
        principal: &Principal,
        permission: Permission,
    ) -> Result<Decision, PolicyError> {
        if let Principal::Service { restrictions, .. } = principal {
            let is_allowed = restrictions.as_ref().is_none_or(|limits| limits.permit(permission));
            return Ok(if is_allowed { Decision::Allow } else { Decision::Deny });
        }
        let Some(policy) = &self.policy else { return Ok(Decision::Allow) };
        let decision = policy.decide(principal, permission).await;
        decision.inspect_err(|cause| {
            tracing::warn!(%cause, permission = permission.name, "denied, because nobody decides");
        })
    }
}

impl Restrictions {
    /// Whether a service with these limits has `permission`.
    pub fn permit(&self, permission: Permission) -> bool {
        let has_name = self.permission_names.is_empty()
            || self.permission_names.iter().any(|name| name == permission.name);
        let has_action = self.permission_actions.is_empty()
            || self.permission_actions.iter().any(|action| permission.action == Some(action));
        has_name && has_action
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::permissions;

    #[test]
    fn restrictions_permit_what_they_name_and_nothing_else() {
        let names = Restrictions {
            permission_names: vec!["catalog.entity.read".to_owned()],
            ..Restrictions::default()
        };
        assert!(names.permit(permissions::ENTITY_READ));
        assert!(!names.permit(permissions::LOCATION_READ));
        let actions = Restrictions { permission_actions: vec!["read".to_owned()], ..Restrictions::default() };
        assert!(actions.permit(permissions::LOCATION_READ));
        assert!(!actions.permit(permissions::ENTITY_DELETE));
        assert!(!actions.permit(permissions::ENTITY_VALIDATE));
        assert!(Restrictions::default().permit(permissions::ENTITY_VALIDATE));
    }
}
