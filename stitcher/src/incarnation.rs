//! Which incarnation of the read model begins, told by the log.
//!
//! Revisions are never used twice, also when the database that counted them is lost: each new read
//! model takes the next incarnation, recorded in `catalog.sources` before its first commit.

use backstitch_event_log::{BatchLimits, EventLog, Offset, Partition, Producer, Record, StoredRecord};
use backstitch_read_model::Revision;
use backstitch_schemas::{
    Topic,
    source::{SourceKey, SourceState},
};

use crate::error::Stop;

const NAME: &str = "incarnation";

/// Takes the next incarnation and returns the revision that it builds on.
pub(crate) async fn begin(log: &dyn EventLog, producer: &mut dyn Producer) -> Result<Revision, Stop> {
    let next = last(log).await?.map_or(0, |last| last + 1);
    let state =
        SourceState { outcome: "ok".to_owned(), note: Some(next.to_string()), ..SourceState::default() };
    let record = Record {
        topic: Topic::Sources,
        partition: Partition(0),
        key: SourceKey::Ours(NAME.to_owned()).encode().into(),
        value: state.encode().into(),
        headers: Vec::new(),
    };
    producer.append(&[record], None).await?;
    tracing::info!(incarnation = next, "the read model is empty; it is built from the log");
    Ok(Revision::start_of(next))
}

/// The incarnation that began last, if there was one.
async fn last(log: &dyn EventLog) -> Result<Option<i64>, Stop> {
    let mut reader = log.read(Topic::Sources, &[(Partition(0), Offset(0))]).await?;
    let mut last = None;
    loop {
        let records = reader.next_until_end(&BatchLimits::default()).await?;
        if records.is_empty() {
            return Ok(last);
        }
        last = records.iter().filter_map(number).next_back().or(last);
    }
}

fn number(record: &StoredRecord) -> Option<i64> {
    let key = SourceKey::decode(&record.key).ok()?;
    if key != SourceKey::Ours(NAME.to_owned()) {
        return None;
    }
    SourceState::decode(&record.value).ok()?.note?.parse().ok()
}
