//! Webhooks of GitHub, after <https://docs.github.com/webhooks/webhook-events-and-payloads>.

use backstitch_schemas::scm::{Scm, ScmEvent};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::{
    Told, Trust, WebhookError, parse,
    push::{Commit, files, with_segments},
};

/// How many commits a push names at most.
const NAMED_COMMITS: usize = 2048;

#[derive(Deserialize)]
struct Repository {
    html_url: Url,
    default_branch: Option<String>,
}

#[derive(Deserialize)]
struct Push {
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default)]
    created: bool,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    forced: bool,
    #[serde(default)]
    commits: Vec<Commit>,
    head_commit: Option<Commit>,
    repository: Repository,
}

#[derive(Deserialize)]
struct AboutRepository {
    action: String,
    #[serde(default)]
    changes: Value,
    repository: Repository,
}

/// What a webhook with this `X-GitHub-Event` tells; nothing, if it is about other things.
pub(super) fn told(event: &str, body: &[u8], trust: &Trust<'_>) -> Result<Told, WebhookError> {
    match event {
        "push" => pushed(parse(body)?, trust),
        "repository" => about_repository(parse(body)?, trust),
        _ => Ok(Told::default()),
    }
}

fn pushed(push: Push, trust: &Trust<'_>) -> Result<Told, WebhookError> {
    let repository = &push.repository;
    trust.check(Scm::GitHub, &repository.html_url, "repository.html_url")?;
    let Some(branch) = push.reference.strip_prefix("refs/heads/").filter(|_| !push.deleted) else {
        return Ok(Told::default());
    };
    let url_of =
        |path: &str| with_segments(&repository.html_url, ["blob", branch].into_iter().chain(path.split('/')));
    let mut events = files(&push.commits, url_of);
    // Then the commits do not tell everything that is different now.
    if push.created || push.forced || push.commits.len() >= NAMED_COMMITS {
        let url = with_segments(&repository.html_url, ["blob", branch]);
        events.extend(url.map(|url| ScmEvent::RepositoryUpdated { url }));
    }
    Ok(Told {
        repository: Some(repository.html_url.to_string()),
        commit_url: push.head_commit.and_then(|commit| commit.url),
        on_default_branch: repository.default_branch.as_deref() == Some(branch),
        events,
    })
}

fn about_repository(about: AboutRepository, trust: &Trust<'_>) -> Result<Told, WebhookError> {
    let here = &about.repository.html_url;
    trust.check(Scm::GitHub, here, "repository.html_url")?;
    let url = here.to_string();
    let text = |pointer: &str| about.changes.pointer(pointer).and_then(Value::as_str);
    let was_at = |segment: usize, name: Option<&str>| {
        let name = name.filter(|name| !name.is_empty());
        let missing = || WebhookError::Input(format!("changes: `{}` does not say from where", about.action));
        renamed(here, segment, name.ok_or_else(missing)?)
            .ok_or_else(|| WebhookError::Input(format!("repository.html_url: {here} names no repository")))
    };
    let event = match about.action.as_str() {
        "created" => ScmEvent::RepositoryCreated { url },
        "deleted" => ScmEvent::RepositoryDeleted { url },
        "renamed" => {
            let from_url = was_at(1, text("/repository/name/from"))?;
            ScmEvent::RepositoryMoved { from_url, to_url: url }
        }
        "transferred" => {
            let owner = text("/owner/from/organization/login").or_else(|| text("/owner/from/user/login"));
            ScmEvent::RepositoryMoved { from_url: was_at(0, owner)?, to_url: url }
        }
        "archived" | "unarchived" | "edited" | "privatized" | "publicized" => {
            ScmEvent::RepositoryUpdated { url }
        }
        _ => return Ok(Told::default()),
    };
    Ok(Told { repository: Some(here.to_string()), events: vec![event], ..Told::default() })
}

