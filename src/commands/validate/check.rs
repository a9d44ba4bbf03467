//! From a file to what is wrong with it.
//!
//! The pipeline's own checks, and what only reading would find: files that are named and not there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use backstitch_ingest::locations::local_content;
use backstitch_processors::{Pipeline, validate_file};
use backstitch_schemas::model;
use backstitch_schemas::scm::Hosts;
use backstitch_schemas::yaml::{self, Document};
use backstitch_schemas::{EntityRef, Level, LocationRef, Problem};

use super::{Finding, Report};
use crate::config::absolute;

/// What files are held against.
pub(super) struct Checks<'a> {
    /// The processing that they would go through.
    pub(super) pipeline: Pipeline,
    /// The git hosts whose URLs are understood.
    pub(super) hosts: Hosts,
    /// The folder that paths are relative to, absolute.
    pub(super) cwd: &'a Path,
}

/// Checks one file and adds what is found to `report`.
pub(super) fn file(checks: &Checks<'_>, file: &Path, report: &mut Report) {
    let name = file.display().to_string();
    let path = PathBuf::from(absolute(checks.cwd, &name));
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => return report.not_checked(name, unreadable(&error)),
    };
    let location = LocationRef::new("file", name.as_str());
    let documents = yaml::parse(&location.to_string(), &bytes);
    if documents.is_empty() {
        let reason = "it holds no document; write an entity, or leave the file out";
        return report.not_checked(name, reason.to_owned());
    }
    let read = |value: &str| local_content(&path, checks.cwd, &checks.hosts, value);
    let found = validate_file(&checks.pipeline, &location, &bytes, &read).into_iter();
    let mut problems: Vec<Problem> = found.map(|found| found.problem).collect();
    let folder = path.parent().unwrap_or(checks.cwd);
    problems.extend(documents.iter().flat_map(|document| absent_targets(document, folder)));
    for skeleton in documents.iter().filter_map(skeleton) {
        problems.retain(|problem| problem.document != skeleton.document);
        problems.push(skeleton);
    }
    // What is wrong is not shown at all, so it takes no other entity's place.
    let wrong = problems.iter().filter(|problem| problem.level() == Level::Error);
    let wrong: BTreeSet<i32> = wrong.filter_map(|problem| problem.document).collect();
    let sound = documents.iter().filter(|document| !wrong.contains(&document.index));
    problems.extend(sound.filter_map(|document| elsewhere(document, &name, report)));
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
    let entities =
        documents.iter().filter(|document| document.outcome.as_ref().is_ok_and(model::is_descriptor));
    report.entities += entities.count();
    report.findings.extend(findings);
}

/// What is said of a document whose ref is still to be filled in: to mend what else is wrong with it is no use.
fn skeleton(document: &Document) -> Option<Problem> {
    let entity_ref = EntityRef::of_entity(document.outcome.as_ref().ok()?)?;
    let is_marked = ["{{", "{%"].iter().any(|mark| entity_ref.as_str().contains(mark));
    let advice = "this is a part of a template, and its name is still to be filled in; leave template skeletons out of \
                  the catalog";
    let problem = Problem::input(format!("{entity_ref} is no entity ref but a template of one"));
    is_marked.then(|| document.place(problem.with_advice(advice).at_path("/metadata/name")))
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

/// Files that a Location names and that are not there.
fn absent_targets(document: &Document, folder: &Path) -> Vec<Problem> {
    let Ok(entity) = &document.outcome else { return Vec::new() };
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
        .map(|(pointer, target)| document.place(absent(target, pointer)))
        .collect()
}

fn absent(target: &str, pointer: String) -> Problem {
    Problem::new("NotFoundError", format!("file {target} does not exist"))
        .with_advice(format!("{target} does not exist; correct the path, or remove it"))
        .at_path(pointer)
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "it may not be read (permission denied)".to_owned(),
        _ => format!("it cannot be read: {error}"),
    }
}
