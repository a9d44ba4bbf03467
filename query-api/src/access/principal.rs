//! Who asks.

use std::convert::Infallible;

use axum::{extract::FromRequestParts, http::request::Parts};
use backstitch_schemas::EntityRef;

/// Who asks, as far as verified credentials say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Principal {
    /// Nobody said who they are, and nobody has to.
    #[default]
    Anonymous,
    /// A person.
    User {
        /// The person's entity.
        entity_ref: EntityRef,
        /// A token that stands for the person and can do nothing else, to ask other plugins on the person's
        /// behalf.
        token: String,
        /// The plugin that calls on the person's behalf, as `plugin:…`; `None`: the person calls.
        through: Option<String>,
    },
    /// Another plugin or an external caller, for itself.
    Service {
        /// `plugin:…` or `external:…`.
        subject: String,
        /// What its credentials are limited to; `None`: nothing.
        restrictions: Option<Restrictions>,
    },
}

/// Limits of a service's credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restrictions {
    /// Names of the permissions that it has; empty: of any name.
    pub permission_names: Vec<String>,
    /// Actions of the permissions that it has; empty: of any action.
    pub permission_actions: Vec<String>,
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

impl Principal {
    /// The name for history and audit: a user's ref or a service's subject.
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Anonymous => None,
            Self::User { entity_ref, .. } => Some(entity_ref.to_string()),
            Self::Service { subject, .. } => Some(subject.clone()),
        }
    }
}