/// The repository with another owner (segment 0) or another name (segment 1).
fn renamed(here: &Url, segment: usize, name: &str) -> Option<String> {
    let mut segments: Vec<&str> = here.path_segments()?.collect();
    *segments.get_mut(segment)? = name;
    let mut root = here.clone();
    root.set_path("");
    with_segments(&root, segments)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hosts() -> Vec<(Scm, String)> {
        vec![(Scm::GitHub, "github.com".to_owned())]
    }

    fn read(event: &str, body: &Value) -> Result<Told, WebhookError> {
        let hosts = hosts();
        told(event, body.to_string().as_bytes(), &Trust { hosts: &hosts, host: None })
    }

    fn push(more: &Value) -> Value {
        let mut push = json!({
            "ref": "refs/heads/main",
            "before": "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
            "after": "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5",
            "created": false, "deleted": false, "forced": false,
            "head_commit": {"url": "https://github.com/o/r/commit/59b20b8"},
            "commits": [{"added": [], "removed": [], "modified": ["catalog-info.yaml"]}],
            "repository": {"html_url": "https://github.com/o/r", "default_branch": "main"},
        });
        for (name, value) in more.as_object().unwrap() {
            push[name] = value.clone();
        }
        push
    }

    #[test]
    fn a_push_tells_of_each_file() {
        let commits = json!([{"added": ["a/new.yaml"], "removed": ["old.yaml"], "modified": []}]);
        let told = read("push", &push(&json!({"commits": commits}))).unwrap();
        assert_eq!(told.commit_url.as_deref(), Some("https://github.com/o/r/commit/59b20b8"));
        assert!(told.on_default_branch);
        let url = |path: &str| format!("https://github.com/o/r/blob/main/{path}");
        assert_eq!(
            told.events,
            [
                ScmEvent::LocationCreated { url: url("a/new.yaml") },
                ScmEvent::LocationDeleted { url: url("old.yaml") }
            ]
        );
    }

    #[test]
    fn a_push_whose_commits_do_not_tell_everything_is_about_the_branch() {
        let branch =
            ScmEvent::RepositoryUpdated { url: "https://github.com/o/r/blob/feature%2Fx".to_owned() };
        for more in [
            json!({"ref": "refs/heads/feature/x", "commits": [], "forced": true}),
            json!({"ref": "refs/heads/feature/x", "commits": [], "created": true}),
        ] {
            let told = read("push", &push(&more)).unwrap();
            assert_eq!((told.events, told.on_default_branch), (vec![branch.clone()], false));
        }
        for nothing in [json!({"ref": "refs/tags/v1"}), json!({"deleted": true})] {
            assert_eq!(read("push", &push(&nothing)).unwrap(), Told::default());
        }
    }

    #[test]
    fn repositories_come_go_and_move() {
        let about = |action: &str, changes: Value| {
            let body = json!({
                "action": action,
                "changes": changes,
                "repository": {"html_url": "https://github.com/o/r"},
            });
            read("repository", &body).map(|told| told.events)
        };
        let url = || "https://github.com/o/r".to_owned();
        let moved =
            |from: &str| Ok(vec![ScmEvent::RepositoryMoved { from_url: from.to_owned(), to_url: url() }]);
        assert_eq!(about("created", json!(null)), Ok(vec![ScmEvent::RepositoryCreated { url: url() }]));
        assert_eq!(about("deleted", json!({})), Ok(vec![ScmEvent::RepositoryDeleted { url: url() }]));
        assert_eq!(about("edited", json!({})), Ok(vec![ScmEvent::RepositoryUpdated { url: url() }]));
        let renamed = json!({"repository": {"name": {"from": "q"}}});
        assert_eq!(about("renamed", renamed), moved("https://github.com/o/q"));
        let given = json!({"owner": {"from": {"organization": {"login": "p"}}}});
        assert_eq!(about("transferred", given), moved("https://github.com/p/r"));
        assert!(matches!(about("renamed", json!({})), Err(WebhookError::Input(_))));
        assert_eq!(about("starred", json!({})), Ok(Vec::new()));
        assert_eq!(read("ping", &json!({"zen": "Keep it simple."})), Ok(Told::default()));
    }

    #[test]
    fn other_hosts_are_not_spoken_for() {
        let elsewhere = json!({"repository": {"html_url": "https://ghe.example.com/o/r"}});
        let refused = read("push", &push(&elsewhere)).unwrap_err();
        assert!(refused.to_string().contains("ghe.example.com"), "{refused}");
        let hosts = hosts();
        let trust = Trust { hosts: &hosts, host: Some("ghe.example.com") };
        let body = push(&json!({})).to_string();
        assert!(told("push", body.as_bytes(), &trust).is_err(), "the secret is another host's");
    }
}
