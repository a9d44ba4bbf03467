//! `backstitch explain`

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use crate::cli::ExplainArgs;
use crate::client::Question;
use crate::config::absolute;
use crate::status::to_the_second;

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
    for line in lines(&serde_json::from_value(answer)?, cwd) {
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

/// What is known, and at the end what to do. Files below `cwd` are told from there.
fn lines(explanation: &Explanation, cwd: &Path) -> Vec<String> {
    let mut lines = vec![explanation.summary.clone()];
    let groups = groups(&explanation.claims);
    let is_told = |group: &Group<'_>| groups.len() == 1 && explanation.summary.contains(group.verdict);
    let mut ways = Vec::new();
    for group in &groups {
        if !is_told(group) {
            lines.push(format!("  {}: {}", group.refs.join(", "), group.verdict));
        }
        add_way(&mut lines, &mut ways, group.chain);
        lines.extend(
            group
                .unread
                .iter()
                .map(|place| format!("    lists {}: {}", place.document, reading_text(Some(&place.reading)))),
        );
    }
    for way in &explanation.listed {
        add_way(&mut lines, &mut ways, &way.chain);
    }
    if ways.is_empty() {
        lines
            .extend(explanation.reading.iter().map(|reading| format!("    {}", reading_text(Some(reading)))));
    }
    if let Some(change) = &explanation.last_change {
        let cause = change.cause.detail.as_deref().unwrap_or(&change.cause.kind);
        let at = to_the_second(&change.at);
        lines.push(format!("last {} in revision {} at {at}, by {cause}", change.operation, change.revision));
    }
    let named = explanation.mentioned_by.iter();
    let named: Vec<_> =
        named.map(|mention| format!("{} ({})", mention.entity_ref, mention.relation)).collect();
    if !named.is_empty() {
        lines.push(format!("named by {}", named.join(", ")));
    }
    if !explanation.nearest.is_empty() {
        lines.push(format!("nearest: {}", explanation.nearest.join(", ")));
    }
    lines.push(format!("→ {}", explanation.advice));
    if cwd == Path::new("/") {
        return lines;
    }
    let (place, path) = (format!("file:{}/", cwd.display()), format!("{}/", cwd.display()));
    lines.into_iter().map(|line| line.replace(&place, "").replace(&path, "")).collect()
}

/// Claims of which the same is said, and which came the same way.
struct Group<'e> {
    refs: Vec<&'e str>,
    verdict: &'e str,
    chain: &'e [Link],
    unread: Vec<&'e Place>,
}

fn groups(claims: &[Claim]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for claim in claims {
        let same =
            |group: &&mut Group<'_>| group.verdict == claim.verdict && same_way(group.chain, &claim.chain);
        match groups.iter_mut().find(same) {
            Some(group) => {
                group.refs.push(&claim.entity_ref);
                group.unread.extend(&claim.unread);
            }
            None => groups.push(Group {
                refs: vec![&claim.entity_ref],
                verdict: &claim.verdict,
                chain: &claim.chain,
                unread: claim.unread.iter().collect(),
            }),
        }
    }
    groups
}

fn same_way(one: &[Link], other: &[Link]) -> bool {
    let ends = |link: &Link| (link.document.clone(), link.listed_by.clone());
    one.iter().map(ends).eq(other.iter().map(ends))
}

/// Adds a way, unless it was told before.
fn add_way<'e>(lines: &mut Vec<String>, told: &mut Vec<&'e [Link]>, way: &'e [Link]) {
    if way.is_empty() || told.iter().any(|known| same_way(known, way)) {
        return;
    }
    told.push(way);
    for link in way {
        let stands = if link.location_wins { "" } else { ", which is not in the catalog as it stands there" };
        let reading = reading_text(link.reading.as_ref());
        lines.push(format!("    {}, listed by {}{stands}: {reading}", link.document, link.listed_by));
    }
}

/// How reading goes. Times that nobody knows are left out.
fn reading_text(reading: Option<&Reading>) -> String {
    let Some(reading) = reading else { return "nothing is noted of reading it".to_owned() };
    let is_read = matches!(reading.outcome.as_str(), "ok" | "unchanged");
    let mut text = if is_read { "read".to_owned() } else { reading.outcome.clone() };
    if let Some(status) = reading.http_status.filter(|_| !is_read) {
        text += &format!(" (HTTP {status})");
    }
    let times = [
        (if is_read { ", unchanged since" } else { " since" }, &reading.since),
        (", last read", &reading.last_read),
        (", last found", if is_read { &None } else { &reading.last_success }),
        (", next", &reading.next_read),
    ];
    for (what, at) in times {
        if let Some(at) = at {
            text += &format!("{what} {}", to_the_second(at));
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
        let claim = |name: &str, file: &str, reading: &Value| {
            json!({
                "entityRef": format!("component:default/{name}"),
                "verdict": format!("file:/srv/{file} never passed"),
                "chain": [{
                    "document": format!("file:/srv/{file}"), "listedBy": "location:default/root", "locationWins": true,
                    "reading": reading,
                }],
            })
        };
        let read = json!({"outcome": "ok", "since": "2026-01-01T00:00:00.5Z"});
        let failed = json!({
            "outcome": "failed", "httpStatus": 503, "since": "2026-01-01T00:00:00Z",
            "lastSuccess": "2026-01-01T00:00:01Z", "nextRead": "2026-01-01T00:00:02Z",
        });
        let answer: Value = json!({
            "summary": "component:default/a is not in the catalog.",
            "advice": "write `owner`",
            "claims": [claim("a", "a.yaml", &read), claim("c", "a.yaml", &read), claim("b", "b.yaml", &failed)],
            "listed": [{"provider": "config", "chain": claim("a", "a.yaml", &read)["chain"]}],
            "lastChange": {"revision": 7, "at": "2026-01-01T00:00:00Z", "operation": "deleted", "cause": {"kind": "read"}},
            "mentionedBy": [{"entityRef": "system:default/s", "relation": "hasPart"}],
            "nearest": ["component:default/b"],
        });
        assert_eq!(
            lines(&serde_json::from_value(answer).unwrap(), Path::new("/srv")),
            [
                "component:default/a is not in the catalog.",
                "  component:default/a, component:default/c: a.yaml never passed",
                "    a.yaml, listed by location:default/root: read, unchanged since 2026-01-01 00:00:00Z",
                "  component:default/b: b.yaml never passed",
                "    b.yaml, listed by location:default/root: failed (HTTP 503) since 2026-01-01 00:00:00Z, \
                 last found 2026-01-01 00:00:01Z, next 2026-01-01 00:00:02Z",
                "last deleted in revision 7 at 2026-01-01 00:00:00Z, by read",
                "named by system:default/s (hasPart)",
                "nearest: component:default/b",
                "→ write `owner`",
            ]
        );
    }

    #[test]
    fn from_the_root_urls_keep_their_slashes_and_a_group_tells_all_that_is_unread() {
        let claim = |name: &str, unread: &str| {
            json!({
                "entityRef": format!("location:default/{name}"), "verdict": "lists what is not there", "chain": [],
                "unread": [{"document": unread, "reading": {"outcome": "failed"}}],
            })
        };
        let answer = json!({
            "summary": "two of them", "advice": "see",
            "claims": [claim("a", "url:https://h/a"), claim("b", "url:https://h/b")],
        });
        assert_eq!(
            lines(&serde_json::from_value(answer).unwrap(), Path::new("/"))[2..4],
            ["    lists url:https://h/a: failed", "    lists url:https://h/b: failed"]
        );
    }
}
