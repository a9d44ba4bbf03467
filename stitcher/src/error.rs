//! Why a stitcher stops: for good, or to begin again.

use backstitch_event_log::{AppendError, LogError};
use backstitch_read_model::ReadModelError;
use uuid::Uuid;

use crate::{Inconsistent, MissingForm};

/// Why a stitcher stopped by itself. Waiting does not help; a person must look.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The read model belongs to another log.
    #[error(
        "the read model was built from the log {built_from}, and this is the log {log}; bring back that log, or \
         delete the read model, which is then built from this one"
    )]
    OtherLog {
        /// What the read model says.
        built_from: Uuid,
        /// What the log says.
        log: Uuid,
    },
    /// The log has not what the read model says was read from it.
    #[error(
        "partition {partition} of catalog.processed has no offset {offset}, where reading should go on: the log \
         lost records or was restored from an older copy; delete the read model, which is then built from the log"
    )]
    OutOfRange {
        /// The partition.
        partition: i32,
        /// Where reading should go on.
        offset: i64,
    },
    /// The rows of the read model are not what a stitcher left behind.
    #[error("delete the read model, which is then built from the log again")]
    Inconsistent(#[from] Inconsistent),
    /// A form that must be stored is not.
    #[error("delete the read model, which is then built from the log again")]
    MissingForm(#[from] MissingForm),
    /// The log cannot be used.
    #[error("the log cannot be used")]
    Log(#[source] LogError),
    /// The read model cannot be used.
    #[error("the read model cannot be used: {0}")]
    ReadModel(String),
    /// A commit that the database refuses although it carries no record.
    #[error("the database refuses positions or sources: {0}")]
    Refused(String),
}

/// Why a session ends.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It was told to.
    Shutdown,
    /// Another stitcher leads by now.
    Lost,
    /// Log or read model is away; begin again later.
    Unavailable(String),
    /// Memory and read model differ; load again.
    Reload(String),
    /// For good.
    Fatal(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Fatal(error)
    }
}

impl From<ReadModelError> for Stop {
    fn from(error: ReadModelError) -> Self {
        match error {
            ReadModelError::Unavailable(cause) => Self::Unavailable(cause),
            ReadModelError::Unusable(cause) => Self::Fatal(Error::ReadModel(cause)),
        }
    }
}

impl From<LogError> for Stop {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Unavailable(cause) => Self::Unavailable(cause),
            LogError::OutOfRange { partition, offset, .. } => Self::Fatal(Error::OutOfRange {
                partition: i32::try_from(partition.0).unwrap_or(i32::MAX),
                offset: offset.0,
            }),
            LogError::Unusable(_) => Self::Fatal(Error::Log(error)),
        }
    }
}

impl From<AppendError> for Stop {
    fn from(error: AppendError) -> Self {
        match error {
            // The writer's name is taken over by the stitcher that leads.
            AppendError::Fenced => Self::Lost,
            AppendError::Unavailable(cause) => Self::Unavailable(cause),
            AppendError::Rejected { reason, .. } => {
                Self::Fatal(Error::Log(LogError::Unusable(format!("the log refuses a record: {reason}"))))
            }
        }
    }
}
