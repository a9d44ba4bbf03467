//! What `backstitch up` prints: at most ten lines.
//!
//! Pure: snapshots of the status and the time that passed go in, lines come out.

use std::path::Path;
use std::time::Duration;

use crate::status::{Status, count};

/// Lines that `up` may print in all.
const MOST_LINES: usize = 10;

/// What `up` knows before anything is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Start<'a> {
    /// What is read, e.g. `the example catalog in .backstitch/example`.
    pub reading: Vec<String>,
    /// Where the data lies, e.g. `.backstitch`, or the servers that hold it.
    pub data: String,
    /// What the configuration asks for and is not done.
    pub notices: &'a [String],
}

/// What `up` invites to at the end.
#[derive(Clone, Debug, PartialEq)]
pub struct Invitation<'a> {
    /// Where the API and the page are, e.g. `http://127.0.0.1:7007`.
    pub url: &'a str,
    /// A command that changes something visible, if there is one.
    pub edit: Option<String>,
}

/// The first lines: what is read, and where the data lies.
pub fn start(start: &Start<'_>) -> Vec<String> {
    let reading = match start.reading.as_slice() {
        [] => "nothing yet: push entities, or name files".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [first, rest @ ..] => format!("{first} and {} more places", rest.len()),
    };
    let mut lines = vec![format!("reading {reading}; data in {}", start.data)];
    match start.notices {
        [] => {}
        [one] => lines.push(format!("notice: {one}")),
        [first, rest @ ..] => {
            lines.push(format!("notice: {first} (and {} more notices: backstitch status)", rest.len()));
        }
    }
    lines
}

/// The line that is shown, and overwritten, while the first read is under way.
pub fn progress(status: &Status, elapsed: Duration) -> String {
    let entities = count(status.entities, "entity", "entities");
    let left = status.lag.changes + status.lag.processed;
    let left = if left > 0 { format!(", {left} records to go") } else { String::new() };
    format!("{entities}{left}, {}", seconds(elapsed))
}

/// What came of the first read, then what to do with it. `printed` lines are on the screen already.
pub fn finish(
    status: &Status,
    elapsed: Duration,
    invitation: &Invitation<'_>,
    cwd: &Path,
    printed: usize,
) -> Vec<String> {
    let last = invite(invitation);
    let mut lines = vec![summary(status, elapsed)];
    let room = MOST_LINES.saturating_sub(printed + lines.len() + last.len());
    lines.extend(problems(status, cwd, room));
    lines.extend(last);
    lines
}

/// `149 entities, 6 problems, 0.8 s`
fn summary(status: &Status, elapsed: Duration) -> String {
    let mut parts = vec![
        count(status.entities, "entity", "entities"),
        count(status.problems_total, "problem", "problems"),
    ];
    if status.conflicts_total > 0 {
        parts.push(count(status.conflicts_total, "conflict", "conflicts"));
    }
    parts.push(seconds(elapsed));
    parts.join(", ")
}

/// The first problems, one line each, then how to see the rest; never more than `room` lines.
fn problems(status: &Status, cwd: &Path, room: usize) -> Vec<String> {
    let total = usize::try_from(status.problems_total).unwrap_or(usize::MAX).max(status.problems.len());
    let shown = if total <= room { total } else { room.saturating_sub(1) }.min(3);
    let mut lines: Vec<String> =
        status.problems.iter().take(shown).map(|problem| problem.line_for(cwd)).collect();
    let rest = total - lines.len();
    if rest > 0 && room > 0 {
        lines.push(format!("{}: backstitch status", count(rest as u64, "more problem", "more problems")));
    }
    lines
}

/// Lines to paste; what follows `#` tells a person what they are.
fn invite(invitation: &Invitation<'_>) -> Vec<String> {
    let url = invitation.url;
    let query = format!("{url}/api/catalog/entities/by-query?filter=kind=component&limit=3");
    let mut lines = vec![format!("{url}/  # the page"), format!("curl -s '{query}'  # one query")];
    lines.extend(invitation.edit.clone());
    lines
}

/// `0.8 s`, `12 s`
fn seconds(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if seconds < 10.0 { format!("{seconds:.1} s") } else { format!("{seconds:.0} s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{Lag, StatusProblem};

    fn problem(line: i32) -> StatusProblem {
        StatusProblem {
            name: "InputError".into(),
            message: "what Backstage says".into(),
            advice: Some("spec.lifecycle is missing; add it".into()),
            location: Some("file:/home/ada/.backstitch/example/a.yaml".into()),
            line: Some(line),
            ..StatusProblem::default()
        }
    }

    fn status(problems: i32) -> Status {
        Status {
            entities: 149,
            problems_total: u64::from(problems.unsigned_abs()),
            problems: (1..=problems).map(problem).collect(),
            ..Status::default()
        }
    }

    fn lines(status: &Status) -> Vec<String> {
        let begin = start(&Start {
            reading: vec!["the example catalog in .backstitch/example".into()],
            data: "./.backstitch".into(),
            notices: &["catalog.providers.github is not supported yet; its entities will be missing".into()],
        });
        let invitation = Invitation {
            url: "http://127.0.0.1:7007",
            edit: Some("sed -i.bak s/a/b/ .backstitch/example/a.yaml  # visible at once".into()),
        };
        let end =
            finish(status, Duration::from_millis(812), &invitation, Path::new("/home/ada"), begin.len());
        [begin, end].concat()
    }

    #[test]
    fn what_a_person_sees_first() {
        insta::assert_snapshot!(lines(&Status { conflicts_total: 1, ..status(6) }).join("\n"), @r"
        reading the example catalog in .backstitch/example; data in ./.backstitch
        notice: catalog.providers.github is not supported yet; its entities will be missing
        149 entities, 6 problems, 1 conflict, 0.8 s
        .backstitch/example/a.yaml:1: spec.lifecycle is missing; add it
        .backstitch/example/a.yaml:2: spec.lifecycle is missing; add it
        .backstitch/example/a.yaml:3: spec.lifecycle is missing; add it
        3 more problems: backstitch status
        http://127.0.0.1:7007/  # the page
        curl -s 'http://127.0.0.1:7007/api/catalog/entities/by-query?filter=kind=component&limit=3'  # one query
        sed -i.bak s/a/b/ .backstitch/example/a.yaml  # visible at once
        ");
    }

    #[test]
    fn it_is_never_more_than_ten_lines() {
        for problems in 0..30 {
            let lines = lines(&status(problems));
            assert!(lines.len() <= MOST_LINES, "{problems} problems: {lines:#?}");
            let listed = lines.iter().filter(|line| line.contains("spec.lifecycle")).count();
            let says_rest = lines.iter().any(|line| line.ends_with("backstitch status"));
            assert_eq!(says_rest, listed < usize::try_from(problems).unwrap());
        }
    }

    #[test]
    fn progress_says_how_much_is_left() {
        let status = Status { entities: 1, lag: Lag { changes: 7, processed: 5 }, ..Status::default() };
        assert_eq!(progress(&status, Duration::from_secs(12)), "1 entity, 12 records to go, 12 s");
    }
}
