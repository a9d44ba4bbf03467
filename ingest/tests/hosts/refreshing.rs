//! What a person asks for goes before what is polled.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use backstitch_ingest::{Follower, Places, locations::Config};

use crate::{
    github::{GitHub, reading, until_asked},
    support::system,
};

#[tokio::test]
async fn with_polling_saturated_a_persons_refresh_is_read_within_two_seconds() {
    let files: Vec<_> = (0..200).map(|n| (format!("{n}.yaml"), system(&format!("s{n}")))).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let github = GitHub::start(&files).await;
    let urls: Vec<_> = files.iter().map(|(path, _)| github.url(path)).collect();
    let config = Config { read_timeout: Duration::from_secs(60), ..github.config() };
    let targets: Vec<_> = urls.iter().map(String::as_str).collect();
    let mut reader = reading(config, &targets, 200).await;

    // From now on all are due all the time, and each takes 5 s, but for the one that a person asks for.
    github.state.lock().unwrap().slow_but = Some("199.yaml".to_owned());
    // Of the sixteen requests at once, polling may have fourteen.
    until_asked(&mut reader, &github.server, "/contents/", 14).await;
    github.write("199.yaml", &system("new"));
    let document = format!("url:{}", urls[199]);
    let (searched, listed) = Default::default();
    let places = Places::These { documents: BTreeSet::from([document.as_str().into()]), searched, listed };
    let asked = Instant::now();
    let ticket = reader.follower.refresh(&places, false).await.unwrap();
    let came = reader.refreshed(ticket).await;
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(2), "it took {took:?}");
    assert_eq!((came.places, came.problems.len()), (1, 0));
    assert_eq!(reader.names(&document), ["new"]);
}
