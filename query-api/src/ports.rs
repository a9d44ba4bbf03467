//! What the query API needs from the rest of the pipeline. The executable connects them: directly where
//! everything runs in one process, through the log and an internal call to ingest where it does not.

use std::time::Duration;

use async_trait::async_trait;
use backstitch_read_model::Revision;
use backstitch_schemas::{LocationRef, Problem, ProviderName, Timestamp, scm::Repository};
use serde_json::Value;

/// The way from the API to whoever owns a provider.
#[async_trait]
pub trait Commands: Send + Sync + std::fmt::Debug + 'static {
    /// Sends a command and waits until its outcome is in the read model, with everything that the command
    /// changed. The caller then waits for the revision with [`crate::Catalog::at_least`].
    ///
    /// # Errors
    /// If the outcome is not known after `patience`: the command may still be carried out.
    async fn carry_out(&self, request: CommandRequest, patience: Duration) -> Result<Done, CommandError>;
}

/// What is asked of a provider.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandRequest {
    /// Whose owner carries it out.
    pub provider: ProviderName,
    /// One of the kinds that `backstitch_schemas::command::Command` names.
    pub kind: &'static str,
    /// What the kind needs.
    pub payload: Value,
    /// Who asked, for history and audit.
    pub requested_by: Option<String>,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// It was carried out, and is in the read model as of `revision`.
    Done {
        /// More about it, in the words of the kind.
        detail: Option<Value>,
        /// The revision that shows it.
        revision: Revision,
    },
    /// It cannot be carried out.
    Rejected {
        /// A word that the API acts on, such as `conflict`, `not-found` or `not-supported`.
        reason: String,
        /// Why, for people.
        message: String,
    },
}

/// Why the outcome of a command is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// It did not come in time.
    #[error("the command was sent, but its outcome is not known yet; look again soon")]
    Pending,
    /// It could not be sent.
    #[error("the command could not be sent: {0}")]
    Unavailable(String),
}

/// Who signs the tokens with which the catalog asks other plugins.
pub trait PublicKeys: Send + Sync + std::fmt::Debug + 'static {
    /// The public keys that are good now, each a JSON Web Key.
    fn published(&self) -> Vec<Value>;
}

/// Reading and processing on request, without storing anything.
#[async_trait]
pub trait Preview: Send + Sync + std::fmt::Debug + 'static {
    /// Reads `location` and all that it leads to, and processes what is found, as if it were registered.
    ///
    /// # Errors
    /// If nobody can read now.
    async fn location(
        &self,
        location: &LocationRef,
        presence: Option<&str>,
    ) -> Result<PreviewedLocation, PreviewError>;

    /// Processes one entity as if it had been read from `location`; placeholders are read.
    ///
    /// # Errors
    /// If nobody can read now.
    async fn entity(&self, entity: &Value, location: &LocationRef) -> Result<PreviewedEntity, PreviewError>;

    /// Looks for the descriptor files of a repository, if it can be listed with our credentials.
    ///
    /// # Errors
    /// If nobody can read now.
    async fn descriptors(&self, repository: &Repository, filename: &str)
    -> Result<Descriptors, PreviewError>;
}

/// What registering a location would bring.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PreviewedLocation {
    /// The processed entities, the generated Location first.
    pub entities: Vec<Value>,
    /// What is wrong, in the order found.
    pub problems: Vec<Problem>,
}

/// What processing makes of an entity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PreviewedEntity {
    /// What it becomes, if it passes.
    pub entity: Option<Value>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// Descriptor files found in a repository.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Descriptors {
    /// Location ref of each file, and the entities in it.
    pub files: Vec<(LocationRef, Vec<Value>)>,
}

/// Why there is no preview.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreviewError {
    /// Nobody can read now.
    #[error("nothing can be read now: {0}")]
    Unavailable(String),
    /// What was asked cannot be read by anybody.
    #[error("{0}")]
    Refused(String),
}

/// The way to those who read places, to ask when they do. The read model knows when something about a place
/// was new; looks at what is as before are not recorded.
#[async_trait]
pub trait Readers: Send + Sync + std::fmt::Debug + 'static {
    /// When each of these places, by provider and location ref, was read and is read again, in their order.
    /// `None` for what is not read, or whose reader cannot be asked in time.
    async fn read_times(&self, places: &[(ProviderName, String)]) -> Vec<Option<ReadTimes>>;
}

/// When a place was read, and is read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadTimes {
    /// The last attempt.
    pub last_read: Option<Timestamp>,
    /// The last one that found it.
    pub last_success: Option<Timestamp>,
    /// The next one; `None` while it is being read, and for what is read once.
    pub next_read: Option<Timestamp>,
}
