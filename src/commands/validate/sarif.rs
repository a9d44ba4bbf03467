//! The report as SARIF 2.1.0, which code scanning tools read.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Finding, Report, Unchecked};

/// One run of the tool, with a rule for each sort of problem.
pub(super) fn sarif(report: &Report) -> String {
    let rules: BTreeSet<&str> = report.findings.iter().map(|finding| finding.problem.name.as_str()).collect();
    let rules: Vec<Value> = rules.iter().map(|name| json!({"id": name, "name": name})).collect();
    let notifications: Vec<Value> = report.unchecked.iter().map(unchecked).collect();
    let sarif = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "backstitch validate",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "results": report.findings.iter().map(result).collect::<Vec<_>>(),
            "invocations": [{
                "executionSuccessful": report.unchecked.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
        }],
    });
    format!("{sarif:#}\n")
}

fn result(finding: &Finding) -> Value {
    let mut location = json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(&finding.file)},
        "region": {"startLine": finding.line().max(1)},
    }});
    if let Some(entity_ref) = &finding.entity_ref {
        location["logicalLocations"] = json!([{"fullyQualifiedName": entity_ref}]);
    }
    json!({
        "ruleId": finding.problem.name,
        "level": finding.problem.level(),
        "message": {"text": finding.text()},
        "locations": [location],
    })
}

fn unchecked(Unchecked { file, reason }: &Unchecked) -> Value {
    json!({
        "level": "error",
        "message": {"text": format!("{file} was not checked: {reason}")},
    })
}

/// A path as a relative or absolute URI reference.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' | b'@' | b'+' => {
                uri.push(char::from(byte));
            }
            b'\\' => uri.push('/'),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}
