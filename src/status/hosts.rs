//! How reading from the hosts goes, as people see it.

use serde::{Deserialize, Serialize};

use super::{count, to_the_second};

/// One host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HostStatus {
    /// Its name, with the port if that is not the scheme's own.
    pub host: String,
    /// Documents that are read from it.
    pub documents: u64,
    /// What it says of its rate limit.
    pub budget: Option<Budget>,
    /// Until when polling leaves it alone, RFC 3339.
    pub waiting_until: Option<String>,
    /// The time of one full pass over its documents.
    pub pass: Option<Pass>,
}

/// Requests that a host has room for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Budget {
    /// In all, until `reset`.
    pub limit: u64,
    /// What is left of them.
    pub remaining: u64,
    /// When they are renewed, RFC 3339.
    pub reset: Option<String>,
}

/// The time between two reads of the same document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pass {
    /// In seconds.
    pub shortest_seconds: u64,
    /// In seconds.
    pub longest_seconds: u64,
}

impl HostStatus {
    /// The host on one line.
    pub fn line(&self) -> String {
        let mut parts = vec![count(self.documents, "document", "documents")];
        if let Some(Budget { limit, remaining, reset }) = &self.budget {
            let until = reset.as_deref().map(|reset| format!(" until {}", to_the_second(reset)));
            parts.push(format!("{remaining} of {limit} requests left{}", until.unwrap_or_default()));
        }
        if let Some(until) = &self.waiting_until {
            parts.push(format!("left alone until {}", to_the_second(until)));
        }
        if let Some(Pass { shortest_seconds, longest_seconds }) = self.pass {
            let (shortest, longest) = (in_words(shortest_seconds), in_words(longest_seconds));
            parts.push(format!("one pass takes {shortest} to {longest}"));
        }
        format!("host {}: {}", self.host, parts.join(", "))
    }
}

/// `45 s`, `12 min`, `3 h 20 min`.
fn in_words(seconds: u64) -> String {
    match seconds {
        0..180 => format!("{seconds} s"),
        180..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &str) {
        assert_eq!(serde_json::from_str::<HostStatus>(json).unwrap().line(), expected);
    }

    #[test]
    fn people_see_what_is_left_and_how_long_a_pass_takes() {
        check(
            r#"{"host": "github.com", "documents": 3000, "budget": {"limit": 5000, "remaining": 500,
                "reset": "2026-07-04T10:00:00Z"}, "waitingUntil": "2026-07-04T10:00:00Z",
                "pass": {"shortestSeconds": 2400, "longestSeconds": 12000}}"#,
            "host github.com: 3000 documents, 500 of 5000 requests left until 2026-07-04 10:00:00Z, \
             left alone until 2026-07-04 10:00:00Z, one pass takes 40 min to 3 h 20 min",
        );
        check(
            r#"{"host": "files.example", "documents": 1, "budget": null, "waitingUntil": null,
                "pass": {"shortestSeconds": 100, "longestSeconds": 150}}"#,
            "host files.example: 1 document, one pass takes 100 s to 150 s",
        );
        check(r#"{"host": "files.example", "documents": 2}"#, "host files.example: 2 documents");
    }
}
