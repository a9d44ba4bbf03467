//! The reference shape: what an ordinary large organisation registers.

use serde_json::{Value, json};

use crate::random::Random;

const NOUNS: [&str; 40] = [
    "account",
    "address",
    "archive",
    "basket",
    "booking",
    "broker",
    "budget",
    "carrier",
    "claim",
    "contract",
    "coupon",
    "customs",
    "depot",
    "dispute",
    "envelope",
    "exchange",
    "freight",
    "garage",
    "harbour",
    "invoice",
    "journal",
    "ledger",
    "licence",
    "locker",
    "manifest",
    "meter",
    "notice",
    "orchard",
    "parcel",
    "pension",
    "permit",
    "pricing",
    "quota",
    "refund",
    "roster",
    "survey",
    "tariff",
    "ticket",
    "voucher",
    "warehouse",
];
const LANGUAGES: [&str; 8] = ["rust", "java", "kotlin", "go", "python", "typescript", "csharp", "elixir"];
const TIERS: [&str; 4] = ["tier-0", "tier-1", "tier-2", "tier-3"];
const LIFECYCLES: [&str; 5] = ["production", "production", "production", "experimental", "deprecated"];
const COMPONENT_TYPES: [&str; 6] = ["service", "service", "service", "website", "library", "job"];
const RESOURCE_TYPES: [&str; 5] = ["database", "database", "bucket", "topic", "cache"];

struct Plan {
    random: Random,
    domains: usize,
    systems: usize,
    groups: usize,
    apis: usize,
    resources: usize,
    users: usize,
    components: usize,
}

pub(crate) fn entities(size: usize) -> Vec<Value> {
    let mut plan = Plan::new(size);
    let mut entities = Vec::with_capacity(size);
    entities.extend((0..plan.groups).map(|i| plan.group(i)).collect::<Vec<_>>());
    entities.extend((0..plan.users).map(|i| plan.user(i)).collect::<Vec<_>>());
    entities.extend((0..plan.domains).map(|i| plan.domain(i)).collect::<Vec<_>>());
    entities.extend((0..plan.systems).map(|i| plan.system(i)).collect::<Vec<_>>());
    entities.extend((0..plan.resources).map(|i| plan.resource(i)).collect::<Vec<_>>());
    entities.extend((0..plan.apis).map(|i| plan.api(i)).collect::<Vec<_>>());
    entities.extend((0..plan.components).map(|i| plan.component(i)).collect::<Vec<_>>());
    entities
}

fn name(kind: &str, index: usize) -> String {
    format!("{kind}-{index:06}")
}

impl Plan {
    fn new(size: usize) -> Self {
        let share = |per_thousand: usize, least: usize| (size * per_thousand / 1_000).max(least);
        let (domains, systems, groups) = (share(2, 2), share(40, 4), share(30, 4));
        let (apis, resources, users) = (share(150, 0), share(120, 0), share(200, 0));
        let components = size.saturating_sub(domains + systems + groups + apis + resources + users);
        let random = Random::new(size as u64);
        Self { random, domains, systems, groups, apis, resources, users, components }
    }

    fn entity(&mut self, kind: &str, name: String, spec: Value) -> Value {
        let random = &mut self.random;
        let sentence: Vec<_> = (0..6 + random.below(12)).map(|_| random.pick(&NOUNS)).collect();
        let mut tags: Vec<_> = (0..1 + random.below(4)).map(|_| random.pick(&LANGUAGES)).collect();
        tags.sort_unstable();
        tags.dedup();
        json!({
            "apiVersion": "backstage.io/v1alpha1",
            "kind": kind,
            "metadata": {
                "title": format!("{} {} {name}", random.pick(&NOUNS), random.pick(&NOUNS)),
                "description": format!("Keeps the {}.", sentence.join(" ")),
                "labels": {
                    "example.com/tier": random.pick(&TIERS),
                    "example.com/cost-centre": format!("cc-{:03}", random.below(50)),
                },
                "annotations": {
                    "backstage.io/source-location": format!("url:https://git.example.com/org/{name}/"),
                    "example.com/pager-id": format!("PG{:06}", random.below(1_000_000)),
                    "example.com/dashboard": format!("https://metrics.example.com/d/{name}"),
                },
                "tags": tags,
                "links": [{"url": format!("https://wiki.example.com/{name}"), "title": "Wiki", "icon": "docs"}],
                "name": name,
            },
            "spec": spec,
        })
    }

