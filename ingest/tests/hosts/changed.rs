//! What is read when a host tells what changed.

use std::time::Duration;

use backstitch_ingest::{Changed, Follower as _, Places, locations::Config};
use url::Url;

use crate::{
    github::{GitHub, entities_in, large, reading},
    support::{Reader, system},
};

/// A configuration that polls never: what is read is what was told.
fn told_only(github: &GitHub) -> Config {
    Config { interval: None, ..github.config() }
}

/// These files changed on the default branch.
fn files(urls: &[&str]) -> Places {
    let files = urls.iter().map(|url| Url::parse(url).unwrap()).collect();
    Places::Changed(Changed { files, on_default_branch: true, ..Changed::default() })
}

async fn told(reader: &mut Reader, places: &Places) -> usize {
    let ticket = reader.follower.refresh(places, false).await.unwrap();
    reader.refreshed(ticket).await.places
}

#[tokio::test]
async fn a_push_costs_what_it_names_however_much_a_pattern_lists() {
    let github = large(3000).await;
    let pattern = github.url("**/catalog-info.yaml");
    let mut reader = reading(told_only(&github), &[&pattern], 3000).await;
    github.server.take();

    let changed = github.url("services/0/s0/catalog-info.yaml");
    github.write("services/0/s0/catalog-info.yaml", &system("changed"));
    assert_eq!(told(&mut reader, &files(&[&changed, &github.url("README.md")])).await, 1, "the pattern");
    reader.until("the change", |seen| seen.submission("changed").is_some()).await;
    let exchanges = github.server.take();
    let count = |part: &str| exchanges.iter().filter(|asked| asked.line.contains(part)).count();
    assert_eq!((count("/commits/"), count("/git/trees/"), count("/contents/")), (1, 1, 1), "{exchanges:?}");

    github.write("services/1/added/catalog-info.yaml", &system("added"));
    let added = github.url("services/1/added/catalog-info.yaml");
    assert_eq!(told(&mut reader, &files(&[&added])).await, 2, "the pattern, and what it finds");
    assert!(reader.submission("added").is_some());

    github.remove("services/0/s0/catalog-info.yaml");
    told(&mut reader, &files(&[&changed])).await;
    assert_eq!(reader.listed["root"].len(), 3000, "one came, one went");
}

#[tokio::test]
async fn a_host_whose_answers_lag_behind_what_it_tells_is_asked_once_more() {
    let github = large(3).await;
    let pattern = github.url("services/**/catalog-info.yaml");
    github.write("alone.yaml", &system("alone"));
    let alone = github.url("alone.yaml");
    let config = Config { second_look: Duration::from_millis(300), ..told_only(&github) };
    let mut reader = reading(config, &[&pattern, &alone], 4).await;
    let both = files(&[&github.url("services/0/s0/catalog-info.yaml"), &alone]);
    assert_eq!(told(&mut reader, &both).await, 2);
    assert!(!reader.follower.is_busy(), "nobody waits for the second look");
    github.write("services/0/s0/catalog-info.yaml", &system("late"));
    github.write("alone.yaml", &system("late-alone"));
    reader
        .until("the changes", |seen| {
            seen.submission("late").is_some() && seen.submission("late-alone").is_some()
        })
        .await;
    reader.settle().await;
    github.server.take();
    reader.until_for(Duration::from_millis(700)).await;
    assert_eq!(github.server.take().len(), 0, "and then no more");
}

#[tokio::test]
async fn what_nobody_lists_is_not_read() {
    let github = large(3).await;
    let (pattern, other) = (github.url("services/**/catalog-info.yaml"), github.url("README.md"));
    let mut reader = reading(told_only(&github), &[&pattern], 3).await;
    let elsewhere = pattern.replace("/o/r/", "/o/other/").replace("**", "0/s0");
    let branch = pattern.replace("/main/", "/feature/").replace("**", "0/s0");
    github.server.take();
    for url in [other, elsewhere, branch] {
        assert!(reader.follower.refresh(&files(&[&url]), false).await.is_none(), "{url}");
    }
    assert_eq!(github.server.take().len(), 0);
}

#[tokio::test]
async fn a_file_is_told_by_any_of_its_urls() {
    let github = GitHub::start(&[("a.yaml", &system("a")), ("b.yaml", &system("b"))]).await;
    let (tree, head) =
        (github.url("a.yaml").replace("/blob/", "/tree/"), github.url("b.yaml").replace("/main/", "/HEAD/"));
    let mut reader = reading(told_only(&github), &[&tree, &head], 2).await;
    github.write("a.yaml", &system("new-a"));
    github.write("b.yaml", &system("new-b"));
    let both = files(&[&github.url("a.yaml"), &github.url("b.yaml")]);
    assert_eq!(told(&mut reader, &both).await, 2);
    assert!(reader.submission("new-a").is_some() && reader.submission("new-b").is_some());

    let Places::Changed(changed) = both else { unreachable!() };
    let elsewhere = Places::Changed(Changed { on_default_branch: false, ..changed });
    assert_eq!(told(&mut reader, &elsewhere).await, 1, "HEAD is another branch then");
}

#[tokio::test]
async fn a_repository_is_all_that_begins_with_its_url() {
    let github = large(20).await;
    let (pattern, single) = (github.url("services/**/catalog-info.yaml"), github.url("alone.yaml"));
    github.write("alone.yaml", &system("alone"));
    let mut reader = reading(told_only(&github), &[&pattern, &single], 21).await;
    let repository = |path: &str| {
        let url = Url::parse(&format!("http://{}/{path}", github.server.address)).unwrap();
        Places::Changed(Changed { repositories: vec![url], ..Changed::default() })
    };
    github.server.take();
    assert_eq!(told(&mut reader, &repository("o/r")).await, 2, "the pattern tells of its files");
    assert_eq!(told(&mut reader, &repository("o/r/blob/main")).await, 2);
    assert!(github.server.take().iter().all(|asked| asked.status == 304), "nothing was different");
    for other in ["o/r2", "o", "o/r/blob/mai"] {
        let begun = reader.follower.refresh(&repository(other), false).await;
        assert_eq!(begun.is_some(), other == "o", "{other}");
    }
    assert_eq!(entities_in(&reader), 21);
}
