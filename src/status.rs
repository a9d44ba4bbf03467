//! The state of a catalog as `GET /api/catalog/v1/status` tells it, and how people see it.

mod hosts;

use std::collections::BTreeMap;
use std::path::Path;

use backstitch_schemas::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::hosts::HostStatus;

/// Held removals that are named.
const SHOWN_HELD: usize = 3;

/// What the catalog holds, where it comes from, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// Revision of what is visible.
    pub revision: u64,
    /// How often the read model was built anew.
    pub incarnation: u64,
    /// Visible entities.
    pub entities: u64,
    /// Visible entities by kind.
    pub kinds: BTreeMap<String, u64>,
    /// Where entities come from.
    pub providers: Vec<ProviderStatus>,
    /// The hosts that are read from.
    pub hosts: Vec<HostStatus>,
    /// What is still under way.
    pub lag: Lag,
    /// Whether a read is due or under way, or something emitted has no outcome yet.
    pub busy: bool,
    /// The first problems.
    pub problems: Vec<StatusProblem>,
    /// All problems, those not listed included.
    pub problems_total: u64,
    /// Refs that more than one source claims.
    pub conflicts_total: u64,
    /// What the configuration asks for and is not done.
    pub notices: Vec<String>,
}

/// One provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProviderStatus {
    /// Its name.
    pub name: String,
    /// Entities that it claims.
    pub entities: u64,
    /// When it last read, RFC 3339.
    #[serde(deserialize_with = "moment")]
    pub last_read: Option<String>,
    /// When it last read without an error, RFC 3339.
    #[serde(deserialize_with = "moment")]
    pub last_success: Option<String>,
    /// When it reads again, RFC 3339.
    #[serde(deserialize_with = "moment")]
    pub next_read: Option<String>,
    /// What became of the last read.
    pub outcome: Option<String>,
    /// Removals that wait for a person.
    pub held: Option<Held>,
}

/// Removals that wait for a person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Held {
    /// How many entities would go.
    pub removals: u64,
    /// Since when, RFC 3339.
    #[serde(deserialize_with = "moment")]
    pub since: Option<String>,
    /// Some of the refs.
    pub sample: Vec<String>,
}

/// Records that are still under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lag {
    /// Changes that are not processed yet.
    pub changes: u64,
    /// Processed records that are not stitched yet.
    pub processed: u64,
}

/// A problem and what it is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatusProblem {
    /// The entity that has it.
    pub entity_ref: Option<String>,
    /// The provider that has it.
    pub provider: Option<String>,
    /// `warning` or `error`.
    pub level: Option<String>,
    /// Name of the error, e.g. `InputError`.
    pub name: String,
    /// Backstage's words.
    pub message: String,
    /// What is wrong and what to do, for people.
    pub advice: Option<String>,
    /// Location ref of the document.
    pub location: Option<String>,
    /// Number of the document in its file, from 1.
    pub document: Option<i32>,
    /// Line in the file, from 1.
    pub line: Option<i32>,
    /// JSON pointer of the value.
    pub path: Option<String>,
}

impl StatusProblem {
    /// `file:line: what is wrong, what to do`, with files relative to `cwd` where they lie below.
    pub fn line_for(&self, cwd: &Path) -> String {
        let text = self.advice.as_deref().filter(|advice| !advice.is_empty()).unwrap_or(&self.message);
        let text = match self.level.as_deref() {
            Some("warning") => &format!("warning: {text}"),
            _ => text,
        };
        let about = self.entity_ref.as_deref().or(self.provider.as_deref());
        match (&self.location, about) {
            // A push has no file and no line: the entity tells where to look.
            (Some(location), Some(about))
                if !location.starts_with("file:") && !location.starts_with("url:") =>
            {
                format!("{location}: {about}: {text}")
            }
            (Some(location), _) => format!("{}: {text}", place(location, self.line, cwd)),
            (None, Some(about)) => format!("{about}: {text}"),
            (None, None) => text.to_owned(),
        }
    }
}

/// A point in time as text, whether it comes as RFC 3339 or as milliseconds.
fn moment<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Moment {
        Text(String),
        Milliseconds(Timestamp),
    }
    let moment = Option::<Moment>::deserialize(deserializer)?;
    Ok(moment.map(|moment| match moment {
        Moment::Text(text) => text,
        Moment::Milliseconds(time) => time.to_string(),
    }))
}

/// A point in time as people read it, in UTC.
pub fn to_the_second(moment: &str) -> String {
    let shown = moment.split(['.', 'Z']).next().unwrap_or(moment);
    format!("{}Z", shown.replacen('T', " ", 1))
}

