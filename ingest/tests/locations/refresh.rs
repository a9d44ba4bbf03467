//! What a person asks for goes first, and what a host's budget leaves room for.

use std::{collections::BTreeSet, time::Duration};

use backstitch_ingest::{
    Follower, Places,
    locations::{Config, Interval},
};
use backstitch_schemas::{Clock as _, SystemClock};
use tokio::time::Instant;

use crate::{
    host::{Answer, Host},
    support::{Reader, location, system},
};

fn document(location: &str) -> Places {
    let (searched, listed) = Default::default();
    Places::These { documents: BTreeSet::from([location.into()]), searched, listed }
}

/// A reader that has read so many documents of a host, and their location refs.
async fn settled(host: &Host, config: Config, documents: usize) -> (Reader, Vec<String>) {
    let urls =
        (0..documents).map(|n| host.says(&format!("{n}.yaml"), Answer::Text(system(&format!("s{n}")))));
    let urls: Vec<String> = urls.collect();
    let mut reader = Reader::new(config);
    let targets: Vec<_> = urls.iter().map(String::as_str).collect();
    reader.follower.follow(vec![location("root", "url", &targets)], &[]).await;
    reader.until("the first pass", |seen| seen.documents.len() == documents).await;
    (reader, urls.into_iter().map(|url| format!("url:{url}")).collect())
}

#[tokio::test]
async fn with_polling_saturated_a_persons_refresh_is_read_within_two_seconds() {
    let host = Host::start().await;
    let interval = Some(Interval { min: Duration::from_millis(30), max: Duration::from_millis(30) });
    let config = Config { interval, read_timeout: Duration::from_secs(60), ..host.config() };
    let (mut reader, urls) = settled(&host, config, 400).await;
    // From now on a request takes 5 s, and all 400 are due all the time.
    for n in 0..400 {
        host.says(&format!("{n}.yaml"), Answer::Slow(Duration::from_secs(5), system("slow")));
    }
    let polls = host.all_requests() + 3;
    while host.all_requests() < polls {
        let _ = tokio::time::timeout(Duration::from_millis(20), reader.follower.next()).await;
    }
    host.says("399.yaml", Answer::Text(system("new")));
    let asked = Instant::now();
    let ticket = reader.follower.refresh(&document(&urls[399]), false).await.unwrap();
    let came = reader.refreshed(ticket).await;
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(2), "it took {took:?}");
    assert_eq!((came.places, came.problems.len()), (1, 0));
    assert_eq!(reader.names(&urls[399]), ["new"]);
}

#[tokio::test]
async fn a_forced_refresh_reads_what_the_host_calls_unchanged() {
    let host = Host::start().await;
    let (mut reader, urls) = settled(&host, Config { interval: None, ..host.config() }, 1).await;
    let ticket = reader.follower.refresh(&document(&urls[0]), false).await.unwrap();
    reader.refreshed(ticket).await;
    assert_eq!(reader.documents[&urls[0]].last, "unchanged");
    let ticket = reader.follower.refresh(&document(&urls[0]), true).await.unwrap();
    reader.refreshed(ticket).await;
    assert_eq!(reader.documents[&urls[0]].last, "read");
    assert!(reader.follower.refresh(&document("url:http://elsewhere/a.yaml"), true).await.is_none());
}

#[tokio::test]
async fn a_refresh_tells_what_could_not_be_read() {
    let host = Host::start().await;
    let (mut reader, urls) = settled(&host, Config { interval: None, ..host.config() }, 2).await;
    host.says("1.yaml", Answer::Status(503));
    let ticket = reader.follower.refresh(&Places::All, false).await.unwrap();
    let came = reader.refreshed(ticket).await;
    assert_eq!((came.places, came.problems.len()), (2, 1));
    assert_eq!(came.problems[0].location.as_deref(), Some(urls[1].as_str()));
    assert!(reader.states[&urls[1]].next_read_at.is_some(), "it is read again after a back-off");
}

#[tokio::test]
async fn polling_keeps_within_the_budget_and_leaves_a_part_of_it_to_people() {
    let host = Host::start().await;
    *host.budget.lock().unwrap() = Some((50, 15, 600));
    let (mut reader, urls) = settled(&host, host.config(), 10).await;
    reader.settle().await;
    let next = reader.follower.next_read().unwrap().0 - SystemClock.now().0;
    assert!(next > 600_000, "10 of 45 requests an hour: a pass takes 800 s, the next read is in {next} ms");

    // A tenth is left, and polling may not have it.
    let more = host.says("more.yaml", Answer::Text(system("more")));
    let targets: Vec<_> = urls.iter().map(|url| &url[4..]).chain([&*more]).collect();
    reader.follower.follow(vec![location("root", "url", &targets)], &[]).await;
    let more = format!("url:{more}");
    reader
        .until("the wait", |seen| seen.documents.get(&more).is_some_and(|more| more.last == "failed"))
        .await;
    assert_eq!(host.requests("more.yaml"), 0);
    let ticket = reader.follower.refresh(&document(&more), false).await.unwrap();
    assert_eq!(reader.refreshed(ticket).await.problems, []);
    assert_eq!(reader.names(&more), ["more"]);
}
