//! Real descriptor files: what we make of each document is what the reference made of it.

use std::{collections::BTreeMap, fs, path::Path};

use backstitch_schemas::{
    model::{self, Model, Stage},
    placeholder, yaml,
};
use serde_json::Value;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus");

/// Documents that the index judges otherwise than the real catalog backend, which agrees with us:
/// this one's `apiVersion` is none of the known ones, so no kind's schema applies to it.
const EXCEPTIONS: [&str; 1] =
    ["files/iAmritMalviya__api-catalog__plugins__software-catalog__catalog-info@3f5e997b22.yaml"];

/// The reference's word for each document, in the order of the file; empty ones are not looked at.
fn verdicts(bytes: &[u8]) -> BTreeMap<usize, String> {
    let documents = yaml::parse("file:/x", bytes);
    let verdict = |document: &yaml::Document| match &document.outcome {
        Err(problem) if problem.message.starts_with("Expected object") => "not-object",
        Err(_) => "yaml-error",
        Ok(entity) => verdict_of(entity),
    };
    documents.iter().map(|document| (document.index as usize - 1, verdict(document).to_owned())).collect()
}

fn verdict_of(entity: &Value) -> &'static str {
    let found = placeholder::placeholders(entity);
    let contents = found.iter().filter_map(|p| Some((p.value.as_deref()?, Ok("{}")))).collect();
    let entity = placeholder::substitute(entity.clone(), &contents).expect("every content is there");
    let checked = model::check(&Model::builtin(), &entity);
    // The reference of the index knows no Template and emits no relations.
    let template = entity["kind"] == "Template";
    let first = checked.violations.iter().find(|violation| violation.stage != Stage::Relations);
    match first.map(|violation| (violation.stage, &violation.problem.message)) {
        None if template => "ok-envelope-only",
        None => "ok",
        Some((Stage::Kind | Stage::UnknownKind, _)) if template => "ok-envelope-only",
        Some((Stage::Envelope, _)) => "envelope",
        Some((Stage::Policy, message)) if message.contains("Malformed envelope") => "envelope",
        Some((Stage::Policy, message)) if message.contains("Unknown field") => "root-field",
        Some((Stage::Policy, _)) => "field-format",
        Some((Stage::Kind, message)) if message.contains("No processor recognized") => "unknown-kind",
        Some((Stage::Kind, _)) => "kind-schema",
        Some((Stage::UnknownKind, _)) => "unknown-kind",
        Some((Stage::Relations, _)) => "relations",
    }
}

#[test]
fn every_document_has_the_verdict_of_the_reference() {
    let Ok(index) = fs::read_to_string(Path::new(CORPUS).join("index.jsonl")) else {
        println!("skipped: there is no corpus beside this repository");
        return;
    };
    let mut differences = Vec::new();
    let mut agreed = 0;
    for line in index.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let file = entry["file"].as_str().unwrap();
        let bytes = fs::read(Path::new(CORPUS).join(file)).unwrap();
        let mut ours = verdicts(&bytes);
        for (index, expected) in entry["upstream"].as_array().unwrap().iter().enumerate() {
            let expected = expected.as_str().unwrap();
            if matches!(expected, "mkdocs" | "definition") {
                continue;
            }
            let found = ours.remove(&index).unwrap_or_else(|| "null".to_owned());
            if found == expected || EXCEPTIONS.contains(&file) {
                agreed += 1;
            } else {
                differences.push(format!("{file} document {}: {expected}, but we say {found}", index + 1));
            }
        }
        if !matches!(entry["upstream"][0].as_str(), Some("mkdocs" | "definition")) {
            differences.extend(ours.iter().map(|extra| format!("{file}: {extra:?} is no document there")));
        }
    }
    println!("{agreed} documents agree");
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

/// What an editor could know to be wrong. Refs are texts to it, what a placeholder stands for is known
/// after reading, and whether a URL can be parsed is beyond a pattern.
fn visible_to_an_editor(entity: &Value) -> Vec<String> {
    let found = placeholder::placeholders(entity);
    let contents = found.iter().filter_map(|p| Some((p.value.as_deref()?, Ok("{}")))).collect();
    let substituted = placeholder::substitute(entity.clone(), &contents).expect("every content is there");
    let violations = model::check(&Model::builtin(), &substituted).violations.into_iter();
    let violations = violations.filter(|violation| violation.stage != Stage::Relations);
    let paths = violations.filter_map(|violation| violation.problem.path);
    paths.filter(|path| !is_url(path) && !found.iter().any(|p| path.starts_with(&p.pointer))).collect()
}

fn is_url(path: &str) -> bool {
    path.starts_with("/metadata/links/") && path.ends_with("/url")
}

#[test]
fn the_schema_for_editors_agrees_with_our_checks_on_every_document() {
    let Ok(files) = fs::read_dir(Path::new(CORPUS).join("files")) else {
        println!("skipped: there is no corpus beside this repository");
        return;
    };
    let schema = model::Schema::of_json(Model::builtin().json_schema()).unwrap();
    let (mut valid, mut invalid, mut differences) = (0, 0, Vec::new());
    for file in files.map(|file| file.unwrap().path()) {
        for document in yaml::parse("file:/x", &fs::read(&file).unwrap()) {
            let Ok(entity) = document.outcome else { continue };
            let wrong = visible_to_an_editor(&entity);
            let marked = schema.violations(&entity).into_iter().map(|violation| violation.path);
            let marked: Vec<_> = marked.filter(|path| !is_url(path)).collect();
            match (wrong.is_empty(), marked.is_empty()) {
                (true, true) => valid += 1,
                (false, false) => invalid += 1,
                _ => differences.push(format!("{}: wrong {wrong:?}, marked {marked:?}", file.display())),
            }
        }
    }
    println!("{valid} valid and {invalid} invalid documents");
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
    assert!(valid > 300 && invalid > 50, "the corpus has shrunk");
}
