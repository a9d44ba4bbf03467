//! How fast the embedded log is on this machine: steps of 2,000 records, steps of one, reading.
//!
//! `cargo run --release -p backstitch-event-log --example append_rate [FOLDER]`

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use backstitch_event_log::{BatchLimits, EventLog, Partition, Record, embedded::EmbeddedLog};
use backstitch_schemas::{SystemClock, Topic};
use bytes::Bytes;

const STEP: usize = 2_000;
const KEYS: usize = 200_000;

fn change(number: usize) -> Record {
    Record {
        topic: Topic::Changes,
        partition: Partition(0),
        // Spread as entity refs are, so that an index meets them in no particular order.
        key: format!("[\"component:default/{:08x}\",\"bench\"]", number.wrapping_mul(2_654_435_761) as u32)
            .into(),
        value: Bytes::from(vec![b'x'; 1_000]),
        headers: ["backstitch-digest", "backstitch-identity", "ce_type", "ce_subject"]
            .map(|name| (name, "0123456789abcdef0123456789abcdef".to_owned()))
            .to_vec(),
    }
}

fn rate(what: &str, records: usize, took: Duration) {
    println!("{what}: {:.0} records/s", records as f64 / took.as_secs_f64());
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(folder)?;
    let log = EmbeddedLog::open(&folder.path().join("log.db"), Arc::new(SystemClock)).await?;
    let mut producer = log.producer("bench").await?;
    for what in ["new keys", "the same keys again"] {
        let mut took = Duration::ZERO;
        for start in (0..KEYS).step_by(STEP) {
            let step: Vec<_> = (start..start + STEP).map(change).collect();
            let began = Instant::now();
            producer.append(&step, None).await?;
            took += began.elapsed();
        }
        rate(what, KEYS, took);
    }

    let mut single: Vec<Duration> = Vec::new();
    for number in 0..300 {
        let began = Instant::now();
        producer.append(&[change(number)], None).await?;
        single.push(began.elapsed());
    }
    single.sort();
    println!("a step of one record: p50 {:?}, p99 {:?}", single[150], single[297]);

    let began = Instant::now();
    let mut reader = log.read(Topic::Changes, &[]).await?;
    let mut read = 0;
    loop {
        let records = reader.next_until_end(&BatchLimits::default()).await?;
        if records.is_empty() {
            break;
        }
        read += records.len();
    }
    rate("read back from the file", read, began.elapsed());
    Ok(())
}
