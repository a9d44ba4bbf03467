//! Records in Kafka's form and in ours.

use backstitch_schemas::{Timestamp, Topic};
use bytes::Bytes;
use rdkafka::{
    Message as _,
    message::{BorrowedMessage, Header, Headers as _, OwnedHeaders},
};

use super::client::partition;
use crate::{Offset, Record, StoredRecord};

/// A copy of a message. A header that is not UTF-8 is not one of ours; what can be read of it stays.
pub(super) fn stored(topic: Topic, message: &BorrowedMessage<'_>) -> StoredRecord {
    let copied = |bytes: Option<&[u8]>| bytes.map(Bytes::copy_from_slice).unwrap_or_default();
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    StoredRecord {
        topic,
        partition: partition(message.partition()),
        offset: Offset(message.offset()),
        timestamp: Timestamp(message.timestamp().to_millis().unwrap_or_default()),
        key: copied(message.key()),
        value: copied(message.payload()),
        headers: message
            .headers()
            .map(|headers| headers.iter().map(|h| (h.key.to_owned(), text(h.value))).collect())
            .unwrap_or_default(),
    }
}

/// The headers of a record to append.
pub(super) fn headers(record: &Record) -> OwnedHeaders {
    let empty = OwnedHeaders::new_with_capacity(record.headers.len());
    record
        .headers
        .iter()
        .fold(empty, |headers, (key, value)| headers.insert(Header { key, value: Some(value) }))
}
