//! Webhooks and system hooks of GitLab, after
//! <https://docs.gitlab.com/user/project/integrations/webhook_events/> and
//! <https://docs.gitlab.com/administration/system_hooks/>.

use backstitch_schemas::scm::{Scm, ScmEvent};
use serde::Deserialize;
use url::Url;

use super::{
    Told, Trust, WebhookError, parse,
    push::{Commit, files, with_segments},
};

#[derive(Deserialize)]
struct Named {
    event_name: Option<String>,
    object_kind: Option<String>,
}

#[derive(Deserialize)]
struct Project {
    web_url: Url,
    default_branch: Option<String>,
}

#[derive(Deserialize)]
struct Push {
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default)]
    before: String,
    #[serde(default)]
    after: String,
    #[serde(default)]
    commits: Vec<Commit>,
    #[serde(default)]
    total_commits_count: usize,
    project: Project,
}

/// What system hooks say of projects and groups.
#[derive(Deserialize)]
struct Moved {
    #[serde(alias = "full_path")]
    path_with_namespace: String,
    #[serde(alias = "old_full_path")]
    old_path_with_namespace: Option<String>,
}

/// What a webhook tells; nothing, if it is about other things. `instance` is `X-Gitlab-Instance`: system
/// hooks do not say otherwise of which host they are.
pub(super) fn told(instance: Option<&str>, body: &[u8], trust: &Trust<'_>) -> Result<Told, WebhookError> {
    let named: Named = parse(body)?;
    let event = named.event_name.or(named.object_kind).unwrap_or_default();
    let about = |event: fn(String) -> ScmEvent| {
        let moved: Moved = parse(body)?;
        let url = at(instance, &moved.path_with_namespace, trust)?;
        Ok(Told { repository: Some(url.clone()), events: vec![event(url)], ..Told::default() })
    };
    match event.as_str() {
        "push" => pushed(parse(body)?, trust),
        "project_create" => about(|url| ScmEvent::RepositoryCreated { url }),
        "project_update" => about(|url| ScmEvent::RepositoryUpdated { url }),
        "project_destroy" => about(|url| ScmEvent::RepositoryDeleted { url }),
        "project_rename" | "project_transfer" | "group_rename" => {
            let moved: Moved = parse(body)?;
            let Some(old) = moved.old_path_with_namespace else {
                return Err(WebhookError::Input(format!("`{event}` does not say from where")));
            };
            let from_url = at(instance, &old, trust)?;
            let to_url = at(instance, &moved.path_with_namespace, trust)?;
            Ok(Told {
                repository: Some(to_url.clone()),
                events: vec![ScmEvent::RepositoryMoved { from_url, to_url }],
                ..Told::default()
            })
        }
        _ => Ok(Told::default()),
    }
}

fn pushed(push: Push, trust: &Trust<'_>) -> Result<Told, WebhookError> {
    let project = &push.project;
    trust.check(Scm::GitLab, &project.web_url, "project.web_url")?;
    let branch = push.reference.strip_prefix("refs/heads/");
    let Some(branch) = branch.filter(|_| !is_nothing(&push.after)) else { return Ok(Told::default()) };
    let url_of = |path: &str| {
        with_segments(&project.web_url, ["-", "blob", branch].into_iter().chain(path.split('/')))
    };
    let mut events = files(&push.commits, url_of);
    // Then the commits do not tell everything that is different now: GitLab names 20 at most.
    if is_nothing(&push.before) || push.total_commits_count > push.commits.len() {
        let url = with_segments(&project.web_url, ["-", "blob", branch]);
        events.extend(url.map(|url| ScmEvent::RepositoryUpdated { url }));
    }
    Ok(Told {
        repository: Some(project.web_url.to_string()),
        commit_url: push.commits.last().and_then(|commit| commit.url.clone()),
        on_default_branch: project.default_branch.as_deref() == Some(branch),
        events,
    })
}

/// Whether an id is that of no commit.
fn is_nothing(commit: &str) -> bool {
    !commit.is_empty() && commit.bytes().all(|byte| byte == b'0')
}

