//! What a failure of Kafka means to the log.

use rdkafka::{error::KafkaError, types::RDKafkaErrorCode};
use tokio::task::JoinError;

use crate::LogError;

/// The brokers are away, as far as we can tell.
pub(super) fn unavailable(error: KafkaError) -> LogError {
    LogError::Unavailable(error.to_string())
}

/// The runtime is shutting down.
pub(super) fn interrupted(error: JoinError) -> LogError {
    LogError::Unavailable(format!("interrupted: {error}"))
}

/// Kafka's code for what happened, if it has one.
pub(super) fn code(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    match error {
        KafkaError::Transaction(error) => Some(error.code()),
        error => error.rdkafka_error_code(),
    }
}

/// Whether the brokers are about to agree, so that the same question is answered in a moment.
pub(super) fn is_settling(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::NotLeaderForPartition
            | Code::LeaderNotAvailable
            | Code::UnknownTopicOrPartition
            | Code::UnknownPartition
            | Code::UnknownTopic
            | Code::CoordinatorNotAvailable
            | Code::NotCoordinator
            | Code::CoordinatorLoadInProgress
            | Code::OffsetNotAvailable
            | Code::UnstableOffsetCommit
            | Code::FencedLeaderEpoch
            | Code::UnknownLeaderEpoch
    )
}

/// Whether another producer has our name, or another member our partitions.
pub(super) fn is_fenced(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::Fenced
            | Code::ProducerFenced
            | Code::InvalidProducerEpoch
            | Code::IllegalGeneration
            | Code::UnknownMemberId
            | Code::FencedInstanceId
            | Code::FencedMemberEpoch
            | Code::RebalanceInProgress
    )
}
