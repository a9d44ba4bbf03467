//! Reading outside groups.

use std::time::Duration;

use backstitch_event_log::{BatchLimits, LogError, Offset, Partition, Record};
use backstitch_schemas::{Topic, log_header, log_header::LogHeader};
use bytes::Bytes;
use futures::FutureExt as _;

use super::{Fixture, tools::*};

pub(crate) async fn records_are_read_in_the_order_in_which_they_were_appended(fixture: impl Fixture) {
    let log = fixture.log();
    for start in [0, 500, 1_000] {
        append(&log, &commands(start..start + 500)).await;
    }
    let read = all(&log, Topic::Commands).await;
    let expected: Vec<_> = (0..1_500).map(|n| format!("value {n}")).collect();
    assert_eq!(values(&read), expected);
    assert!(read.is_sorted_by(|a, b| a.offset < b.offset));
}

pub(crate) async fn every_internal_topic_begins_with_the_header_of_the_log(fixture: impl Fixture) {
    let log = fixture.log();
    for topic in Topic::INTERNAL {
        append(&log, &[record(topic, "a", "b")]).await;
        let mut reader = log.read(topic, &[]).await.unwrap();
        let records = rest(reader.as_mut()).await;
        let first = records.iter().find(|record| record.partition == Partition(0)).unwrap();
        assert_eq!(first.key, log_header::KEY, "{topic}");
        let header = LogHeader::decode(&first.value).unwrap();
        assert_eq!(header.log_id, log.identity().id);
        assert_eq!(u32::try_from(header.partitions), Ok(log.identity().partitions));
        let headers = records.iter().filter(|record| record.key == log_header::KEY);
        assert_eq!(headers.count(), 1, "{topic}");
    }
}

pub(crate) async fn every_byte_comes_back(fixture: impl Fixture) {
    let log = fixture.log();
    let bytes = Bytes::from_iter(0..=255_u8);
    let mut appended = record(Topic::Changes, "", "");
    appended.key = bytes.clone();
    appended.value = bytes.clone();
    append(&log, &[appended]).await;
    let read = all(&log, Topic::Changes).await;
    assert_eq!((&read[0].key, &read[0].value), (&bytes, &bytes));
}

pub(crate) async fn headers_come_back_in_order(fixture: impl Fixture) {
    let log = fixture.log();
    let headers = [("traceparent", "00-1"), ("ce_subject", "component:default/größe"), ("traceparent", "")];
    let mut appended = record(Topic::Changes, "a", "b");
    appended.headers = headers.map(|(name, value)| (name, value.to_owned())).to_vec();
    append(&log, &[appended]).await;
    let read = all(&log, Topic::Changes).await;
    let expected = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(read[0].headers, expected);
    assert_eq!(read[0].header("traceparent"), Some("00-1"));
    assert_eq!(read[0].header("ce_source"), None);
}

pub(crate) async fn a_record_of_ten_megabytes_comes_back(fixture: impl Fixture) {
    let log = fixture.log();
    let value = Bytes::from_iter((0..10_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]));
    let large = Record { value: value.clone(), ..record(Topic::Changes, "large", "") };
    append(&log, &[large, record(Topic::Changes, "small", "s")]).await;
    let read = all(&log, Topic::Changes).await;
    assert_eq!(read.len(), 2);
    assert!(read[0].value == value, "the large value came back altered");
}

pub(crate) async fn only_the_latest_record_of_a_key_counts<F: Fixture>(fixture: F) {
    let log = fixture.log();
    let change = |key, value| record(Topic::Changes, key, value);
    append(&log, &[change("a", "a1"), change("b", "b1"), change("a", "a2"), change("c", "c1")]).await;
    append(&log, &[change("b", "b2"), change("a", "a3")]).await;
    drop(log);
    let fixture = fixture.reopen().await;
    let read = all(&fixture.log(), Topic::Changes).await;
    for (key, latest) in [("a", "a3"), ("b", "b2"), ("c", "c1")] {
        let last = read.iter().rfind(|record| record.key == key).unwrap();
        assert_eq!(last.value, latest);
    }
    if F::COMPACTS_AT_ONCE {
        assert_eq!(values(&read), ["c1", "b2", "a3"]);
    }
}

pub(crate) async fn next_until_end_stops_where_the_log_ended(fixture: impl Fixture) {
    let log = fixture.log();
    // Several steps, and a superseded record last but one: markers and gaps are no records.
    append(&log, &[record(Topic::Changes, "a", "1")]).await;
    append(&log, &[record(Topic::Changes, "a", "2"), record(Topic::Changes, "b", "3")]).await;
    let mut reader = log.read(Topic::Changes, &[]).await.unwrap();
    assert_eq!(values(&rest(reader.as_mut()).await).last(), Some(&"3"));
    assert!(rest(reader.as_mut()).await.is_empty());
    append(&log, &[record(Topic::Changes, "c", "4")]).await;
    assert_eq!(values(&rest(reader.as_mut()).await), ["4"]);
    let end = log.end(Topic::Changes).await.unwrap();
    assert_eq!(end.len(), usize::try_from(log.partitions(Topic::Changes)).unwrap());
    let mut at_end = log.read(Topic::Changes, &end).await.unwrap();
    assert!(rest(at_end.as_mut()).await.is_empty());
}

pub(crate) async fn next_until_end_of_an_empty_topic_is_empty(fixture: impl Fixture) {
    let log = fixture.log();
    let mut reader = log.read(Topic::Entities, &[]).await.unwrap();
    assert!(rest(reader.as_mut()).await.is_empty());
    append(&log, &[record(Topic::Entities, "a", "1")]).await;
    assert_eq!(values(&rest(reader.as_mut()).await), ["1"]);
}