/// The URL of a project or group.
fn at(instance: Option<&str>, path: &str, trust: &Trust<'_>) -> Result<String, WebhookError> {
    let missing = || WebhookError::Input("X-Gitlab-Instance does not say which GitLab this is".to_owned());
    let base = instance.and_then(|text| Url::parse(text).ok()).ok_or_else(missing)?;
    trust.check(Scm::GitLab, &base, "X-Gitlab-Instance")?;
    let sound = !path.is_empty() && !path.split('/').any(str::is_empty);
    sound
        .then(|| with_segments(&base, path.split('/')))
        .flatten()
        .ok_or_else(|| WebhookError::Input(format!("`{path}` is the path of no project")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn hosts() -> Vec<(Scm, String)> {
        vec![(Scm::GitLab, "gitlab.com".to_owned())]
    }

    fn read(body: &Value) -> Result<Told, WebhookError> {
        let hosts = hosts();
        let trust = Trust { hosts: &hosts, host: None };
        told(Some("https://gitlab.com"), body.to_string().as_bytes(), &trust)
    }

    fn push(before: &str, total: usize) -> Value {
        json!({
            "object_kind": "push", "event_name": "push",
            "before": before, "after": "da1560886d4f094c3e6c9ef40349f7d38b5d27d7",
            "ref": "refs/heads/main",
            "project": {"web_url": "https://gitlab.com/g/s/p", "default_branch": "main"},
            "commits": [{
                "url": "https://gitlab.com/g/s/p/-/commit/da15608",
                "added": [], "modified": ["catalog-info.yaml"], "removed": ["gone.yaml"],
            }],
            "total_commits_count": total,
        })
    }

    #[test]
    fn a_push_tells_of_each_file() {
        let told = read(&push("95790bf891e76fee5e1747ab589903a6a1f80f22", 1)).unwrap();
        let url = |path: &str| format!("https://gitlab.com/g/s/p/-/blob/main/{path}");
        let files = [
            ScmEvent::LocationUpdated { url: url("catalog-info.yaml") },
            ScmEvent::LocationDeleted { url: url("gone.yaml") },
        ];
        assert_eq!((told.events.as_slice(), told.on_default_branch), (&files[..], true));
        assert_eq!(told.commit_url.as_deref(), Some("https://gitlab.com/g/s/p/-/commit/da15608"));
        for incomplete in [push(&"0".repeat(40), 1), push("95790bf891e7", 21)] {
            let branch =
                ScmEvent::RepositoryUpdated { url: "https://gitlab.com/g/s/p/-/blob/main".to_owned() };
            assert_eq!(read(&incomplete).unwrap().events.last(), Some(&branch));
        }
    }

    #[test]
    fn system_hooks_tell_of_projects() {
        let about = |event: &str| {
            let body = json!({
                "event_name": event,
                "path_with_namespace": "g/new",
                "old_path_with_namespace": "g/old",
            });
            read(&body).unwrap().events
        };
        let url = || "https://gitlab.com/g/new".to_owned();
        let moved =
            ScmEvent::RepositoryMoved { from_url: "https://gitlab.com/g/old".to_owned(), to_url: url() };
        assert_eq!(about("project_create"), [ScmEvent::RepositoryCreated { url: url() }]);
        assert_eq!(about("project_destroy"), [ScmEvent::RepositoryDeleted { url: url() }]);
        assert_eq!(about("project_rename"), about("project_transfer"));
        assert_eq!(about("project_transfer"), [moved]);
        assert_eq!(about("user_create"), []);
        let group = json!({"event_name": "group_rename", "full_path": "new", "old_full_path": "old"});
        let (from_url, to_url) = ("https://gitlab.com/old".to_owned(), "https://gitlab.com/new".to_owned());
        assert_eq!(read(&group).unwrap().events, [ScmEvent::RepositoryMoved { from_url, to_url }]);
    }

    #[test]
    fn a_system_hook_that_does_not_say_of_which_host_it_is_is_refused() {
        let hosts = hosts();
        let body = json!({"event_name": "project_destroy", "path_with_namespace": "g/p"}).to_string();
        for instance in [None, Some("https://elsewhere.example.com"), Some("gitlab")] {
            let read = told(instance, body.as_bytes(), &Trust { hosts: &hosts, host: None });
            assert!(matches!(read, Err(WebhookError::Input(_))), "{instance:?}");
        }
    }
}
