//! The records that ingest appends.

use backstitch_event_log::{Partition, Record};
use backstitch_schemas::{
    Change, ClaimKey, Timestamp, Topic,
    change::Cause,
    headers::{self, ChangeHeaders},
    source::{SourceKey, SourceState},
    topic::partition_of_entity,
};
use uuid::Uuid;

use crate::claims::Known;

/// A W3C trace context for all that one step appends.
pub(crate) fn new_trace() -> String {
    let (trace, span) = (Uuid::new_v4().simple(), Uuid::new_v4().simple().to_string());
    format!("00-{trace}-{}-01", &span[..16])
}

/// The record of a change, for a log with so many partitions.
pub(crate) fn of_change(key: &ClaimKey, change: &Change, partitions: u32, trace: &str) -> Record {
    let mut headers = ChangeHeaders::of(change).encode();
    headers.extend(headers::cloud_event("change", "ingest", key.entity_ref.as_str(), change.cause.at));
    headers.push((headers::TRACEPARENT, trace.to_owned()));
    Record {
        topic: Topic::Changes,
        partition: Partition(partition_of_entity(&key.entity_ref, partitions)),
        key: key.encode().into(),
        value: change.encode().into(),
        headers,
    }
}

/// The record of how a source goes.
pub(crate) fn of_source(key: &SourceKey, state: &SourceState, at: Timestamp) -> Record {
    let encoded = key.encode();
    let subject = String::from_utf8_lossy(&encoded).into_owned();
    Record {
        topic: Topic::Sources,
        partition: Partition(0),
        headers: headers::cloud_event("source", "ingest", &subject, at),
        key: encoded.into(),
        value: state.encode().into(),
    }
}

/// The change that takes a claim back.
pub(crate) fn withdrawal(known: &Known, cause: Cause) -> Change {
    Change {
        identity: known.identity,
        created_at: known.created_at,
        location_key: known.location_key.as_deref().map(str::to_owned),
        digest: backstitch_schemas::Digest::default().to_string(),
        released: false,
        content: None,
        cause,
    }
}
