//! What a Location's targets mean.

use std::path::{Component, Path, PathBuf};

use backstitch_schemas::Problem;
use url::Url;

use super::{Config, pattern::Pattern};
use crate::FollowedLocation;

/// What a target means.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// One file.
    File(PathBuf),
    /// The files that match a pattern.
    Files(Pattern),
    /// What stands behind a URL, with the text that names it.
    Url(String, Url),
    /// The files of a repository on a git host that match a pattern, with the text that names them.
    Urls(String, Url),
}

/// The targets of a Location, each resolved or with the reason why it cannot be.
pub(super) fn targets(location: &FollowedLocation, config: &Config) -> Vec<Result<Target, Problem>> {
    let (own, kind) = (&location.location.kind, &location.target_kind);
    if kind != own && !config.allowed_types.contains(kind) {
        return vec![Err(type_problem(own, &config.allowed_types))];
    }
    location.targets.iter().map(|target| resolve(location, target, config)).collect()
}

/// The file that `target` names, seen from the file `base`. Only what begins with `.` is relative.
pub(super) fn beside(base: &str, target: &str) -> PathBuf {
    let directory = Path::new(base).parent().unwrap_or(Path::new("/"));
    normalised(&directory.join(target))
}

/// A path without `.` and `..`, as far as its text tells.
fn normalised(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                result.pop();
            }
            other => result.push(other),
        }
    }
    result
}

fn resolve(location: &FollowedLocation, target: &str, config: &Config) -> Result<Target, Problem> {
    match location.target_kind.as_str() {
        "file" => file(location, target),
        "url" => url(location, target, config),
        kind => {
            let message = format!("No processor was able to handle reading of {kind}:{target}");
            Err(Problem::new("Error", message)
                .with_advice(format!("locations of type `{kind}` cannot be read; use `url` or `file`")))
        }
    }
}

fn file(location: &FollowedLocation, target: &str) -> Result<Target, Problem> {
    if target.ends_with(std::path::MAIN_SEPARATOR) {
        let message = format!(
            "LocationEntityProcessor cannot handle file type location with target {} that ends with a path \
             separator",
            location.location.target
        );
        let advice = format!("`{target}` names a directory; write a pattern such as `{target}*.yaml`");
        return Err(Problem::input(message).with_advice(advice));
    }
    let path = match target.strip_prefix('.') {
        Some(_) if location.location.kind == "file" => beside(&location.location.target, target),
        _ if Path::new(target).is_absolute() => normalised(Path::new(target)),
        _ => {
            let problem = Problem::new("NotFoundError", format!("file {target} does not exist"));
            let advice = format!("a relative target begins with a dot; write `./{target}`");
            return Err(problem.with_advice(advice));
        }
    };
    match path.to_str() {
        Some(text) if Pattern::is_pattern(text) => Pattern::new(text).map(Target::Files),
        _ => Ok(Target::File(path)),
    }
}

fn url(location: &FollowedLocation, target: &str, config: &Config) -> Result<Target, Problem> {
    let unreadable = |detail: String, advice: &str| {
        let message = format!("Unable to read url, {detail}");
        Err(Problem::new("Error", message).with_advice(format!("`{target}` cannot be read: {advice}")))
    };
    let resolved = match Url::parse(target) {
        Ok(url) => Ok((target.to_owned(), url)),
        Err(cause) if location.location.kind != "url" => Err(cause),
        Err(_) => {
            let resolved = config.scm_hosts().resolve(target, &location.location.target);
            resolved.map(|url| (url.to_string(), url))
        }
    };
    match resolved {
        Err(cause) => unreadable(format!("Invalid URL: {cause}"), "write a whole URL, with `https://`"),
        Ok((_, url)) if !matches!(url.scheme(), "http" | "https") => {
            unreadable(format!("{} is no web address", url), "only `https` and `http` URLs can be read")
        }
        Ok((text, url)) => match config.git_host(&url).map(|git| git.scm.file(&url)) {
            Some(Ok(file)) if file.path.contains('*') => {
                Pattern::new(&format!("/{}", file.path)).map(|_| Target::Urls(text, url))
            }
            None if url.path().contains('*') => unreadable(
                format!("Unsupported search pattern URL {url}"),
                "its host has no listing to match a pattern with; name each file",
            ),
            _ => Ok(Target::Url(text, url)),
        },
    }
}