pub(crate) async fn a_waiting_reader_is_woken_by_an_append(fixture: impl Fixture) {
    let log = fixture.log();
    let mut reader = log.read(Topic::Commands, &log.end(Topic::Commands).await.unwrap()).await.unwrap();
    let reading = tokio::spawn(async move { reader.next(&BatchLimits::default()).await });
    append(&log, &commands(0..1)).await;
    let records = must("the record", reading).await.unwrap().unwrap();
    assert_eq!(values(&records), ["value 0"]);
}

pub(crate) async fn a_reader_begins_where_it_is_told(fixture: impl Fixture) {
    let log = fixture.log();
    let offsets = append(&log, &commands(0..5)).await;
    let mut reader = log.read(Topic::Commands, &[(Partition(0), offsets[3])]).await.unwrap();
    assert!(reader.positions().contains(&(Partition(0), offsets[3])));
    let read = rest(reader.as_mut()).await;
    let first = read.iter().find(|record| record.partition == Partition(0)).unwrap();
    assert_eq!(first.offset, offsets[3]);
    assert_eq!(values(&read), ["value 3", "value 4"]);
    let (_, position) = *reader.positions().iter().find(|(partition, _)| *partition == Partition(0)).unwrap();
    assert!(position > offsets[4]);
}

pub(crate) async fn a_reader_that_is_cancelled_loses_nothing(fixture: impl Fixture) {
    let log = fixture.log();
    let mut reader = log.read(Topic::Commands, &log.end(Topic::Commands).await.unwrap()).await.unwrap();
    assert!(reader.next(&BatchLimits::default()).now_or_never().is_none());
    append(&log, &commands(0..3)).await;
    let patient = BatchLimits { linger: Duration::from_secs(3_600), ..BatchLimits::default() };
    let cut_short = tokio::time::timeout(Duration::from_millis(300), reader.next(&patient)).await;
    assert!(cut_short.is_err(), "the batch is not full yet");
    assert_eq!(values(&rest(reader.as_mut()).await), ["value 0", "value 1", "value 2"]);
}

pub(crate) async fn a_batch_keeps_its_limits(fixture: impl Fixture) {
    let log = fixture.log();
    let from = log.end(Topic::Commands).await.unwrap();
    append(&log, &commands(0..10)).await;
    for (limits, expected) in [
        (BatchLimits { records: 4, ..BatchLimits::default() }, 4),
        (BatchLimits { bytes: 40, ..BatchLimits::default() }, 3),
        (BatchLimits { bytes: 1, ..BatchLimits::default() }, 1),
    ] {
        let mut reader = log.read(Topic::Commands, &from).await.unwrap();
        let mut read = 0;
        while read < 10 {
            let batch = must("a batch", reader.next_until_end(&limits)).await.unwrap();
            assert!((1..=expected).contains(&batch.len()), "{limits:?} gave {}", batch.len());
            read += batch.len();
        }
        assert_eq!(read, 10, "{limits:?}");
    }
}

pub(crate) async fn the_end_is_after_the_last_committed_record(fixture: impl Fixture) {
    let log = fixture.log();
    let empty = log.end(Topic::Commands).await.unwrap();
    for steps in 1..=3 {
        let offset = append(&log, &commands(0..steps)).await.pop().unwrap();
        let end = log.end(Topic::Commands).await.unwrap();
        assert_eq!(end[0], (Partition(0), Offset(offset.0 + 1)));
        assert_eq!(end[1..], empty[1..], "the other partitions have nothing");
        assert_eq!(log.end(Topic::Commands).await.unwrap(), end);

        // Steps that are given up may leave traces, but no records.
        let mut producer = log.producer("test-gives-up").await.unwrap();
        for _ in 0..steps {
            let mut refused = commands(0..20);
            refused.push(Record { value: vec![0; 64 << 20].into(), ..record(Topic::Commands, "huge", "") });
            must("the refusal", producer.append(&refused, None)).await.unwrap_err();
        }
        assert_eq!(log.end(Topic::Commands).await.unwrap(), end);
    }
}

pub(crate) async fn whoever_has_read_the_last_record_is_at_the_end(fixture: impl Fixture) {
    let log = fixture.log();
    append(&log, &commands(0..2)).await;
    append(&log, &commands(2..4)).await;
    let end = log.end(Topic::Commands).await.unwrap();
    let mut reader = log.read(Topic::Commands, &[]).await.unwrap();
    let mut read = 0;
    while read < 1 + 2 + 2 {
        read += must("records", reader.next(&BatchLimits::default())).await.unwrap().len();
    }
    assert_eq!(reader.positions(), end);

    let mut reader = log.read(Topic::Commands, &[]).await.unwrap();
    assert_eq!(rest(reader.as_mut()).await.len(), read);
    assert!(rest(reader.as_mut()).await.is_empty());
    assert_eq!(reader.positions(), end);
}

pub(crate) async fn a_position_beyond_the_end_is_out_of_range(fixture: impl Fixture) {
    let log = fixture.log();
    let beyond = Offset(1_000_000);
    let outcome = match log.read(Topic::Changes, &[(Partition(0), beyond)]).await {
        Ok(mut reader) => must("an error", reader.next(&BatchLimits::default())).await.map(drop),
        Err(error) => Err(error),
    };
    assert!(
        matches!(outcome, Err(LogError::OutOfRange { topic: Topic::Changes, offset, .. }) if offset == beyond),
        "{outcome:?}"
    );
}
