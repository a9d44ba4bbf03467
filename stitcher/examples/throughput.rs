//! How fast the pure core is, and where its time goes: decode, plan, finish, apply.
//!
//! `cargo run --release -p backstitch-stitcher --example throughput -- 100000`

use std::time::{Duration, Instant};

use backstitch_read_model::{ClaimForm, Revision};
use backstitch_schemas::{
    ClaimKey, EntityRef, Identity, Listing, ProviderName, Timestamp, Version,
    change::{Cause, CauseKind},
    processed::{Form, FormState, GoodForm, Processed, Relation, Stamp},
};
use backstitch_stitcher::{Catalog, Frame};

const BATCH: usize = 20_000;

fn main() {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let mut run = Run::default();
    let started = Instant::now();
    let mut revisions = 0;
    for from in (0..count).step_by(BATCH) {
        let records: Vec<_> = (from..count.min(from + BATCH)).map(|n| component(n, 0)).collect();
        revisions += run.batch(&encoded(&records));
    }
    println!("{count} new entities, {revisions} revisions, in {:?}", started.elapsed());
    run.report(count);

    let mut again = Run { catalog: run.catalog, base: run.base, ..Run::default() };
    let records: Vec<_> = (0..BATCH.min(count)).map(|n| component(n, 1)).collect();
    again.batch(&encoded(&records));
    println!("changed again");
    again.report(records.len());

    let one = encoded(&[component(count + 1, 0)]);
    let started = Instant::now();
    again.batch(&one);
    println!("one more member of groups with {} members: {:?}", count / 200, started.elapsed());

    let started = Instant::now();
    let revisions = again.batch(&encoded(&[location(1)]));
    println!("the Location of all of them goes: {revisions} revisions in {:?}", started.elapsed());
}

#[derive(Default)]
struct Run {
    catalog: Catalog,
    base: Revision,
    spent: [Duration; 4],
}

impl Run {
    fn batch(&mut self, records: &[(Vec<u8>, Vec<u8>)]) -> i64 {
        let mut lap = Lap(Instant::now());
        let records: Vec<_> = records
            .iter()
            .map(|(key, value)| Processed::decode(key, value).expect("records of ours can be read"))
            .collect();
        self.spent[0] += lap.time();
        let plan = self.catalog.plan(records);
        let needs = plan.needs();
        self.spent[1] += lap.time();
        // What the read model would answer does not matter here.
        let stored = needs.into_iter().map(|id| ClaimForm { id, form: "{}".to_owned() }).collect();
        let delta = plan.finish(stored, Frame { base: self.base, ..Frame::default() });
        let delta = delta.expect("all forms are there");
        self.spent[2] += lap.time();
        let revisions = delta.commit.revision.0 - self.base.0;
        self.base = delta.commit.revision;
        self.catalog.apply(delta.memory);
        self.spent[3] += lap.time();
        drop(delta.commit);
        revisions
    }

    fn report(&self, records: usize) {
        let total: Duration = self.spent.iter().sum();
        let rate = |spent: Duration| records as f64 / spent.as_secs_f64();
        println!("  {:.0} records/s", rate(total));
        for (name, spent) in ["decode", "plan", "finish", "apply"].iter().zip(self.spent) {
            println!("  {name:7} {spent:>10.1?}  {:.0} records/s alone", rate(spent));
        }
    }
}

struct Lap(Instant);

impl Lap {
    fn time(&mut self) -> Duration {
        let now = Instant::now();
        let spent = now - self.0;
        self.0 = now;
        spent
    }
}

fn encoded(records: &[Processed]) -> Vec<(Vec<u8>, Vec<u8>)> {
    records.iter().map(Processed::encode).collect()
}

fn provider() -> ProviderName {
    ProviderName::new("inventory")
}

fn root() -> EntityRef {
    EntityRef::new("location", None, "root")
}

/// The Location that lists everything: version 0 makes it, 1 withdraws it.
fn location(version: i64) -> Processed {
    let state = match version {
        0 => FormState::Good(GoodForm {
            entity: r#"{"kind":"Location","metadata":{"name":"root"}}"#.to_owned(),
            relations: Vec::new(),
            errors: Vec::new(),
        }),
        _ => FormState::Withdrawn,
    };
    Processed::Form(ClaimKey::own(root(), provider()), form(0, version, state))
}

fn component(n: usize, version: i64) -> Processed {
    if n == 0 {
        return location(0);
    }
    let me = EntityRef::new("component", None, &format!("service-{n}"));
    let listing =
        Listing { location: root(), document: "".into(), listed: "url:https://host/all.yaml".into() };
    let neighbours = [
        ("ownedBy", "ownerOf", EntityRef::new("group", None, &format!("team-{}", n % 200))),
        ("partOf", "hasPart", EntityRef::new("system", None, &format!("system-{}", n % 5_000))),
        ("dependsOn", "dependencyOf", EntityRef::new("component", None, &format!("service-{}", n / 2 + 1))),
    ];
    let relation = |source: &EntityRef, kind: &str, target: &EntityRef| Relation {
        source: source.clone(),
        kind: kind.to_owned(),
        target: target.clone(),
    };
    let relations = neighbours
        .iter()
        .flat_map(|(there, back, other)| [relation(&me, there, other), relation(other, back, &me)])
        .collect();
    let entity = serde_json::json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {
            "name": format!("service-{n}"),
            "namespace": "default",
            "title": format!("Service {n}, version {version}"),
            "description": "A service that does one thing, and is described in a sentence of usual length.",
            "tags": ["java", "payments", "tier-1"],
            "annotations": {
                "backstage.io/managed-by-location": "url:https://host/all.yaml",
                "backstage.io/managed-by-origin-location": "url:https://host/all.yaml",
                "github.com/project-slug": format!("company/service-{n}"),
            },
            "links": [{"url": format!("https://dashboards.host/{n}"), "title": "Dashboard"}],
        },
        "spec": {
            "type": "service",
            "lifecycle": "production",
            "owner": format!("team-{}", n % 200),
            "system": format!("system-{}", n % 5_000),
            "dependsOn": [format!("component:service-{}", n / 2 + 1)],
        },
    });
    let good = GoodForm { entity: entity.to_string(), relations, errors: Vec::new() };
    let state = FormState::Good(good);
    Processed::Form(ClaimKey::listed(me, provider(), listing), form(n, version, state))
}

fn form(n: usize, version: i64, state: FormState) -> Form {
    let stamp = Stamp {
        version: Version(version),
        identity: Identity(uuid::Uuid::from_u128(n as u128 + 1)),
        created_at: Timestamp(0),
        location_key: None,
        location_id: None,
        released: false,
        fingerprint: "rules".to_owned(),
    };
    Form { stamp, state, cause: Cause { kind: CauseKind::Read, detail: None, at: Timestamp(0) } }
}
