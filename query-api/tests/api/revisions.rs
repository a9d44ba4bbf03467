//! What a read tells about the commit that it saw, and how it waits for one.

use backstitch_read_model::Revision;

use crate::fixture::{Fixture, component};

#[tokio::test]
async fn every_read_says_which_revision_it_saw() {
    let mut fixture = Fixture::with(&[component("a", "service")]).await;
    let revision = Revision::start_of(1).next();
    let answer = fixture.get("/api/catalog/entities").await;
    assert_eq!(answer.header("backstitch-revision"), Some(revision.to_string().as_str()));
    fixture.add(&[component("b", "service")]).await;
    let answer = fixture.get("/api/catalog/entities/by-name/component/default/nope").await;
    assert_eq!(answer.header("backstitch-revision"), Some(revision.next().to_string().as_str()));
}

#[tokio::test]
async fn a_read_may_ask_for_a_revision_that_exists() {
    let fixture = Fixture::with(&[component("a", "service")]).await;
    let here = Revision::start_of(1).next();
    let answer = fixture.get(&format!("/api/catalog/entities?minRevision={here}")).await;
    assert_eq!(answer.status.as_u16(), 200);
    let answer = fixture.get(&format!("/api/catalog/entities?minRevision={}", here.next())).await;
    assert_eq!(answer.status.as_u16(), 400);
    let expected = format!("Revision {} does not exist; take one that an answer told", here.next());
    assert_eq!(answer.json()["error"]["message"], expected);
    let answer =
        fixture.get(&format!("/api/catalog/entities?minRevision={}", Revision::start_of(0).next())).await;
    assert_eq!(answer.status.as_u16(), 410);
}

#[tokio::test]
async fn a_loaded_catalog_is_ready() {
    let fixture = Fixture::empty().await;
    assert_eq!(fixture.get("/livez").await.status.as_u16(), 200);
    assert_eq!(fixture.get("/readyz").await.status.as_u16(), 200);
}