/// `path:line` of a location ref: a file as people would type it, other places in full.
pub fn place(location: &str, line: Option<i32>, cwd: &Path) -> String {
    let target = location.strip_prefix("file:").or_else(|| location.strip_prefix("url:")).unwrap_or(location);
    let shown = Path::new(target)
        .strip_prefix(cwd)
        .map_or_else(|_| target.to_owned(), |path| path.display().to_string());
    match line {
        Some(line) => format!("{shown}:{line}"),
        None => shown,
    }
}

/// `1 entity`, `149 entities`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

impl Status {
    /// The whole status, for people.
    pub fn lines(&self, cwd: &Path) -> Vec<String> {
        let mut lines = vec![self.headline()];
        if !self.kinds.is_empty() {
            let kinds: Vec<String> =
                self.kinds.iter().map(|(kind, number)| format!("{kind} {number}")).collect();
            lines.push(format!("kinds: {}", kinds.join(", ")));
        }
        lines.push(match (self.busy, self.lag) {
            (false, _) => "up to date".to_owned(),
            (true, Lag { changes: 0, processed: 0 }) => "reading".to_owned(),
            (true, Lag { changes, processed }) => {
                format!("under way: {changes} to process, {processed} to stitch")
            }
        });
        lines.extend(self.providers.iter().flat_map(ProviderStatus::lines));
        lines.extend(self.hosts.iter().map(HostStatus::line));
        lines.extend(self.notices.iter().map(|notice| format!("notice: {notice}")));
        if !self.problems.is_empty() {
            lines.push("problems:".to_owned());
            lines.extend(self.problems.iter().map(|problem| format!("  {}", problem.line_for(cwd))));
            let unlisted = self.problems_total.saturating_sub(self.problems.len() as u64);
            if unlisted > 0 {
                lines.push(format!("  and {unlisted} more"));
            }
        }
        lines
    }

    fn headline(&self) -> String {
        let mut parts = vec![
            format!("revision {}", self.revision),
            count(self.entities, "entity", "entities"),
            count(self.problems_total, "problem", "problems"),
        ];
        if self.conflicts_total > 0 {
            parts.push(count(self.conflicts_total, "conflict", "conflicts"));
        }
        parts.join(", ")
    }
}

impl ProviderStatus {
    /// The provider, and the command that a hold waits for.
    pub fn lines(&self) -> Vec<String> {
        let mut line = format!("provider {}: {}", self.name, count(self.entities, "entity", "entities"));
        if let Some(outcome) = &self.outcome {
            line.push_str(&format!(", {outcome}"));
        }
        for (label, time) in [("last read", &self.last_read), ("next", &self.next_read)] {
            if let Some(time) = time {
                line.push_str(&format!(", {label} {}", to_the_second(time)));
            }
        }
        let held = self.held.as_ref().filter(|held| held.removals > 0).map(|held| {
            let name = &self.name;
            let removals = count(held.removals, "removal is", "removals are");
            let some = held.sample.iter().take(SHOWN_HELD).map(String::as_str).collect::<Vec<_>>();
            let some = if some.is_empty() { String::new() } else { format!(" ({}, …)", some.join(", ")) };
            [
                format!("  {removals} held{some}"),
                format!("    let them go:   backstitch providers confirm {name}"),
                format!("    keep them:     backstitch providers discard {name}"),
            ]
        });
        std::iter::once(line).chain(held.into_iter().flatten()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Status {
        serde_json::from_str(
            r#"{"revision": 12, "incarnation": 1, "entities": 149, "kinds": {"API": 17, "Component": 41}, "busy": false,
            "providers": [{"name": "inventory", "entities": 40, "lastRead": 1783159200000, "outcome": "ok",
                "held": {"removals": 31, "since": "2026-07-04T10:00:00Z"}}, {"name": "config", "entities": 1, "held": null}],
            "lag": {"changes": 0, "processed": 0}, "problemsTotal": 3, "conflictsTotal": 1,
            "notices": ["catalog.providers.github is not supported yet; its entities will be missing"],
            "problems": [
                {"name": "InputError", "message": "long", "advice": "spec.owner is missing; add it",
                 "location": "file:/site/a/catalog-info.yaml", "line": 7, "document": 1},
                {"name": "Error", "message": "away", "provider": "inventory"}]}"#,
        )
        .unwrap()
    }

    #[test]
    fn people_see_problems_with_their_place_and_holds_with_their_command() {
        let lines = status().lines(Path::new("/site"));
        insta::assert_snapshot!(lines.join("\n"), @r"
        revision 12, 149 entities, 3 problems, 1 conflict
        kinds: API 17, Component 41
        up to date
        provider inventory: 40 entities, ok, last read 2026-07-04 10:00:00Z
          31 removals are held
            let them go:   backstitch providers confirm inventory
            keep them:     backstitch providers discard inventory
        provider config: 1 entity
        notice: catalog.providers.github is not supported yet; its entities will be missing
        problems:
          a/catalog-info.yaml:7: spec.owner is missing; add it
          inventory: away
          and 1 more
        ");
    }
}
