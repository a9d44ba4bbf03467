//! `backstitch explain`

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use crate::cli::ExplainArgs;
use crate::client::Question;
use crate::config::absolute;

/// What the server answers, as far as it is shown.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    summary: String,
    advice: String,
    #[serde(default)]
    claims: Vec<Claim>,
    #[serde(default)]
    reading: Vec<Reading>,
    #[serde(default)]
    listed: Vec<Way>,
    last_change: Option<Change>,
    #[serde(default)]
    mentioned_by: Vec<Mention>,
    #[serde(default)]
    nearest: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Claim {
    #[serde(rename = "entityRef")]
    entity_ref: String,
    verdict: String,
    chain: Vec<Link>,
    #[serde(default)]
    unread: Vec<Place>,
}

#[derive(Debug, Deserialize)]
struct Way {
    provider: String,
    chain: Vec<Link>,
}

#[derive(Debug, Deserialize)]
struct Place {
    document: String,
    reading: Reading,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    document: String,
    listed_by: String,
    location_wins: bool,
    reading: Option<Reading>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reading {
    outcome: String,
    since: Option<String>,
    http_status: Option<i32>,
    last_read: Option<String>,
    last_success: Option<String>,
    next_read: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Change {
    revision: i64,
    at: String,
    operation: String,
    cause: Cause,
}

#[derive(Debug, Deserialize)]
struct Cause {
    kind: String,
    detail: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mention {
    entity_ref: String,
    relation: String,
}

/// Asks the server why an entity or a document is as it is, and prints the answer.
///
/// # Errors
/// If the server does not answer, or does not understand what is asked.
pub async fn explain(args: &ExplainArgs, cwd: &Path, out: &mut impl Write) -> Result<()> {
    let answer = args.client.connect()?.explain(&question(&args.subject, cwd)).await?;
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&answer)?)?;
        return Ok(());
    }
    for line in lines(&serde_json::from_value(answer)?) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// A URL, a location ref, or what looks like a file, be it there or not, is a document; anything else is an
/// entity ref.
fn question(subject: &str, cwd: &Path) -> Question {
    let is_location = ["url:", "file:", "http://", "https://"].iter().any(|start| subject.starts_with(start));
    if is_location {
        Question::Document(subject.to_owned())
    } else if looks_like_a_file(subject) || cwd.join(subject).is_file() {
        Question::Document(format!("file:{}", absolute(cwd, subject)))
    } else {
        Question::Entity(subject.to_owned())
    }
}

fn looks_like_a_file(subject: &str) -> bool {
    let ends = [".yaml", ".yml", ".json"].iter().any(|end| subject.ends_with(end));
    !subject.contains(':') && (ends || subject.starts_with(['.', '/']))
}

fn lines(explanation: &Explanation) -> Vec<String> {
    let mut lines = vec![explanation.summary.clone()];
    lines.extend(explanation.reading.iter().map(|reading| format!("  {}", reading_text(reading))));
    for claim in &explanation.claims {
        lines.push(format!("  {}: {}", claim.entity_ref, claim.verdict));
        lines.extend(claim.chain.iter().map(|link| format!("    {}", link_line(link))));
        lines.extend(
            claim
                .unread
                .iter()
                .map(|place| format!("    lists {}; {}", place.document, reading_text(&place.reading))),
        );
    }
    // Where there are claims, their chains say it.
    for way in explanation.listed.iter().filter(|_| explanation.claims.is_empty()) {
        lines.push(format!("  read by provider {}", way.provider));
        lines.extend(way.chain.iter().map(|link| format!("    {}", link_line(link))));
    }
    if let Some(change) = &explanation.last_change {
        let cause = change.cause.detail.as_deref().unwrap_or(&change.cause.kind);
        lines.push(format!(
            "last {} in revision {} at {}, by {cause}",
            change.operation, change.revision, change.at
        ));
    }
    let named: Vec<_> = explanation
        .mentioned_by
        .iter()
        .map(|mention| format!("{} ({})", mention.entity_ref, mention.relation))
        .collect();
    if !named.is_empty() {
        lines.push(format!("named by {}", named.join(", ")));
    }
    if !explanation.nearest.is_empty() {
        lines.push(format!("nearest: {}", explanation.nearest.join(", ")));
    }
    lines.push(format!("→ {}", explanation.advice));
    lines
}

fn link_line(link: &Link) -> String {
    let stands = if link.location_wins { "" } else { ", which is not in the catalog as it stands there" };
    let reading = match &link.reading {
        Some(reading) => reading_text(reading),
        None => "nothing is noted of reading it".to_owned(),
    };
    format!("{} listed by {}{stands}; {reading}", link.document, link.listed_by)
}

/// How reading goes. Times that nobody knows are left out.
fn reading_text(reading: &Reading) -> String {
    let mut text = format!("reading: {}", reading.outcome);
    if let Some(status) = reading.http_status {
        text += &format!(" (HTTP {status})");
    }
    let times = [
        ("since", &reading.since),
        ("last read", &reading.last_read),
        ("last success", &reading.last_success),
        ("next", &reading.next_read),
    ];
    for (what, at) in times {
        if let Some(at) = at {
            text += &format!(", {what} {at}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn urls_and_existing_files_are_documents_and_all_else_is_an_entity() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("catalog-info.yaml"), "").unwrap();
        let here = dir.path().display();
        for (subject, expected) in [
            ("https://h/a.yaml", Question::Document("https://h/a.yaml".to_owned())),
            ("url:https://h/a.yaml", Question::Document("url:https://h/a.yaml".to_owned())),
            ("catalog-info.yaml", Question::Document(format!("file:{here}/catalog-info.yaml"))),
            ("gone/catalog-info.yaml", Question::Document(format!("file:{here}/gone/catalog-info.yaml"))),
            ("component:default/a", Question::Entity("component:default/a".to_owned())),
            ("a", Question::Entity("a".to_owned())),
        ] {
            assert_eq!(question(subject, dir.path()), expected);
        }
    }

    #[test]
    fn the_answer_ends_with_what_to_do() {
        let answer: Value = json!({
            "summary": "component:default/a is not in the catalog.",
            "advice": "write `owner`",
            "claims": [{
                "entityRef": "component:default/a",
                "verdict": "file:/a.yaml never passed",
                "chain": [{
                    "document": "file:/a.yaml", "listedBy": "location:default/root", "locationWins": true,
                    "reading": {"outcome": "ok", "lastSuccess": "2026-01-01T00:00:00Z"},
                }],
            }],
            "lastChange": {"revision": 7, "at": "2026-01-01T00:00:00Z", "operation": "deleted", "cause": {"kind": "read"}},
            "mentionedBy": [{"entityRef": "system:default/s", "relation": "hasPart"}],
            "nearest": ["component:default/b"],
        });
        assert_eq!(
            lines(&serde_json::from_value(answer).unwrap()),
            [
                "component:default/a is not in the catalog.",
                "  component:default/a: file:/a.yaml never passed",
                "    file:/a.yaml listed by location:default/root; reading: ok, last success 2026-01-01T00:00:00Z",
                "last deleted in revision 7 at 2026-01-01T00:00:00Z, by read",
                "named by system:default/s (hasPart)",
                "nearest: component:default/b",
                "→ write `owner`",
            ]
        );
    }
}
