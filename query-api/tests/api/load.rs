//! Reads while much is written: what an answer says agrees with the revision that it reports.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use axum::{Router, body::Body, http::Request};
use backstitch_query_api::index::{FacetValue, Index};
use backstitch_read_model::Revision;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::fixture::{Fixture, component};

/// Entities of the large commit.
const LARGE: usize = 20_000;

const COLOURS: [&str; 3] = ["red", "green", "blue"];

/// What the catalog holds at each revision: how many components of each colour, the first names of red.
type Known = Arc<Mutex<BTreeMap<i64, Expected>>>;

#[derive(Clone, Debug, Default, PartialEq)]
struct Expected {
    colours: BTreeMap<String, u64>,
    first_red: Vec<String>,
}

/// The catalog as the writer means it: the colour of each component.
type Model = BTreeMap<String, &'static str>;

impl Expected {
    fn of(model: &Model) -> Self {
        let mut colours = BTreeMap::new();
        for colour in model.values() {
            *colours.entry((*colour).to_owned()).or_insert(0) += 1;
        }
        let red = model.iter().filter(|(_, colour)| **colour == "red");
        Self { colours, first_red: red.map(|(name, _)| name.clone()).take(10).collect() }
    }
}

/// Asks `path`, and gives the answer with what is known about the revision that it reports.
async fn ask(router: &Router, known: &Known, path: &str) -> (Value, Expected) {
    let request = Request::get(format!("/api/catalog{path}")).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status().as_u16(), 200, "{path}");
    let revision = response.headers()["backstitch-revision"].to_str().unwrap().parse().unwrap();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let expected = known.lock().unwrap().get(&revision).cloned();
    let expected = expected.unwrap_or_else(|| panic!("{revision} is no commit"));
    (serde_json::from_slice(&bytes).unwrap(), expected)
}

