//! What a push changed in the end. GitHub and GitLab list the files of each commit the same way.

use std::collections::BTreeMap;

use backstitch_schemas::scm::ScmEvent;
use serde::Deserialize;
use url::Url;

/// A commit, as far as it tells which files it touched.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Commit {
    /// The commit, as people see it.
    pub(super) url: Option<String>,
    #[serde(default)]
    added: Vec<String>,
    #[serde(default)]
    modified: Vec<String>,
    #[serde(default)]
    removed: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Touch {
    Added,
    Modified,
    Removed,
}

/// One event for each file that is different after all commits, which come in their order.
///
/// Hosts write a rename as one file that is gone and another one that is new, and so do we: which file
/// became which is not told.
pub(super) fn files(commits: &[Commit], url_of: impl Fn(&str) -> Option<String>) -> Vec<ScmEvent> {
    let mut touched: BTreeMap<&str, (Touch, Touch)> = BTreeMap::new();
    for commit in commits {
        let lists = [
            (&commit.added, Touch::Added),
            (&commit.modified, Touch::Modified),
            (&commit.removed, Touch::Removed),
        ];
        for (path, touch) in
            lists.into_iter().flat_map(|(paths, touch)| paths.iter().map(move |path| (path, touch)))
        {
            touched.entry(path).and_modify(|(_, last)| *last = touch).or_insert((touch, touch));
        }
    }
    let event = |(path, (first, last))| {
        let url = url_of(path)?;
        match (first, last) {
            (Touch::Added, Touch::Removed) => None,
            (_, Touch::Removed) => Some(ScmEvent::LocationDeleted { url }),
            (Touch::Added, _) => Some(ScmEvent::LocationCreated { url }),
            _ => Some(ScmEvent::LocationUpdated { url }),
        }
    };
    touched.into_iter().filter_map(event).collect()
}

/// The URL below `base` with these segments, each standing for itself; a path is many.
pub(super) fn with_segments<'a>(base: &Url, segments: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut url = base.clone();
    url.path_segments_mut().ok()?.pop_if_empty().extend(segments);
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(added: &[&str], modified: &[&str], removed: &[&str]) -> Commit {
        let owned = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
        Commit { url: None, added: owned(added), modified: owned(modified), removed: owned(removed) }
    }

    #[test]
    fn what_counts_is_what_is_different_in_the_end() {
        let commits = [
            commit(&["new", "passing"], &["changed", "going"], &["back"]),
            commit(&["back"], &["new"], &["passing", "going"]),
        ];
        let url = |name: &str| name.to_owned();
        assert_eq!(
            files(&commits, |path| Some(path.to_owned())),
            [
                ScmEvent::LocationUpdated { url: url("back") },
                ScmEvent::LocationUpdated { url: url("changed") },
                ScmEvent::LocationDeleted { url: url("going") },
                ScmEvent::LocationCreated { url: url("new") },
            ]
        );
    }

    #[test]
    fn segments_stand_for_themselves() {
        let base = Url::parse("https://h/o/r/").unwrap();
        let url = with_segments(&base, ["blob", "feature/x", "a b", "50%.yaml"]);
        assert_eq!(url.unwrap(), "https://h/o/r/blob/feature%2Fx/a%20b/50%25.yaml");
    }
}
