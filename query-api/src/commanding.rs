//! From a handler to the owner of a provider and back: sent, carried out, and shown here.

use std::{collections::BTreeSet, time::Duration};

use backstitch_read_model::{ClaimRecord, ClaimState};
use backstitch_schemas::{EntityRef, ProviderName};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{CommandError, CommandRequest, Done, Principal, error::ApiError, state::ApiState};

/// How long a refresh is waited for: a slow host holds up nobody who asked for it.
const REFRESH_WAIT: Duration = Duration::from_secs(2);

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
        let patience = self.config.command_wait();
        let (detail, revision) = match self.send(principal, provider, kind, payload, patience).await?? {
            Done::Done { detail, revision } => (detail, revision),
            Done::Rejected { reason, message } => return Err(rejected(&reason, message)),
        };
        self.catalog.at_least(revision, patience).await?;
        Ok(detail)
    }

    /// Has what makes an entity read again. If that takes long, it goes on without being waited for.
    ///
    /// # Errors
    /// If it is refused, or cannot be sent.
    pub(crate) async fn have_read_again(
        &self,
        principal: &Principal,
        provider: &ProviderName,
        entity_ref: &EntityRef,
    ) -> Result<(), ApiError> {
        let payload = json!({"entityRef": entity_ref});
        match self.send(principal, provider, "refresh", &payload, REFRESH_WAIT).await? {
            Ok(Done::Done { .. }) | Err(CommandError::Pending) => Ok(()),
            // The entity was pushed: there is nothing that could be read, and nothing is wrong.
            Ok(Done::Rejected { reason, .. }) if reason == "not-found" => Ok(()),
            Ok(Done::Rejected { reason, message }) => Err(rejected(&reason, message)),
            Err(error) => Err(error.into()),
        }
    }

    /// The providers with a claim on a ref that counts.
    pub(crate) async fn claimants(
        &self,
        entity_ref: &EntityRef,
        counts: impl Fn(&ClaimRecord) -> bool,
    ) -> Result<BTreeSet<ProviderName>, ApiError> {
        let claims = self.read_model.claims_of(entity_ref).await?;
        let counting =
            claims.into_iter().filter(|claim| claim.state != ClaimState::Withdrawn && counts(claim));
        Ok(counting.map(|claim| claim.key.provider).collect())
    }

    async fn send(
        &self,
        principal: &Principal,
        provider: &ProviderName,
        kind: &'static str,
        payload: &impl Serialize,
        patience: Duration,
    ) -> Result<Result<Done, CommandError>, ApiError> {
        let commands = self.commands.as_ref().ok_or_else(|| {
            ApiError::not_implemented("This server has no way to the providers, so it only answers reads")
        })?;
        let request = CommandRequest {
            provider: provider.clone(),
            kind,
            payload: serde_json::to_value(payload).expect("payloads have only string keys"),
            requested_by: principal.name(),
        };
        Ok(commands.carry_out(request, patience).await)
    }

    /// Refuses what changes locations while the catalog is read-only.
    pub(crate) fn check_writable(&self) -> Result<(), ApiError> {
        if self.config.readonly {
            return Err(ApiError::not_allowed("This operation not allowed in readonly mode"));
        }
        Ok(())
    }
}

/// The owner's refusal as clients expect it.
fn rejected(reason: &str, message: String) -> ApiError {
    match reason {
        "conflict" => ApiError::conflict(message),
        "not-found" => ApiError::not_found(message),
        "not-supported" => ApiError::not_implemented(message),
        _ => ApiError::input(message),
    }
}

impl From<CommandError> for ApiError {
    fn from(error: CommandError) -> Self {
        tracing::warn!(%error, "the outcome of a command is not known");
        Self::unavailable(error.to_string())
    }
}
