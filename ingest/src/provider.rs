//! What a provider is, and what it may say.

use async_trait::async_trait;
use backstitch_schemas::{
    EntityRef, LocationId, Problem, ProviderName,
    change::{CauseKind, Content},
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// A source of entities. It is run by the ingest process that owns it, and only there.
#[async_trait]
pub trait EntityProvider: Send + Sync + 'static {
    /// Its name: part of every claim it makes, so it must be stable.
    fn name(&self) -> ProviderName;

    /// Says what there is, through `connection`, for as long as the provider is owned here;
    /// `shutdown` ends it. An error is reported in `catalog.sources` and the provider is run again,
    /// with back-off.
    async fn run(&self, connection: Connection, shutdown: CancellationToken) -> Result<(), Problem>;
}

/// One entity as a source says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    /// Its ref.
    pub entity_ref: EntityRef,
    /// The location key; `None` means none.
    pub location_key: Option<String>,
    /// The id of the registered location that it is; `None` for everything else.
    pub location_id: Option<LocationId>,
    /// Everything that processing needs.
    pub content: Content,
}

/// What a provider says about its own claims; what its Locations list is found by following them.
#[derive(Clone, Debug)]
pub enum Mutation {
    /// This is everything there is: what is missing is withdrawn.
    Full {
        /// Everything there is. The last of several with one ref counts.
        submissions: Vec<Submission>,
        /// Refs that are there but could not be read: kept as they are.
        kept: Vec<EntityRef>,
        /// Whether anything at all may be withdrawn, and if not, why.
        removal: Removal,
    },
    /// These are new or changed, and those are gone; nothing is said about the rest.
    Delta {
        /// New or changed.
        added: Vec<Submission>,
        /// Gone. A ref that is not the provider's is ignored and counted.
        removed: Vec<EntityRef>,
    },
}

/// Whether a full mutation may withdraw what it does not list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Found by reading: withdraws, but a wave of removals is held for a person.
    Found,
    /// A person or the configuration asked for it: never held.
    Asked,
    /// Nothing is withdrawn, for this reason.
    Skipped(String),
}

/// A mutation, why it is made, and where the answer goes.
pub struct Request {
    /// What is said.
    pub mutation: Mutation,
    /// Why.
    pub cause: CauseKind,
    /// More about why.
    pub detail: Option<String>,
    /// The W3C trace context that it came with, if it did.
    pub trace: Option<String>,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Result<MutationOutcome, ApplyError>>,
}

/// The way from a provider to its owner. Mutations of one provider are applied one at a time.
#[derive(Clone)]
pub struct Connection {
    requests: mpsc::Sender<Request>,
    trace: Option<String>,
}

impl Connection {
    /// A connection to the owner that receives from the other end of `requests`.
    pub fn new(requests: mpsc::Sender<Request>) -> Self {
        Self { requests, trace: None }
    }

    /// The same connection for what comes with this trace context.
    pub(crate) fn in_trace(self, trace: Option<String>) -> Self {
        Self { trace, ..self }
    }

    /// Applies a mutation; returns when its changes are acknowledged by the log.
    ///
    /// # Errors
    /// If the log did not take it, or the provider is owned elsewhere by now.
    pub async fn apply(
        &self,
        mutation: Mutation,
        cause: CauseKind,
        detail: Option<String>,
    ) -> Result<MutationOutcome, ApplyError> {
        let (answer, answered) = oneshot::channel();
        let request = Request { mutation, cause, detail, trace: self.trace.clone(), answer };
        self.requests.send(request).await.map_err(|_| ApplyError::NotOwned)?;
        answered.await.map_err(|_| ApplyError::NotOwned)?
    }
}

/// What became of a mutation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MutationOutcome {
    /// Claims made or changed.
    pub changed: Vec<EntityRef>,
    /// How many were the same as before.
    pub unchanged: usize,
    /// Claims withdrawn (or released, where orphans are kept).
    pub removed: Vec<EntityRef>,
    /// Removals that wait for a person.
    pub held: Vec<EntityRef>,
    /// `removed` entries that are not this provider's.
    pub ignored: usize,
    /// Several submissions with one ref, and other things worth a word.
    pub warnings: Vec<String>,
    /// Submissions that cannot be taken, such as one that is too large, and why. Their claims stay.
    pub rejected: Vec<(EntityRef, String)>,
    /// Why nothing was withdrawn, if so.
    pub removal_skipped: Option<String>,
    /// Per partition of `catalog.changes`, the offset after this owner's last acknowledged record:
    /// once progress has come this far, everything said so far has its outcome.
    pub position: Vec<(u32, i64)>,
}

/// Why a mutation was not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Another process owns the provider by now.
    #[error("the provider is not owned by this process")]
    NotOwned,
    /// The log is away; say it again later.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    /// The log refuses a record, such as one that is too large.
    #[error("{entity_ref}: {reason}")]
    Rejected {
        /// The entity.
        entity_ref: EntityRef,
        /// Why.
        reason: String,
    },
}
