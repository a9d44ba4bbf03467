//! The report for people, for programs, and for GitHub's checks.

use backstitch_processors::Severity;
use serde_json::json;

use super::{Finding, Report};
use crate::status::count;

/// One line a problem, then a summary.
pub(super) fn text(report: &Report) -> String {
    let mut text = String::new();
    for (file, reason) in &report.unreadable {
        text.push_str(&format!("{file}: cannot be read: {reason}\n"));
    }
    for finding in &report.findings {
        let about =
            finding.entity_ref.as_ref().map(|entity_ref| format!(" ({entity_ref})")).unwrap_or_default();
        let warning = if finding.severity == Severity::Warning { "warning: " } else { "" };
        text.push_str(&format!("{}:{}: {warning}{}{about}\n", finding.file, finding.line(), finding.text()));
    }
    let number = |number: usize, one, many| count(number as u64, one, many);
    let mut summary = vec![
        number(report.files, "file", "files"),
        number(report.entities, "entity", "entities"),
        number(report.findings.len(), "problem", "problems"),
    ];
    if !report.unreadable.is_empty() {
        summary.push(format!("{} unreadable", report.unreadable.len()));
    }
    text.push_str(&summary.join(", "));
    text.push('\n');
    text
}

/// Everything that is known, as one JSON object.
pub(super) fn json(report: &Report) -> String {
    let finding = |finding: &Finding| {
        let Finding { file, entity_ref, problem, .. } = finding;
        json!({
            "file": file, "line": problem.line, "document": problem.document, "path": problem.path,
            "entityRef": entity_ref, "severity": severity_word(finding.severity), "name": problem.name, "message": problem.message, "advice": problem.advice,
        })
    };
    let unreadable = |(file, reason): &(String, String)| json!({"file": file, "reason": reason});
    let value = json!({
        "files": report.files,
        "entities": report.entities,
        "problems": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "unreadable": report.unreadable.iter().map(unreadable).collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

/// Workflow commands that annotate the lines of a pull request.
pub(super) fn github(report: &Report) -> String {
    let mut text = String::new();
    for (file, reason) in &report.unreadable {
        text.push_str(&format!("::error file={}::cannot be read: {}\n", property(file), data(reason)));
    }
    for finding in &report.findings {
        let title = finding.entity_ref.as_deref().unwrap_or(&finding.problem.name);
        text.push_str(&format!(
            "::{} file={},line={},title={}::{}\n",
            severity_word(finding.severity),
            property(&finding.file),
            finding.line(),
            property(title),
            data(finding.text())
        ));
    }
    text
}

/// The word that GitHub and SARIF share.
pub(super) fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