/// Reads in every way until `is_over`; every answer has to be of one commit.
async fn read(router: Router, known: Known, is_over: Arc<AtomicBool>, reads: Arc<AtomicU64>) {
    while !is_over.load(Ordering::Relaxed) {
        for colour in COLOURS {
            let path = format!("/entities/by-query?filter=spec.type={colour}&limit=0");
            let (answer, expected) = ask(&router, &known, &path).await;
            assert_eq!(
                answer["totalItems"].as_u64(),
                Some(*expected.colours.get(colour).unwrap_or(&0)),
                "{path}"
            );
        }
        let (answer, expected) = ask(&router, &known, "/entity-facets?facet=spec.type").await;
        let facets = answer["facets"]["spec.type"].as_array().unwrap().iter();
        let facets = facets
            .map(|facet| (facet["value"].as_str().unwrap().to_owned(), facet["count"].as_u64().unwrap()));
        assert_eq!(facets.collect::<BTreeMap<_, _>>(), expected.colours);

        let path = "/entities/by-query?filter=spec.type=red&orderField=metadata.name,asc&limit=10&fields=metadata.name";
        let (answer, expected) = ask(&router, &known, path).await;
        let names = answer["items"].as_array().unwrap().iter();
        let names: Vec<_> = names.map(|item| item["metadata"]["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected.first_red);
        assert_eq!(answer["totalItems"].as_u64(), Some(*expected.colours.get("red").unwrap_or(&0)));

        let path = "/entities/by-query?fullTextFilterTerm=red&fullTextFilterFields=metadata.title&limit=0";
        let (answer, expected) = ask(&router, &known, path).await;
        assert_eq!(answer["totalItems"].as_u64(), expected.colours.get("red").copied().or(Some(0)));
        reads.fetch_add(COLOURS.len() as u64 + 3, Ordering::Relaxed);
    }
}

/// Notes what will be, then commits it.
async fn paint(
    fixture: &mut Fixture,
    model: &mut Model,
    known: &Known,
    names: &[String],
    colour: &'static str,
) {
    let entity = |name: &String| {
        let mut entity = component(name, colour);
        entity["metadata"]["title"] = json!(format!("the {colour} one"));
        entity
    };
    let entities: Vec<_> = names.iter().map(entity).collect();
    model.extend(names.iter().map(|name| (name.clone(), colour)));
    let revision = fixture.revision().0 + i64::try_from(names.len()).unwrap();
    known.lock().unwrap().insert(revision, Expected::of(model));
    fixture.add(&entities).await;
}

/// Notes what will be without an entity, then removes it.
async fn remove(fixture: &mut Fixture, model: &mut Model, known: &Known, name: &str) {
    model.remove(name);
    known.lock().unwrap().insert(fixture.revision().next().0, Expected::of(model));
    fixture.remove(&format!("component:default/{name}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_agree_with_the_revision_that_they_report_while_much_is_written() {
    let mut fixture = Fixture::empty().await;
    let (mut model, known) = (Model::new(), Known::default());
    known.lock().unwrap().insert(Revision::start_of(1).0, Expected::default());
    let (is_over, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let readers: Vec<_> = (0..2)
        .map(|_| tokio::spawn(read(fixture.router.clone(), known.clone(), is_over.clone(), reads.clone())))
        .collect();

    // Many small commits, which repaint what is there, add to it and take from it.
    for round in 0..60_usize {
        let names: Vec<_> =
            (0..20).map(|number| format!("c{:05}", (round * 7 + number * 13) % 400)).collect();
        paint(&mut fixture, &mut model, &known, &names, COLOURS[round % 3]).await;
        remove(&mut fixture, &mut model, &known, &names[0]).await;
    }
    // And a large one: everything that was painted changes its colour, and much is new.
    let names: Vec<_> = (0..LARGE).map(|number| format!("c{number:05}")).collect();
    let before = reads.load(Ordering::Relaxed);
    paint(&mut fixture, &mut model, &known, &names, "red").await;
    assert!(reads.load(Ordering::Relaxed) > before, "nobody waits for a large commit");
    let before = reads.load(Ordering::Relaxed);
    while reads.load(Ordering::Relaxed) < before + 20 {
        assert!(readers.iter().all(|reader| !reader.is_finished()), "a reader failed");
        tokio::task::yield_now().await;
    }
    is_over.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    let (answer, _) = ask(&fixture.router, &known, "/entities/by-query?filter=spec.type=red&limit=0").await;
    assert_eq!(answer["totalItems"], LARGE);
    let memory = fixture.catalog.index().unwrap().memory();
    assert!(memory.bodies * 2 < memory.bodies_as_text, "{memory:?}");
    assert!(
        whole(&fixture.catalog.index().unwrap()) == whole(&fixture.loaded_again().await),
        "the index that followed the commits differs from one that is loaded"
    );
}

/// All that an index shows of its entities, and the values of a key.
fn whole(index: &Index) -> (String, Vec<FacetValue>) {
    let mut entities = Vec::new();
    index.iter().for_each(|entity| entity.write_json(&mut entities));
    (String::from_utf8(entities).unwrap(), index.facet(None, "spec.type"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_list_comes_in_pieces_and_nobody_works_for_a_client_that_went_away() {
    let entities: Vec<_> = (0..3_000).map(|number| component(&format!("c{number}"), "service")).collect();
    let mut fixture = Fixture::with(&entities).await;
    let open = |router: Router| async move {
        let request = Request::get("/api/catalog/entities").body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap().into_body().into_data_stream()
    };
    let mut stream = open(fixture.router.clone()).await;
    let (mut pieces, mut longest, mut whole) = (0, 0, Vec::new());
    while let Some(piece) = futures::StreamExt::next(&mut stream).await {
        let piece = piece.unwrap();
        (pieces, longest) = (pieces + 1, longest.max(piece.len()));
        whole.extend_from_slice(&piece);
    }
    drop(stream);
    let listed: Vec<Value> = serde_json::from_slice(&whole).unwrap();
    assert_eq!(listed.len(), 3_000);
    assert!(listed.is_sorted_by_key(|entity| entity["metadata"]["uid"].as_str().unwrap().to_owned()));
    assert!(pieces > 5 && longest < 256 * 1024, "{pieces} pieces, the longest of {longest} bytes");

    let mut left = open(fixture.router.clone()).await;
    assert!(futures::StreamExt::next(&mut left).await.is_some());
    let version = Arc::downgrade(&fixture.catalog.index().unwrap());
    fixture.add(&[component("later", "service")]).await;
    assert!(version.upgrade().is_some(), "an answer goes on from the commit that it began with");
    drop(left);
    assert!(version.upgrade().is_none(), "nothing is held for a client that went away");
}
