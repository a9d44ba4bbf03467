//! Real descriptors of public repositories: each document is in the catalog, or is explained.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

use backstitch_schemas::{EntityRef, yaml};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Catalog, Launch, laid_out, shared, write};

/// A document of the corpus, and what its index says about it.
struct Document {
    /// The location of its file, as annotations spell it.
    location: String,
    /// Number in its file, from 1.
    number: usize,
    /// What the upstream parser and validators made of it.
    verdict: String,
    /// What it is about, if that can be read.
    entity_ref: Option<String>,
}

impl Document {
    fn is_sound(&self) -> bool {
        self.verdict == "ok" || self.verdict == "ok-envelope-only"
    }

    /// Whether it is meant as a descriptor at all.
    fn is_descriptor(&self) -> bool {
        !["null", "mkdocs", "definition"].contains(&self.verdict.as_str())
    }

    fn name(&self) -> String {
        let Self { location, number, verdict, entity_ref } = self;
        format!("{location} document {number} ({verdict}, {entity_ref:?})")
    }
}

/// Every document of every file of the corpus.
fn documents(repos: &Path) -> Vec<Document> {
    let index = fs::read_to_string(shared("corpus").unwrap().join("index.jsonl")).unwrap();
    index.lines().flat_map(|line| of_file(repos, &serde_json::from_str(line).unwrap())).collect()
}

fn of_file(repos: &Path, entry: &Value) -> Vec<Document> {
    let path = path_of(repos, entry);
    let location = format!("file:{}", path.display());
    let parsed = yaml::parse(&location, &fs::read(&path).unwrap());
    let entity_ref = |number: usize| {
        let document = parsed.iter().find(|document| usize::try_from(document.index) == Ok(number))?;
        Some(EntityRef::of_entity(document.outcome.as_ref().ok()?)?.to_string())
    };
    let verdicts = entry["upstream"].as_array().unwrap();
    (1..)
        .zip(verdicts)
        .map(|(number, verdict)| Document {
            location: location.clone(),
            number,
            verdict: verdict.as_str().unwrap().to_owned(),
            entity_ref: entity_ref(number),
        })
        .collect()
}

/// Where `layout.py` puts a file: all `head` files of a repository together, others alone.
fn path_of(repos: &Path, entry: &Value) -> PathBuf {
    let text = |field: &str| entry[field].as_str().unwrap();
    let mut group = text("repo").replace('/', "__");
    if text("version") != "head" {
        group = format!("{group}@{}-", &text("commit")[..10]);
    }
    let mut groups = fs::read_dir(repos).unwrap().map(|found| found.unwrap().path());
    let is_it = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let same = if group.ends_with('-') { name.starts_with(&group) } else { name == group };
        same && path.join(text("path")).is_file()
    };
    groups.find(is_it).unwrap_or_else(|| panic!("{group} was not laid out")).join(text("path"))
}

/// Patterns that find all files of the corpus, those in hidden folders too.
fn patterns(repos: &Path) -> [String; 2] {
    let (repos, names) = (repos.display(), "*.{yaml,yml,njk,json,example,tmpl}");
    [format!("{repos}/*/**/{names}"), format!("{repos}/**/.*/**/{names}")]
}

/// Which file each of these entities comes from.
async fn origins(catalog: &Catalog, refs: &BTreeSet<&str>) -> HashMap<String, String> {
    let refs: Vec<&str> = refs.iter().copied().collect();
    let url = format!("{}/api/catalog/entities/by-refs", catalog.url);
    let answer = catalog.client.post(url).json(&json!({"entityRefs": refs})).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let found = refs.iter().zip(answer["items"].as_array().unwrap()).filter(|(_, entity)| entity.is_object());
    let place =
        |entity: &Value| entity["metadata"]["annotations"]["backstage.io/managed-by-location"].clone();
    found
        .map(|(entity_ref, entity)| ((*entity_ref).to_owned(), place(entity).as_str().unwrap().to_owned()))
        .collect()
}

/// Everything that a list of ours has.
async fn all(catalog: &Catalog, list: &str) -> Vec<Value> {
    let answer = catalog.get(&format!("/api/catalog/v1/{list}?limit=100000")).await;
    let items = answer["items"].as_array().unwrap().clone();
    assert_eq!(answer["totalItems"].as_u64(), u64::try_from(items.len()).ok(), "{list} is complete");
    items
}

/// What the catalog says where it does not show a document.
struct Explanations {
    /// Problems by location.
    problems: HashMap<String, Vec<Value>>,
    /// The sources that win against a claim, by ref and listed document.
    conflicts: BTreeMap<(String, String), Value>,
}

