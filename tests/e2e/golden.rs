//! The catalog that Backstage itself made of the corpus, recorded; ours has to be the same.

mod messages;
mod stated;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Duration,
};

use messages::{Message, Ours, Tally};
use serde_json::{Value, json};
use stated::Trees;
use tempfile::TempDir;
use url::Url;

use crate::support::{
    Catalog, Launch, entity_ref, eventually, laid_out, serve_files, shared, without_ids, write,
};

/// Where the recorded trees were served.
const RECORDED: &str = "127.0.0.1:7009";
const KINDS: &str = "API, Component, Domain, Group, Location, Resource, System, Template, User";

/// Where the recorded provider says its Locations come from.
const SYNTHETIC: &str = "synthetic:baseline/catalog.ndjson";

/// One recorded group.
struct Group {
    name: String,
    /// URLs of the descriptor files.
    roots: Vec<String>,
    /// What the API answered, by ref.
    entities: BTreeMap<String, Value>,
    /// What was wrong, in Backstage's words.
    messages: Vec<Message>,
    /// Refs of the Locations that had errors with what they list.
    failed: BTreeSet<String>,
}

/// The recorded groups, as if their trees had been served at `host`.
fn groups(recordings: &Path, host: &str) -> Vec<Group> {
    let mut paths: Vec<_> = fs::read_dir(recordings).unwrap().map(|found| found.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths.iter().map(|path| group(&fs::read_to_string(path).unwrap().replace(RECORDED, host))).collect()
}

fn group(text: &str) -> Group {
    let recorded: Value = serde_json::from_str(text).unwrap();
    let list = |field: &str| recorded[field].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let roots: Vec<String> = list("roots").iter().map(text).collect();
    let of_listings = list("errors").into_iter().filter(|of_entity| !is_of_itself(of_entity));
    let mut failed: BTreeSet<String> = of_listings.map(|of_entity| text(&of_entity["entityRef"])).collect();
    failed.retain(|entity_ref| entity_ref.starts_with("location:"));
    let mut entities = list("entities");
    let mut renamed = BTreeMap::new();
    for root in entities.iter_mut().filter(|entity| is_root(entity)) {
        // The numbers in the recorded names say nothing; ours follow the list.
        let index = roots.iter().position(|target| root["spec"]["target"] == **target).unwrap();
        let recorded = entity_ref(root);
        root["metadata"]["name"] = root_name(index).into();
        failed.extend(failed.contains(&recorded).then(|| entity_ref(root)));
        renamed.insert(recorded, entity_ref(root));
    }
    // A root that failed when it was first read never came into the recorded catalog.
    let is_recorded = |root: &String| renamed.values().any(|known| known == root);
    let all_roots = (0..roots.len()).map(|index| format!("location:default/{}", root_name(index)));
    let never_came: BTreeSet<String> = all_roots.filter(|root| !is_recorded(root)).collect();
    let owners = |recorded: &str| match renamed.get(recorded) {
        Some(root) => BTreeSet::from([root.clone()]),
        None if recorded.starts_with("location:default/root-") => never_came.clone(),
        None => BTreeSet::from([recorded.to_owned()]),
    };
    let message = |of_entity: &Value, said: String| Message {
        owners: owners(of_entity["entityRef"].as_str().unwrap()),
        // The reason that the recorded server gave with its status.
        text: said.replace("404 File not found", "404 Not Found"),
    };
    let of_entities = list("errors");
    let all = of_entities
        .iter()
        .flat_map(|of_entity| messages_of(of_entity).into_iter().map(move |said| (of_entity, said)));
    let messages = all.map(|(of_entity, said)| message(of_entity, said)).collect();
    failed.extend(never_came.iter().cloned());
    let entities = by_ref(entities);
    Group { name: text(&recorded["group"]), roots, entities, messages, failed }
}

fn messages_of(of_entity: &Value) -> Vec<String> {
    let errors = of_entity["errors"].as_array().unwrap().iter();
    errors.map(|error| error["message"].as_str().unwrap().to_owned()).collect()
}

/// Whether the recorded errors of an entity say that it is itself wrong.
fn is_of_itself(of_entity: &Value) -> bool {
    let is_of_itself =
        |message: String| message.starts_with("Policy check failed") || message.starts_with("Processor ");
    messages_of(of_entity).into_iter().all(is_of_itself)
}

fn by_ref(entities: Vec<Value>) -> BTreeMap<String, Value> {
    entities.into_iter().map(|entity| (entity_ref(&entity), entity)).collect()
}

fn root_name(index: usize) -> String {
    format!("root-{index:03}")
}

fn is_root(entity: &Value) -> bool {
    entity["metadata"]["annotations"]["backstage.io/managed-by-location"] == SYNTHETIC
}

impl Group {
    /// The Locations that a provider submits, as a mutation.
    fn mutation(&self) -> Value {
        let annotations = json!({
            "backstage.io/managed-by-location": SYNTHETIC, "backstage.io/managed-by-origin-location": SYNTHETIC,
        });
        let location = |(index, root): (usize, &String)| {
            let entity = json!({
                "apiVersion": "backstage.io/v1alpha1", "kind": "Location",
                "metadata": {"name": root_name(index), "annotations": annotations},
                "spec": {"type": "url", "target": root},
            });
            json!({"entity": entity, "locationKey": "synthetic"})
        };
        let items: Vec<_> = self.roots.iter().enumerate().map(location).collect();
        json!({"type": "full", "entities": items})
    }

    /// The entities of `seen` that Backstage leaves out because another document of their file is
    /// bad: there an error on the Location stands for everything that it lists.
    fn kept_by_us(&self, seen: &BTreeMap<String, Value>) -> BTreeSet<String> {
        let mut refs: BTreeSet<String> = self.failed.clone();
        loop {
            let listed: BTreeSet<String> =
                refs.iter().filter_map(|entity_ref| seen.get(entity_ref)).flat_map(targets).collect();
            let below = seen
                .iter()
                .filter(|(_, entity)| listed.contains(place(entity)))
                .map(|(entity_ref, _)| entity_ref);
            let before = refs.len();
            refs.extend(below.cloned());
            if refs.len() == before {
                break;
            }
        }
        refs.retain(|entity_ref| seen.contains_key(entity_ref) && !self.entities.contains_key(entity_ref));
        refs
    }

    /// What differs in `seen`, by entity. `contested` are the refs that several documents claim: the recording
    /// may have any of them, ours has to be one of them. What Backstage leaves out has to be as its document says.
    fn differences(
        &self,
        mut seen: BTreeMap<String, Value>,
        contested: &BTreeSet<String>,
        trees: &Trees<'_>,
        apart: &mut Apart,
    ) -> Vec<String> {
        let kept = self.kept_by_us(&seen);
        let mut differences = Vec::new();
        for entity_ref in &kept {
            let entity = seen.remove(entity_ref).unwrap();
            match is_root(&entity) {
                true => assert!(self.roots.iter().any(|root| entity["spec"]["target"] == **root)),
                false => differences.extend(trees.unlike_document(entity_ref, &entity)),
            }
        }
        apart.kept += kept.len();
        for entity in seen.values_mut() {
            without_relations_to(entity, &kept);
            without_warnings(entity);
        }
        let refs: BTreeSet<&String> = self.entities.keys().chain(seen.keys()).collect();
        for entity_ref in refs {
            match (self.entities.get(entity_ref), seen.get(entity_ref)) {
                (Some(_), None) => differences.push(format!("{entity_ref}: missing")),
                (None, Some(entity)) => {
                    differences.push(format!("{entity_ref}: ours alone, from {}", place(entity)))
                }
                (Some(expected), Some(seen)) if contested.contains(entity_ref) => {
                    let compared = trees.contested(entity_ref, expected, seen);
                    differences.extend(compared.differences);
                    apart.contested += 1;
                    apart.won_by_another += usize::from(compared.another_won);
                }
                (Some(expected), Some(seen)) => compare(entity_ref, expected, seen, &mut differences),
                (None, None) => {}
            }
        }
        differences
    }
}

/// How many entities were not held against the recording alone.
#[derive(Default)]
struct Apart {
    /// Those that Backstage leaves out because another document of their file is bad (decision 0011).
    kept: usize,
    /// Those that several documents claim.
    contested: usize,
    /// Those of them where another document won than in the recording (decision 0003).
    won_by_another: usize,
}

/// Where an entity stands, as its annotation says.
fn place(entity: &Value) -> &str {
    entity["metadata"]["annotations"]["backstage.io/managed-by-location"].as_str().unwrap_or_default()
}

/// What a Location lists, as the annotations of the listed entities spell it.
fn targets(location: &Value) -> Vec<String> {
    let base = place(location).strip_prefix("url:").and_then(|base| Url::parse(base).ok());
    let listed = location["spec"]["targets"].as_array().into_iter().flatten();
    let listed = listed.chain(location["spec"].get("target")).filter_map(Value::as_str);
    let absolute = |target: &str| match &base {
        Some(base) => base.join(target).map_or_else(|_| target.to_owned(), String::from),
        None => target.to_owned(),
    };
    listed.map(|target| format!("url:{}", absolute(target))).collect()
}

fn without_relations_to(entity: &mut Value, refs: &BTreeSet<String>) {
    let relations = entity["relations"].as_array_mut().unwrap();
    relations.retain(|relation| !refs.contains(relation["targetRef"].as_str().unwrap()));
}

/// Backstage has no warnings: of two documents of one file with one ref it takes one without a word,
/// and of two claims on a ref it logs one.
fn without_warnings(entity: &mut Value) {
    let Some(items) = entity.pointer_mut("/status/items").and_then(Value::as_array_mut) else { return };
    items.retain(|item| item["level"] != "warning");
    if items.is_empty() {
        entity.as_object_mut().unwrap().remove("status");
    }
}

fn compare(path: &str, expected: &Value, seen: &Value, differences: &mut Vec<String>) {
    match (expected, seen) {
        (Value::Object(expected), Value::Object(seen)) => {
            let names: BTreeSet<&String> = expected.keys().chain(seen.keys()).collect();
            for name in names {
                let member = |object: &serde_json::Map<String, Value>| {
                    object.get(name).cloned().unwrap_or(json!("(absent)"))
                };
                compare(&format!("{path}/{name}"), &member(expected), &member(seen), differences);
            }
        }
        _ if expected == seen => {}
        _ => differences.push(format!("{path}: {expected} expected, {seen} seen")),
    }
}

/// Lets a provider submit the roots of a group, and returns the catalog that comes of it.
async fn catalog_of(catalog: &Catalog, group: &Group) -> Vec<Value> {
    let (status, answer) =
        catalog.push("golden/mutations?wait=visible", "application/json", group.mutation().to_string()).await;
    assert_eq!(status, 200, "{answer}");
    catalog.settled().await;
    without_ids(&catalog.entities().await)
}

/// The refs that several documents claim.
async fn contested(catalog: &Catalog) -> BTreeSet<String> {
    let conflicts = catalog.get("/api/catalog/v1/conflicts").await;
    conflicts["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|claim| claim["entityRef"].as_str().unwrap().to_owned())
        .collect()
}

/// The recorded messages that we do not have.
async fn unsaid(
    catalog: &Catalog,
    group: &Group,
    listed: &BTreeMap<String, Vec<String>>,
    tally: &RefCell<Tally>,
) -> Vec<String> {
    let errors = catalog.get("/api/catalog/v1/errors?limit=100000").await;
    let ours = Ours { errors: &errors, listed };
    messages::unsaid(&group.name, &group.messages, &ours, &mut tally.borrow_mut())
}

/// Takes the provider away with all that it brought.
async fn withdraw(catalog: &Catalog) {
    let url = format!("{}/api/ingest/v1/providers/golden", catalog.url);
    let answer = catalog.client.delete(url).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    let count = || async { catalog.settled().await["entities"].as_u64() };
    eventually("an empty catalog", Duration::from_secs(20), count, |seen| *seen == Some(0)).await;
}

#[tokio::test]
async fn the_catalog_is_the_one_that_backstage_makes() {
    let dir = TempDir::new().unwrap();
    let Some(recordings) = shared("golden") else { return };
    let Some(repos) = laid_out(dir.path()) else { return };
    let host = serve_files(&repos).await;
    let config = dir.path().join("app-config.yaml");
    let allow = format!("backend:\n  reading:\n    allow:\n      - host: {host}\n");
    write(&config, &format!("{allow}catalog:\n  rules:\n    - allow: [{KINDS}]\n"));
    let catalog = Launch::up(dir.path()).arg("--config").arg(config).start().await;

    let groups = groups(&recordings, &host);
    let trees = Trees { repos: &repos, host: &host };
    let (mut unequal, mut apart, mut told) = (Vec::new(), Apart::default(), Tally::default());
    for group in &groups {
        let seen = catalog_of(&catalog, group).await;
        let contested = contested(&catalog).await;
        // What was read is told a moment after it is settled, because sources have a topic of their own.
        let tally = RefCell::default();
        let listed = seen.iter().map(|entity| (entity_ref(entity), targets(entity))).collect();
        let unsaid = || unsaid(&catalog, group, &listed, &tally);
        eventually("the same messages", Duration::from_secs(10), unsaid, Vec::is_empty).await;
        told.add(tally.take());
        let differences = group.differences(by_ref(seen), &contested, &trees, &mut apart);
        if !differences.is_empty() {
            unequal.push(format!("{}:\n  {}", group.name, differences.join("\n  ")));
        }
        withdraw(&catalog).await;
    }
    let Apart { kept, contested, won_by_another } = apart;
    println!(
        "{} of {} groups equal; {contested} refs claimed by several documents, {won_by_another} of them won by another \
         than in the recording; {kept} entities beside bad documents, as their own documents say",
        groups.len() - unequal.len(),
        groups.len()
    );
    println!("{told}");
    told.check_exceptions(groups.len());
    assert!(unequal.is_empty(), "{}", unequal.join("\n"));
    catalog.stop().await;
}
