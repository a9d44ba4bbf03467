//! From a file to what is wrong with it.
//!
//! The pipeline's own checks, and what only reading would find: files that are named and not there.

use std::fs;
use std::path::Path;

use backstitch_processors::{Pipeline, validate_file};
use backstitch_schemas::yaml::{self, Document};
use backstitch_schemas::{EntityRef, LocationRef, Problem, placeholder};
use serde_json::Value;

use super::{Finding, Report};

/// Checks one file, relative to `cwd`, and adds what is found to `report`.
pub(super) fn file(pipeline: &Pipeline, cwd: &Path, file: &Path, report: &mut Report) {
    let (path, name) = (cwd.join(file), file.display().to_string());
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => {
            report.unreadable.push((name, error.to_string()));
            return;
        }
    };
    let location = LocationRef::new("file", name.as_str());
    let documents = yaml::parse(&location.to_string(), &bytes);
    let folder = path.parent().unwrap_or(cwd);
    let read = |value: &str| fs::read_to_string(folder.join(value)).ok();
    let mut problems: Vec<Problem> =
        validate_file(pipeline, &location, &bytes, &read).into_iter().map(|found| found.problem).collect();
    problems.extend(documents.iter().flat_map(|document| absent_files(document, folder)));
    problems.extend(documents.iter().filter_map(|document| elsewhere(document, &name, report)));
    let ref_of = |index: i32| {
        let document = documents.iter().find(|document| document.index == index)?;
        EntityRef::of_entity(document.outcome.as_ref().ok()?).map(|entity_ref| entity_ref.to_string())
    };
    let mut findings: Vec<Finding> = problems
        .into_iter()
        .map(|problem| Finding { file: name.clone(), entity_ref: problem.document.and_then(ref_of), problem })
        .collect();
    findings.sort_by_key(Finding::line);
    report.files += 1;
    report.entities += documents.iter().filter(|document| document.outcome.is_ok()).count();
    report.findings.extend(findings);
}

/// Whether the ref of a document was found in an earlier file: only one of the two would be shown.
fn elsewhere(document: &Document, file: &str, report: &mut Report) -> Option<Problem> {
    let entity_ref = EntityRef::of_entity(document.outcome.as_ref().ok()?)?;
    let line = document.line_of("/metadata/name");
    let (other, at) = report.refs.entry(entity_ref.clone()).or_insert_with(|| (file.to_owned(), line));
    if other == file {
        return None;
    }
    let message = format!("{entity_ref} is defined in {other} and in {file}");
    let advice =
        format!("{entity_ref} stands in {other}:{at} as well, and only one of the two is shown; rename one");
    let problem = Problem::new("ConflictWarning", message).with_advice(advice).at_path("/metadata/name");
    Some(document.place(problem))
}

/// Files that placeholders and Locations name and that are not there.
fn absent_files(document: &Document, folder: &Path) -> Vec<Problem> {
    let Ok(entity) = &document.outcome else { return Vec::new() };
    let mut problems: Vec<Problem> = placeholder::placeholders(entity)
        .into_iter()
        .filter_map(|placeholder| Some((placeholder.pointer, placeholder.value?)))
        .filter(|(_, value)| !value.contains("://") && !folder.join(value).is_file())
        .map(|(pointer, value)| absent(&value, pointer))
        .collect();
    problems.extend(absent_targets(entity, folder));
    problems.into_iter().map(|problem| document.place(problem)).collect()
}

fn absent_targets(entity: &Value, folder: &Path) -> Vec<Problem> {
    let spec = &entity["spec"];
    let of_files = spec["type"].as_str().is_none_or(|kind| kind == "file");
    if entity["kind"] != "Location" || !of_files || spec["presence"] == "optional" {
        return Vec::new();
    }
    let single = spec["target"].as_str().map(|target| ("/spec/target".to_owned(), target));
    let listed = spec["targets"].as_array().into_iter().flatten().enumerate();
    let listed =
        listed.filter_map(|(index, target)| Some((format!("/spec/targets/{index}"), target.as_str()?)));
    let is_absent = |target: &str| {
        target.starts_with('.') && !target.contains(['*', '?', '[', '{']) && !folder.join(target).exists()
    };
    single
        .into_iter()
        .chain(listed)
        .filter(|(_, target)| is_absent(target))
        .map(|(pointer, target)| absent(target, pointer))
        .collect()
}

fn absent(name: &str, pointer: String) -> Problem {
    Problem::new("NotFoundError", format!("file {name} does not exist"))
        .with_advice(format!("{name} does not exist; correct the path, or remove it"))
        .at_path(pointer)
}