impl Explanations {
    async fn of(catalog: &Catalog) -> Self {
        let mut problems: HashMap<String, Vec<Value>> = HashMap::new();
        for problem in all(catalog, "errors").await {
            problems
                .entry(problem["location"].as_str().unwrap_or_default().to_owned())
                .or_default()
                .push(problem);
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let conflicts = all(catalog, "conflicts").await.into_iter();
        let conflicts = conflicts.map(|claim| {
            ((text(&claim["entityRef"]), text(&claim["source"]["document"])), claim["winner"].clone())
        });
        Self { problems, conflicts: conflicts.collect() }
    }

    /// The problems that are said of a document.
    fn about(&self, document: &Document) -> Vec<&Value> {
        let said = self.problems.get(&document.location).into_iter().flatten();
        said.filter(|problem| problem["document"] == document.number).collect()
    }

    /// Whether a document has a problem that says where it stands and what to do.
    fn helps_with(&self, document: &Document) -> bool {
        self.about(document).iter().any(|problem| {
            let says = |field: &str| problem[field].as_str().is_some_and(|text| !text.is_empty());
            says("message") && says("advice") && problem["line"].as_u64().is_some_and(|line| line > 0)
        })
    }

    /// Whether a document fails in what the index did not look at: the content of its placeholders,
    /// which were taken as resolved, and its relations.
    fn helps_with_later_stages(&self, document: &Document) -> bool {
        let stages = ["Placeholder $", "had missing or empty kind"];
        let message = |problem: &Value| problem["message"].as_str().unwrap_or_default().to_owned();
        let later = |problem: &&Value| stages.iter().any(|stage| message(problem).contains(stage));
        self.helps_with(document) && self.about(document).iter().all(later)
    }

    /// Whether a document lost its ref, against another file or another document of its own.
    fn names_winner(&self, document: &Document, origin: &str) -> bool {
        let key = (document.entity_ref.clone().unwrap_or_default(), document.location.clone());
        if let Some(winner) = self.conflicts.get(&key) {
            return winner["document"] == origin && origin != document.location;
        }
        let conflict = |problem: &&Value| problem["name"] == "DuplicateWarning";
        origin == document.location && self.about(document).into_iter().any(|problem| conflict(&problem))
    }
}

#[tokio::test]
async fn every_document_is_in_the_catalog_or_explained() {
    let dir = TempDir::new().unwrap();
    let Some(repos) = laid_out(dir.path()) else { return };
    let mut launch = Launch::up(dir.path());
    for pattern in patterns(&repos) {
        launch = launch.arg(pattern);
    }
    let catalog = launch.start().await;
    let status = catalog.settled().await;

    let documents = documents(&repos);
    let (sound, others): (Vec<_>, Vec<_>) = documents
        .iter()
        .filter(|document| document.is_descriptor())
        .partition(|document| document.is_sound());
    let refs: BTreeSet<&str> = sound.iter().filter_map(|document| document.entity_ref.as_deref()).collect();
    let origins = origins(&catalog, &refs).await;
    let explanations = Explanations::of(&catalog).await;

    let (mut shown, mut lost, mut later, mut wrong) = (0, 0, 0, Vec::new());
    for document in &sound {
        let origin = document.entity_ref.as_ref().and_then(|entity_ref| origins.get(entity_ref));
        match origin {
            Some(origin) if explanations.names_winner(document, origin) => lost += 1,
            Some(origin) if *origin == document.location => shown += 1,
            _ if explanations.helps_with_later_stages(document) => later += 1,
            _ => wrong.push(format!(
                "{}: shown is {origin:?}; {:?}",
                document.name(),
                explanations.about(document)
            )),
        }
    }
    let silent = others.iter().filter(|document| !explanations.helps_with(document));
    wrong.extend(silent.map(|document| format!("{}: {:?}", document.name(), explanations.about(document))));
    println!(
        "{} entities; {} documents sound upstream: {shown} shown, {lost} conflicts, {later} with placeholders or \
         relations that fail; {} others, each with a problem; {} problems in all",
        status["entities"],
        sound.len(),
        others.len(),
        status["problemsTotal"],
    );
    assert!(wrong.is_empty(), "{} documents are not accounted for:\n{}", wrong.len(), wrong.join("\n"));
    let output = catalog.output().await;
    assert!(!output.contains("panicked"), "{output}");
    catalog.stop().await;
}

#[tokio::test]
async fn the_default_rules_say_what_they_refuse() {
    let dir = TempDir::new().unwrap();
    let Some(repos) = laid_out(dir.path()) else { return };
    let config = dir.path().join("app-config.yaml");
    let targets =
        patterns(&repos).map(|target| format!("    - type: file\n      target: '{target}'\n")).concat();
    write(&config, &format!("catalog:\n  locations:\n{targets}"));
    let catalog = Launch::up(dir.path()).arg("--config").arg(config).start().await;
    catalog.settled().await;

    let facets = catalog.get("/api/catalog/entity-facets?facet=kind").await;
    let values =
        facets["facets"]["kind"].as_array().unwrap().iter().map(|facet| facet["value"].as_str().unwrap());
    let kinds: BTreeSet<&str> = values.collect();
    assert_eq!(kinds, BTreeSet::from(["API", "Component", "Location"]), "these three are allowed by default");

    let explanations = Explanations::of(&catalog).await;
    let documents = documents(&repos);
    let refused: Vec<_> =
        documents.iter().filter(|document| document.is_sound() && !is_allowed(document)).collect();
    let silent = refused.iter().filter(|document| !says_the_rule(&explanations, document));
    let silent: Vec<_> =
        silent.map(|document| format!("{}: {:?}", document.name(), explanations.about(document))).collect();
    println!("{} documents are refused by the default rules", refused.len());
    assert!(silent.is_empty(), "{} refusals are not explained:\n{}", silent.len(), silent.join("\n"));
    catalog.stop().await;
}

fn is_allowed(document: &Document) -> bool {
    let kind = document.entity_ref.as_deref().and_then(|entity_ref| entity_ref.split(':').next());
    kind.is_some_and(|kind| ["api", "component", "location"].contains(&kind))
}

/// Whether the problem names the kind that has to be allowed, or that the document does not count.
fn says_the_rule(explanations: &Explanations, document: &Document) -> bool {
    let kind = document.entity_ref.as_deref().and_then(|entity_ref| entity_ref.split(':').next());
    explanations.about(document).iter().any(|problem| {
        let advice = problem["advice"].as_str().unwrap_or_default().to_lowercase();
        let names_rule = advice.contains("catalog.rules") && kind.is_some_and(|kind| advice.contains(kind));
        problem["name"] == "NotAllowedError" && names_rule || problem["name"] == "DuplicateWarning"
    })
}
