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

/// A W3C trace context of its own, for all that one mutation appends.
pub(crate) fn new_trace() -> String {
    let (trace, span) = (Uuid::new_v4().simple().to_string(), Uuid::new_v4().simple().to_string());
    format!("00-{trace}-{}-01", &span[..16])
}

/// The W3C `traceparent` that a request came with, if it is a valid one.
pub(crate) fn valid_trace(traceparent: &str) -> Option<&str> {
    let traceparent = traceparent.trim();
    let mut parts = traceparent.split('-');
    let mut next = |digits: usize| {
        let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        parts.next().filter(|part| part.len() == digits && part.bytes().all(hex))
    };
    let (version, trace, span, flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
    let zero = |id: &str| id.bytes().all(|digit| digit == b'0');
    // What later versions say beyond these parts is left out.
    let known = [version, trace, span, flags].iter().map(|part| part.len() + 1).sum::<usize>() - 1;
    (version != "ff" && !zero(trace) && !zero(span)).then(|| &traceparent[..known])
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
        location_id: None,
        digest: backstitch_schemas::Digest::default().to_string(),
        released: false,
        content: None,
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_trace_goes_on_and_any_other_begins_anew() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let parent = format!("00-{trace}-00f067aa0ba902b7-01");
        assert_eq!(valid_trace(&format!(" {parent} ")), Some(parent.as_str()));
        assert_eq!(valid_trace(&format!("{parent}-more")), Some(parent.as_str()));
        let new = new_trace();
        assert_eq!(valid_trace(&new), Some(new.as_str()));
        assert_ne!(new, new_trace());
        let zeros = "0".repeat(32);
        for wrong in ["", "00-1-2-01", &parent.to_uppercase(), &parent.replace(trace, &zeros)] {
            assert_eq!(valid_trace(wrong), None, "{wrong}");
        }
    }
}
