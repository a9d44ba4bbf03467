//! How fast the index is loaded, changed and asked, and what it weighs. Run with
//! `cargo bench -p backstitch-query-api --bench index -- 50000`; whole requests are measured by
//! `backstitch bench`.
#![expect(clippy::unwrap_used, reason = "a measurement that fails should say so at once")]

mod workload;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use backstitch_benches::Workload;
use backstitch_query_api::{
    index::{Direction, Doc, FullText, Index, Loader, SortOrder, Window},
    query::Predicate,
};
use backstitch_read_model::Revision;
use roaring::RoaringBitmap;
use serde_json::{Value, json};

const ROUNDS: usize = 200;

fn main() {
    let size = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(50_000);
    let workload = Workload::plain(size);
    let parts = workload::snapshot(workload.entities());
    let before = resident_bytes();
    let started = Instant::now();
    let mut loader = Loader::default();
    parts.into_iter().for_each(|part| loader.take(part));
    let index = loader.finish(Revision(1));
    println!("{size} entities loaded in {:.2} s", started.elapsed().as_secs_f64());
    weigh(&index, resident_bytes() - before);
    changes(&index, workload.entities());
    reads(&index);
}

fn weigh(index: &Index, resident: i64) {
    let started = Instant::now();
    let memory = index.memory();
    let took = started.elapsed();
    let each = |bytes: u64| bytes / (index.len() as u64).max(1);
    let resident = resident / i64::try_from(index.len()).unwrap().max(1);
    println!(
        "bytes an entity: JSON {} (as text {}), beyond it {}; resident {resident}; weighed in {took:.1?}",
        each(memory.bodies),
        each(memory.bodies_as_text),
        each(memory.beyond_bodies()),
    );
    println!(
        "    entities {}, rows {}, terms {}, sets {}, orders {}, words {}, relations {}",
        each(memory.entities),
        each(memory.rows),
        each(memory.terms),
        each(memory.sets),
        each(memory.orders),
        each(memory.words),
        each(memory.relations),
    );
}

/// Applies a commit of one change again and again, and one of 20,000, each to a version of its own.
fn changes(index: &Index, entities: &[Value]) {
    let rows = workload::changes(entities, 20_000);
    let mut each = rows.iter().cycle();
    time("apply one change", || {
        let mut next = index.clone();
        next.apply(std::slice::from_ref(each.next().unwrap()));
        next.len()
    });
    let started = Instant::now();
    let mut next = index.clone();
    next.apply(&rows);
    println!("apply {} changes in one commit: {:.1} ms", rows.len(), millis(started.elapsed()));
}

fn reads(index: &Index) {
    let components = index.matching(&predicate(json!({"kind": "component"}))).into_owned();
    let everything = index.all().into_owned();
    let deep = index.len() * 4 / 5;
    time("kind and owner", || {
        let owned = json!({"kind": "component", "relations.ownedBy": "group:default/team-000003"});
        index.matching(&predicate(owned)).len()
    });
    time("$not", || index.matching(&predicate(json!({"$not": {"kind": "user"}}))).len());
    time("first page of components by name", || page(index, &components, 0, 20).len());
    time("offset 5,000 of everything by name", || page(index, &everything, 5_000, 20).len());
    time("offset at 80 % of everything by name", || page(index, &everything, deep, 20).len());
    time("offset at 80 % of components by name", || page(index, &components, deep * 46 / 100, 20).len());
    time("plain list, offset at 80 %, by name", || {
        index.list_by_values(&everything, &[SortOrder::ascending("metadata.name")], deep, 20).len()
    });
    for term in ["ledger", "le", "000007", "ledger serv", "zzz"] {
        let keys = ["metadata.name", "metadata.title", "metadata.description"];
        let text = FullText { term: term.to_owned(), keys: keys.map(str::to_owned).into() };
        time(&format!("full text over three keys, \"{term}\""), || {
            index.containing(&components, &text).len()
        });
    }
    let keys = ["kind", "spec.type", "metadata.tags"];
    time("three facets", || keys.iter().map(|key| index.facet(None, key).len()).sum::<usize>());
    time("three facets of components", || {
        keys.iter().map(|key| index.facet(Some(&components), key).len()).sum::<usize>()
    });
    large_answer(index);
}

fn large_answer(index: &Index) {
    let any = predicate(json!({"$any": [
        {"kind": "component", "spec.type": "library"}, {"kind": "resource", "spec.type": "topic"}]}));
    let found = index.matching(&any).into_owned();
    time("2,000 of $any by name: found", || page(index, &found, 0, 2_000).len());
    let docs = page(index, &found, 0, 2_000);
    let mut out = Vec::new();
    time("2,000 of $any by name: written, bytes", || {
        out.clear();
        docs.iter().filter_map(|doc| index.entity(*doc)).for_each(|entity| entity.write_json(&mut out));
        out.len()
    });
}

fn page(index: &Index, matches: &RoaringBitmap, skip: usize, limit: usize) -> Vec<Doc> {
    let window = Window { from: None, direction: Direction::Forward, skip, limit };
    let hits = index.page_by_value(matches, &SortOrder::ascending("metadata.name"), None, window);
    hits.into_iter().map(|hit| hit.doc).collect()
}

fn predicate(query: Value) -> Predicate {
    Predicate::parse(&query).unwrap()
}

/// Does it again and again, and prints how long it took and what came out.
fn time<T: std::fmt::Display>(name: &str, mut work: impl FnMut() -> T) {
    let mut times = Vec::with_capacity(ROUNDS);
    let mut last = None;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        last = Some(black_box(work()));
        times.push(started.elapsed());
    }
    times.sort();
    let (middle, late) = (millis(times[ROUNDS / 2]), millis(times[ROUNDS * 99 / 100]));
    println!("{name:44} p50 {middle:9.4} ms, p99 {late:9.4} ms, {}", last.unwrap());
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Memory of this process.
fn resident_bytes() -> i64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<i64>().ok()).unwrap_or(0) * 4_096
}