fn type_problem(own: &str, allowed: &[String]) -> Problem {
    let types = serde_json::to_string(allowed).expect("texts always serialise");
    let message = format!("Registered locations must be of an allowed type {types}");
    let advice = format!("a Location that was read from a `{own}` may list `url` and `{own}` targets only");
    Problem::input(message).with_advice(advice).at_path("/spec/type")
}

#[cfg(test)]
mod tests {
    use backstitch_schemas::{EntityRef, LocationRef};

    use super::*;

    fn check(own: &str, kind: &str, target: &str, expected: Result<&str, &str>) {
        let own = LocationRef::parse(own).unwrap();
        let location = FollowedLocation {
            entity_ref: EntityRef::new("location", None, "a"),
            document: "".into(),
            origin: own.clone(),
            location: own,
            target_kind: kind.to_owned(),
            targets: vec![target.to_owned()],
            required: true,
        };
        let resolved = targets(&location, &Config::default()).remove(0).map(|target| match target {
            Target::File(path) => path.to_str().unwrap().to_owned(),
            Target::Files(pattern) => format!("pattern {}", pattern.text()),
            Target::Url(text, _) => text,
            Target::Urls(text, _) => format!("pattern {text}"),
        });
        match (resolved, expected) {
            (Ok(resolved), Ok(expected)) => assert_eq!(resolved, expected),
            (Err(problem), Err(part)) => assert!(problem.message.contains(part), "{}", problem.message),
            (resolved, expected) => panic!("{target}: {resolved:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn what_begins_with_a_dot_is_relative_to_the_containing_file() {
        check("file:/srv/a/root.yaml", "file", "./b.yaml", Ok("/srv/a/b.yaml"));
        check("file:/srv/a/root.yaml", "file", "../c/b.yaml", Ok("/srv/c/b.yaml"));
        check("file:/srv/a/root.yaml", "file", "/x/../b.yaml", Ok("/b.yaml"));
        check("file:/srv/a/root.yaml", "file", "./*.yaml", Ok("pattern /srv/a/*.yaml"));
        check("file:/srv/a/root.yaml", "file", "b.yaml", Err("file b.yaml does not exist"));
        check("file:/srv/a/root.yaml", "file", "./b/", Err("ends with a path separator"));
    }

    #[test]
    fn urls_are_resolved_as_urls() {
        check("url:https://h/a/root.yaml?v=1", "url", "./b.yaml", Ok("https://h/a/b.yaml?v=1"));
        check("url:https://h/a/root.yaml", "url", "../b.yaml", Ok("https://h/b.yaml"));
        check("file:/srv/root.yaml", "url", "https://h/x", Ok("https://h/x"));
        check("file:/srv/root.yaml", "url", "./x", Err("Invalid URL"));
        check("url:https://h/a", "url", "https://h/*/x.yaml", Err("Unsupported search pattern URL"));
        check("url:https://h/a", "url", "mailto:a@b", Err("no web address"));
    }

    #[test]
    fn on_git_hosts_a_target_is_meant_in_its_repository() {
        let root = "url:https://github.com/o/r/blob/main/a/root.yaml";
        check(root, "url", "/b.yaml", Ok("https://github.com/o/r/tree/main/b.yaml"));
        check(root, "url", "./*/b.yaml", Ok("pattern https://github.com/o/r/tree/main/a/*/b.yaml"));
        let azure = "https://dev.azure.com/o/p/_git/r?path=/**/b.yaml";
        check(root, "url", azure, Ok(&format!("pattern {azure}")));
    }

    #[test]
    fn a_url_cannot_smuggle_in_a_file() {
        check("url:https://h/a", "file", "/etc/passwd", Err("must be of an allowed type [\"url\"]"));
        check("s3:bucket", "s3", "x", Err("No processor was able to handle reading of s3:x"));
    }
}