    fn owner(&mut self) -> String {
        format!("group:default/{}", name("team", self.random.skewed(self.groups)))
    }

    fn some_system(&mut self) -> String {
        name("system", self.random.skewed(self.systems))
    }

    fn group(&mut self, index: usize) -> Value {
        let mut spec = json!({
            "type": if index == 0 { "organization" } else if index < 2 + self.groups / 8 { "department" } else { "team" },
            "profile": {"displayName": format!("Team {index}"), "email": format!("team-{index}@example.com")},
            "children": [],
        });
        if index > 0 {
            spec["parent"] = format!("group:default/{}", name("team", (index - 1) / 5)).into();
        }
        self.entity("Group", name("team", index), spec)
    }

    fn user(&mut self, index: usize) -> Value {
        let teams = 1 + self.random.below(2);
        let member_of: Vec<_> = (0..teams).map(|_| name("team", self.random.below(self.groups))).collect();
        let spec = json!({
            "profile": {
                "displayName": format!("{} {}", self.random.pick(&NOUNS), self.random.pick(&NOUNS)),
                "email": format!("user-{index}@example.com"),
                "picture": format!("https://images.example.com/{index}.png"),
            },
            "memberOf": member_of,
        });
        self.entity("User", name("user", index), spec)
    }

    fn domain(&mut self, index: usize) -> Value {
        let spec = json!({"owner": self.owner()});
        self.entity("Domain", name("domain", index), spec)
    }

    fn system(&mut self, index: usize) -> Value {
        let domain = name("domain", self.random.skewed(self.domains));
        let spec = json!({"owner": self.owner(), "domain": domain});
        self.entity("System", name("system", index), spec)
    }

    fn resource(&mut self, index: usize) -> Value {
        let kind = self.random.pick(&RESOURCE_TYPES);
        let spec = json!({"type": kind, "owner": self.owner(), "system": self.some_system()});
        self.entity("Resource", name("resource", index), spec)
    }

    fn api(&mut self, index: usize) -> Value {
        let spec = json!({
            "type": "openapi",
            "lifecycle": self.random.pick(&LIFECYCLES),
            "owner": self.owner(),
            "system": self.some_system(),
            "definition": self.definition(&name("api", index)),
        });
        self.entity("API", name("api", index), spec)
    }

    fn definition(&mut self, title: &str) -> String {
        let (first, second) = (self.random.pick(&NOUNS), self.random.pick(&NOUNS));
        let paths: String = [first, second]
            .iter()
            .map(|noun| {
                format!(
                    "  /{noun}s:\n    get:\n      operationId: list_{noun}\n      parameters:\n        \
                     - {{ name: limit, in: query, schema: {{ type: integer }} }}\n      responses:\n        \
                     '200': {{ description: all of them }}\n  /{noun}s/{{id}}:\n    get:\n      operationId: \
                     get_{noun}\n      responses:\n        '200': {{ description: the one }}\n        '404': \
                     {{ description: there is none }}\n"
                )
            })
            .collect();
        format!(
            "openapi: 3.0.3\ninfo:\n  title: {title}\n  version: 1.{}.0\n  description: What others may ask of \
             the {first} and the {second}.\npaths:\n{paths}",
            self.random.below(20)
        )
    }

    fn component(&mut self, index: usize) -> Value {
        let mut depends_on: Vec<String> = Vec::new();
        for _ in 0..self.random.below(4).min(index) {
            depends_on.push(format!("component:default/{}", name("component", self.random.skewed(index))));
        }
        for _ in 0..self.random.below(3) {
            depends_on
                .push(format!("resource:default/{}", name("resource", self.random.below(self.resources))));
        }
        depends_on.sort_unstable();
        depends_on.dedup();
        let consumed = self.random.below(4);
        let consumes: Vec<_> = (0..consumed).map(|_| name("api", self.random.skewed(self.apis))).collect();
        let mut spec = json!({
            "type": self.random.pick(&COMPONENT_TYPES),
            "lifecycle": self.random.pick(&LIFECYCLES),
            "owner": self.owner(),
            "system": self.some_system(),
            "dependsOn": depends_on,
            "consumesApis": consumes,
            "providesApis": if index < self.apis { vec![name("api", index)] } else { Vec::new() },
        });
        if index > 10 && self.random.chance(10) {
            spec["subcomponentOf"] = name("component", self.random.below(index)).into();
        }
        self.entity("Component", name("component", index), spec)
    }
}
