//! The report for people, for programs, and for GitHub's checks.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Finding, Report, Unchecked};
use crate::status::count;

/// One line a problem, then a summary.
pub(super) fn text(report: &Report) -> String {
    let mut text = String::new();
    for Unchecked { file, reason } in &report.unchecked {
        text.push_str(&format!("{file}: not checked: {reason}\n"));
    }
    for finding in &report.findings {
        let unnamed =
            finding.entity_ref.as_ref().filter(|entity_ref| !finding.text().starts_with(*entity_ref));
        let about = unnamed.map(|entity_ref| format!(" ({entity_ref})")).unwrap_or_default();
        let warning = if finding.is_error() { "" } else { "warning: " };
        text.push_str(&format!("{}:{}: {warning}{}{about}\n", finding.file, finding.line(), finding.text()));
    }
    text.push_str(&summary(report));
    text.push('\n');
    text
}

/// `3 files, 7 entities, 2 errors and 1 warning in 1 file`
fn summary(report: &Report) -> String {
    let number = |number: usize, one, many| count(number as u64, one, many);
    let errors = report.findings.iter().filter(|finding| finding.is_error()).count();
    let warnings = report.findings.len() - errors;
    let wrong: BTreeSet<&str> = report.findings.iter().map(|finding| finding.file.as_str()).collect();
    let wrong = number(wrong.len(), "file", "files");
    let (errors_in_words, warnings_in_words) =
        (number(errors, "error", "errors"), number(warnings, "warning", "warnings"));
    let mut parts =
        vec![number(report.files, "file", "files"), number(report.entities, "entity", "entities")];
    parts.push(match (errors, warnings) {
        (0, 0) if report.files == 0 => "nothing was checked".to_owned(),
        (0, 0) => "nothing wrong".to_owned(),
        (_, 0) => format!("{errors_in_words} in {wrong}"),
        (0, _) => format!("{warnings_in_words} in {wrong}"),
        _ => format!("{errors_in_words} and {warnings_in_words} in {wrong}"),
    });
    if report.files > 0 && !report.unchecked.is_empty() {
        parts.push(format!("{} not checked", report.unchecked.len()));
    }
    parts.join(", ")
}

/// Everything that is known, as one JSON object.
pub(super) fn json(report: &Report) -> String {
    let finding = |finding: &Finding| {
        let Finding { file, entity_ref, problem, .. } = finding;
        json!({
            "file": file, "line": problem.line, "document": problem.document, "path": problem.path,
            "entityRef": entity_ref, "level": problem.level(), "name": problem.name, "message": problem.message,
            "advice": problem.advice,
        })
    };
    let unchecked = |Unchecked { file, reason }: &Unchecked| json!({"file": file, "reason": reason});
    let value = json!({
        "files": report.files,
        "entities": report.entities,
        "problems": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "unchecked": report.unchecked.iter().map(unchecked).collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

/// Workflow commands that annotate the lines of a pull request.
pub(super) fn github(report: &Report) -> String {
    let mut text = String::new();
    for Unchecked { file, reason } in &report.unchecked {
        text.push_str(&format!("::error file={}::not checked: {}\n", property(file), data(reason)));
    }
    for finding in &report.findings {
        let title = finding.entity_ref.as_deref().unwrap_or(&finding.problem.name);
        text.push_str(&format!(
            "::{} file={},line={},title={}::{}\n",
            finding.problem.level().as_str(),
            property(&finding.file),
            finding.line(),
            property(title),
            data(finding.text())
        ));
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
