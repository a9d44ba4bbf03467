//! The reads of a portal, one connection, one at a time.

use std::time::Instant;

use anyhow::{Result, ensure};
use backstitch_benches::Workload;
use reqwest::{Client, Request};
use serde_json::{Value, json};

use super::stats::Timings;

/// Sends `request` some times. Returns the times and the size of an answer.
pub(super) async fn time(client: &Client, request: Request, count: usize) -> Result<(Timings, usize)> {
    let mut timings = Timings::default();
    let mut bytes = 0;
    for _ in 0..count {
        let again = request.try_clone().expect("the bodies are in memory");
        let started = Instant::now();
        let answer = client.execute(again).await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        timings.add(started.elapsed());
        ensure!(status.is_success(), "{} was answered with {status}", request.url());
        bytes = body.len();
    }
    Ok((timings, bytes))
}

/// The battery, with a name for each.
pub(super) fn requests(client: &Client, url: &str, workload: &Workload) -> Vec<(&'static str, Request)> {
    let api = format!("{url}/api/catalog");
    let get = |path: &str| client.get(format!("{api}{path}")).build().expect("the paths are ours");
    let post = |path: &str, body: Value| {
        client.post(format!("{api}{path}")).json(&body).build().expect("the paths are ours")
    };
    let refs: Vec<String> = workload.entities().iter().rev().step_by(7).take(100).map(entity_ref).collect();
    let any = json!({"$any": [
        {"kind": "component", "spec.type": "library"}, {"kind": "resource", "spec.type": "topic"},
    ]});
    let by_query = "/entities/by-query?";
    vec![
        ("entity by name", get("/entities/by-name/component/default/component-000007")),
        (
            "components by name, first 20, with total",
            get(&format!("{by_query}filter=kind=component&orderField=metadata.name,asc&limit=20")),
        ),
        (
            "the same without total",
            get(&format!(
                "{by_query}filter=kind=component&orderField=metadata.name,asc&limit=20&totalItems=exclude"
            )),
        ),
        ("how many components", get(&format!("{by_query}filter=kind=component&limit=0"))),
        ("count everything", get(&format!("{by_query}limit=0"))),
        ("first page of everything", get(&format!("{by_query}limit=20"))),
        (
            "kind and owner",
            get(&format!(
                "{by_query}filter=kind=component,relations.ownedBy=group:default/team-000003&limit=20"
            )),
        ),
        (
            "relations.ownedBy",
            get(&format!("{by_query}filter=relations.ownedBy=group:default/team-000003&limit=20")),
        ),
        (
            "full text over three fields",
            get(&format!(
                "{by_query}filter=kind=component&orderField=metadata.name,asc&limit=20&fullTextFilterTerm=ledger\
                 &fullTextFilterFields=metadata.name,metadata.title,metadata.description"
            )),
        ),
        ("three facets", get("/entity-facets?facet=kind&facet=spec.type&facet=metadata.tags")),
        (
            "three facets of components",
            get(
                "/entity-facets?facet=spec.lifecycle&facet=spec.type&facet=metadata.tags&filter=kind=component",
            ),
        ),
        ("100 refs", post("/entities/by-refs", json!({"entityRefs": refs}))),
        ("ancestry", get("/entities/by-name/component/default/component-000007/ancestry")),
        ("orphans", get(&format!("{by_query}filter=metadata.annotations.backstage.io/orphan=true&limit=20"))),
        (
            "$any of two branches by name, limit 2,000",
            post(
                "/entities/by-query",
                json!({"query": any, "orderBy": [{"field": "metadata.name", "order": "asc"}], "limit": 2000}),
            ),
        ),
        (
            "offset 5,000 by name",
            get(&format!("{by_query}orderField=metadata.name,asc&offset=5000&limit=20")),
        ),
        (
            "offset 40,000 by name",
            get(&format!("{by_query}orderField=metadata.name,asc&offset=40000&limit=20")),
        ),
        ("plain list, first 200", get("/entities?limit=200")),
        (
            "plain list of components by name, first 20",
            get("/entities?filter=kind=component&order=asc:metadata.name&limit=20"),
        ),
    ]
}

/// Those of [`requests`] that are made while much is written too: one of each way through the index.
pub(super) const UNDER_LOAD: [&str; 7] = [
    "entity by name",
    "components by name, first 20, with total",
    "how many components",
    "kind and owner",
    "full text over three fields",
    "three facets of components",
    "offset 40,000 by name",
];

fn entity_ref(entity: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("default").to_lowercase();
    let metadata = &entity["metadata"];
    format!("{}:{}/{}", text(&entity["kind"]), text(&metadata["namespace"]), text(&metadata["name"]))
}
