//! Real descriptors: what processing makes of each is what the real catalog backend made of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use backstitch_processors::{Outcome, Pipeline, Settings};
use backstitch_schemas::{
    EntityRef, canonical,
    change::{Content, Substitution},
    placeholder,
    processed::Relation,
    rules::Rules,
    yaml,
};
use serde_json::Value;

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared");
const HOST: &str = "url:http://127.0.0.1:7009";
const ORIGIN: &str = "synthetic:baseline/catalog.ndjson";

/// Refs whose errors differ. This one has an `$openapi` placeholder, which the reference was not
/// set up to resolve.
const EXCEPTIONS: [&str; 1] = ["api:default/api-sample-test-1"];

/// A descriptor of a group, with the place it was served at.
struct Descriptor {
    location: String,
    entity: Value,
}

/// The group that the reference served a file in: its repository, or this version of it alone.
fn group_of(entry: &Value) -> String {
    let text = |field: &str| entry[field].as_str().unwrap();
    let repo = text("repo").replace('/', "__");
    if text("version") == "head" {
        return repo;
    }
    let hash = canonical::sha1_hex(text("path").as_bytes());
    format!("{repo}@{}-{}", &text("commit")[..10], &hash[..6])
}

fn descriptors() -> Option<BTreeMap<String, Vec<Descriptor>>> {
    let index = fs::read_to_string(Path::new(SHARED).join("corpus/index.jsonl")).ok()?;
    let mut groups: BTreeMap<String, Vec<Descriptor>> = BTreeMap::new();
    for line in index.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let file = Path::new(SHARED).join("corpus").join(entry["file"].as_str().unwrap());
        let group = group_of(&entry);
        let location = format!("{HOST}/{}/{}", group.replace('@', "%40"), entry["path"].as_str().unwrap());
        let documents = yaml::parse(&location, &fs::read(file).unwrap());
        let entities = documents.into_iter().filter_map(|document| document.outcome.ok());
        let described = entities.map(|entity| Descriptor { location: location.clone(), entity });
        groups.entry(group).or_default().extend(described);
    }
    Some(groups)
}

/// The content of files does not matter here: entities with placeholders are not compared, only
/// their errors.
fn read(entity: &Value) -> Vec<Substitution> {
    let found = placeholder::placeholders(entity).into_iter().filter_map(|placeholder| placeholder.value);
    found.map(|value| Substitution { value, text: Some("{}".to_owned()), error: None }).collect()
}

fn process(pipeline: &Pipeline, descriptor: &Descriptor) -> Outcome {
    let content = Content {
        entity: String::new(),
        location: descriptor.location.clone(),
        origin: ORIGIN.to_owned(),
        position: None,
        substitutions: read(&descriptor.entity),
        listing_errors: Vec::new(),
    };
    pipeline.process(&content, descriptor.entity.clone(), true)
}

fn relations(entity: &Value) -> BTreeSet<(String, String)> {
    let relations = entity["relations"].as_array().unwrap();
    let pair = |r: &Value| Some((r["type"].as_str()?.to_owned(), r["targetRef"].as_str()?.to_owned()));
    relations.iter().filter_map(pair).collect()
}

/// Whether one of our results is the entity of the reference, and its relations are among those
/// that the reference shows (which has those of the neighbours too).
fn agrees(golden: &Value, results: &[(&Value, &[Relation])]) -> bool {
    let mut body = golden.clone();
    let shown = relations(golden);
    for field in ["relations", "status"] {
        body.as_object_mut().unwrap().remove(field);
    }
    let entity_ref = EntityRef::of_entity(golden).unwrap();
    results.iter().any(|(entity, relations)| {
        let own = relations.iter().filter(|relation| relation.source == entity_ref);
        **entity == body && own.into_iter().all(|r| shown.contains(&(r.kind.clone(), r.target.to_string())))
    })
}

/// What differs between the reference and us in one group, and how much was compared.
#[derive(Default)]
struct Comparison {
    entities: usize,
    errors: usize,
    differences: Vec<String>,
}

impl Comparison {
    /// Entities whose placeholders the reference resolved are left out: what it read is not here.
    fn entities(&mut self, golden: &Value, outcomes: &[(&Descriptor, Outcome)]) {
        for entity in golden["entities"].as_array().unwrap() {
            let entity_ref = EntityRef::of_entity(entity).unwrap();
            let has_ref = |d: &Descriptor| EntityRef::of_entity(&d.entity).as_ref() == Some(&entity_ref);
            let here: Vec<_> = outcomes.iter().filter(|(d, _)| has_ref(d)).collect();
            if here.is_empty() || here.iter().any(|(d, _)| !placeholder::placeholders(&d.entity).is_empty()) {
                continue;
            }
            let results: Vec<_> = here
                .iter()
                .filter_map(|(_, outcome)| match outcome {
                    Outcome::Good { entity, relations } => Some((entity, relations.as_slice())),
                    _ => None,
                })
                .collect();
            self.entities += 1;
            if !agrees(entity, &results) {
                self.differences.push(format!("{entity_ref}\n  theirs {entity}\n  ours   {results:?}"));
            }
        }
    }

    /// Errors of processing only; those of reading are not ours to make.
    fn errors(&mut self, golden: &Value, outcomes: &[(&Descriptor, Outcome)]) {
        let first = |outcome: &Outcome| match outcome {
            Outcome::Invalid(problems) => Some(problems[0].message.clone()),
            Outcome::Refused(problem) => Some(problem.message.clone()),
            Outcome::Good { .. } => None,
        };
        let ours: Vec<_> = outcomes.iter().filter_map(|(_, outcome)| first(outcome)).collect();
        for error in golden["errors"].as_array().unwrap() {
            let message = error["errors"][0]["message"].as_str().unwrap();
            let processing =
                ["Processor ", "Policy ", "No processor "].iter().any(|start| message.starts_with(start));
            let excepted = EXCEPTIONS.iter().any(|entity_ref| error["entityRef"] == *entity_ref);
            if !processing || excepted || message.contains("could not read location") {
                continue;
            }
            self.errors += 1;
            if !ours.iter().any(|ours| ours == message) {
                self.differences.push(format!("{message}\n  ours {ours:?}"));
            }
        }
    }
}

#[test]
fn entities_relations_and_errors_are_those_of_the_reference() {
    let Some(groups) = descriptors() else {
        println!("skipped: there is no corpus beside this repository");
        return;
    };
    let pipeline = Pipeline::new(Settings { rules: Rules::everything(), ..Settings::default() });
    let mut comparison = Comparison::default();
    for (group, descriptors) in &groups {
        let path = Path::new(SHARED).join("golden").join(format!("{group}.json"));
        let Ok(golden) = fs::read_to_string(path) else { continue };
        let golden: Value = serde_json::from_str(&golden).unwrap();
        let outcomes: Vec<_> = descriptors.iter().map(|d| (d, process(&pipeline, d))).collect();
        comparison.entities(&golden, &outcomes);
        comparison.errors(&golden, &outcomes);
    }
    let Comparison { entities, errors, differences } = comparison;
    println!("{entities} entities and {errors} errors compared");
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
    assert!(entities > 300 && errors > 50, "the corpus has shrunk");
}
