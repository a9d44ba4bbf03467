//! From a file to what is wrong with it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use backstitch_schemas::model::{self, Model};
use backstitch_schemas::yaml::{self, Document};
use backstitch_schemas::{EntityRef, Problem, placeholder};
use serde_json::Value;

use super::{Finding, Report};

/// Stands for content that is elsewhere and that we do not fetch: a text, and good JSON and YAML.
const ELSEWHERE: &str = "\"content of another host\"";

/// Checks one file, relative to `cwd`, and adds what is found to `report`.
pub(super) fn file(model: &Model, cwd: &Path, file: &Path, report: &mut Report) {
    let (path, name) = (cwd.join(file), file.display().to_string());
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => {
            report.unreadable.push((name, error.to_string()));
            return;
        }
    };
    report.files += 1;
    let folder = path.parent().unwrap_or(cwd);
    let mut seen: HashMap<EntityRef, i32> = HashMap::new();
    for document in yaml::parse(&format!("file:{name}"), &bytes) {
        report.entities += usize::from(document.outcome.is_ok());
        let (entity_ref, mut problems) = check_document(model, &document, folder);
        if let Some(entity_ref) = &entity_ref
            && let Some(line) = seen.insert(entity_ref.clone(), document.line)
        {
            problems.push(document.place(twice(entity_ref, line)));
        }
        let entity_ref = entity_ref.map(|entity_ref| entity_ref.to_string());
        report.findings.extend(problems.into_iter().map(|problem| Finding {
            file: name.clone(),
            entity_ref: entity_ref.clone(),
            problem,
        }));
    }
}

fn check_document(model: &Model, document: &Document, folder: &Path) -> (Option<EntityRef>, Vec<Problem>) {
    let entity = match &document.outcome {
        Ok(entity) => entity,
        Err(problem) => return (None, vec![problem.clone()]),
    };
    let (substituted, mut problems) = match substitute(entity.clone(), folder) {
        Ok(substituted) => (substituted, Vec::new()),
        Err(problems) => (entity.clone(), problems),
    };
    // A placeholder that could not be filled in would only be reported a second time.
    if problems.is_empty() {
        let checked = model::check(model, &substituted);
        problems = checked.into_problems();
    }
    problems.extend(missing_targets(entity, folder));
    let problems = problems.into_iter().map(|problem| document.place(problem)).collect();
    (EntityRef::of_entity(entity), problems)
}

fn twice(entity_ref: &EntityRef, line: i32) -> Problem {
    Problem::new("ConflictError", format!("{entity_ref} is defined twice in this file"))
        .with_advice(format!(
            "{entity_ref} is defined on line {line} already; the last one counts, so remove or rename one"
        ))
        .at_path("/metadata/name")
}

/// Fills in `$text` and its siblings from files; what other hosts hold is taken as it is.
fn substitute(entity: Value, folder: &Path) -> Result<Value, Vec<Problem>> {
    let values: Vec<String> =
        placeholder::placeholders(&entity).into_iter().filter_map(|placeholder| placeholder.value).collect();
    let contents: Vec<Result<String, String>> = values.iter().map(|value| content(value, folder)).collect();
    let contents = values
        .iter()
        .zip(&contents)
        .map(|(value, content)| (value.as_str(), content.as_deref().map_err(String::as_str)))
        .collect();
    placeholder::substitute(entity, &contents)
}

fn content(value: &str, folder: &Path) -> Result<String, String> {
    if value.contains("://") {
        return Ok(ELSEWHERE.to_owned());
    }
    fs::read_to_string(folder.join(value)).map_err(|error| error.to_string())
}

/// Targets of a Location that name a file which is not there.
fn missing_targets(entity: &Value, folder: &Path) -> Vec<Problem> {
    let spec = &entity["spec"];
    let of_files = spec["type"].as_str().is_none_or(|kind| kind == "file");
    if entity["kind"] != "Location" || !of_files || spec["presence"] == "optional" {
        return Vec::new();
    }
    let single = spec["target"].as_str().map(|target| ("/spec/target".to_owned(), target));
    let listed = spec["targets"].as_array().into_iter().flatten().enumerate();
    let listed =
        listed.filter_map(|(index, target)| Some((format!("/spec/targets/{index}"), target.as_str()?)));
    let is_missing = |target: &str| {
        target.starts_with('.') && !target.contains(['*', '?', '[', '{']) && !folder.join(target).exists()
    };
    single
        .into_iter()
        .chain(listed)
        .filter(|(_, target)| is_missing(target))
        .map(|(pointer, target)| {
            Problem::new("NotFoundError", format!("file {target} does not exist"))
                .with_advice(format!("{target} does not exist; correct the target, or remove it"))
                .at_path(pointer)
        })
        .collect()
}
