//! From a handler to the owner of a provider and back: sent, carried out, and shown here.

use backstitch_schemas::ProviderName;
use serde::Serialize;
use serde_json::Value;

use crate::{CommandError, CommandRequest, Done, Principal, error::ApiError, state::ApiState};

impl ApiState {
    /// Has a command carried out, and waits until this server shows what it changed. Returns what the
    /// command tells about that.
    ///
    /// # Errors
    /// If it is refused (404 and 409 in the words of the owner), or nobody knows in time what came of it.
    pub(crate) async fn carry_out(
        &self,
        principal: &Principal,
        provider: &ProviderName,
        kind: &'static str,
        payload: &impl Serialize,
    ) -> Result<Option<Value>, ApiError> {
        let commands = self.commands.as_ref().ok_or_else(|| {
            ApiError::not_implemented("This server has no way to the providers, so it only answers reads")
        })?;
        let request = CommandRequest {
            provider: provider.clone(),
            kind,
            payload: serde_json::to_value(payload).expect("payloads have only string keys"),
            requested_by: principal.name(),
        };
        let patience = self.config.command_wait();
        match commands.carry_out(request, patience).await? {
            Done::Done { detail, revision } => {
                self.catalog.at_least(revision, patience).await?;
                Ok(detail)
            }
            Done::Rejected { reason, message } => Err(match reason.as_str() {
                "conflict" => ApiError::conflict(message),
                "not-found" => ApiError::not_found(message),
                "not-supported" => ApiError::not_implemented(message),
                _ => ApiError::input(message),
            }),
        }
    }

    /// Refuses what changes locations while the catalog is read-only.
    pub(crate) fn check_writable(&self) -> Result<(), ApiError> {
        if self.config.readonly {
            return Err(ApiError::not_allowed("This operation not allowed in readonly mode"));
        }
        Ok(())
    }
}

impl From<CommandError> for ApiError {
    fn from(error: CommandError) -> Self {
        tracing::warn!(%error, "the outcome of a command is not known");
        Self::unavailable(error.to_string())
    }
}
