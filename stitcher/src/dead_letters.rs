//! Records of which nothing can be made are put aside with their reason, and can be redriven.

use backstitch_event_log::{Record, StoredRecord};
use backstitch_schemas::{Topic, headers};

/// The dead letter of a record.
pub(crate) fn dead_letter(record: &StoredRecord, reason: &str) -> Record {
    let origin = format!("{}/{}/{}", record.topic, record.partition.0, record.offset.0);
    tracing::warn!(%origin, reason, "a record cannot be stitched and goes to the dead letters");
    let original = serde_json::to_string(&record.headers).expect("texts always serialise");
    Record {
        topic: Topic::ProcessedDeadLetters,
        partition: record.partition,
        key: record.key.clone(),
        value: record.value.clone(),
        headers: vec![
            (headers::DEAD_LETTER_REASON, reason.to_owned()),
            (headers::DEAD_LETTER_STAGE, "stitcher".to_owned()),
            (headers::DEAD_LETTER_ORIGIN, origin),
            (headers::DEAD_LETTER_HEADERS, original),
        ],
    }
}
