//! Relative URLs, as they are meant in repositories.

use url::Url;

use super::{Scm, links};

/// The URL that `target`, which is no whole URL, names seen from `base`.
pub(super) fn resolve(scm: Option<Scm>, target: &str, base: &Url) -> Result<Url, url::ParseError> {
    if scm == Some(Scm::AzureDevOps) {
        return azure(target, base);
    }
    let before = scm.and_then(|scm| {
        let segments: Vec<&str> = base.path_segments()?.collect();
        scm.segments_before_path(&segments).filter(|before| *before <= segments.len())
    });
    let mut url = match before {
        Some(before) if target.starts_with('/') && !target.starts_with("//") => {
            let mut url = base.clone();
            let root: Vec<&str> = base.path_segments().into_iter().flatten().take(before).collect();
            url.set_path(&format!("/{}{target}", root.join("/")));
            url
        }
        _ => base.join(target)?,
    };
    if url.query().is_none() {
        url.set_query(base.query());
    }
    url.set_fragment(None);
    Ok(match scm {
        Some(Scm::GitHub) => links::with_github_view(&url, "tree"),
        _ => url,
    })
}

impl Scm {
    /// The URL of another file of the same repository and ref.
    pub fn with_path(self, base: &Url, path: &str) -> Option<Url> {
        // What stands in a name stands for itself.
        let path = path.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
        resolve(Some(self), &format!("/{path}"), base).ok()
    }
}

/// On Azure DevOps the path of the file is a query parameter.
fn azure(target: &str, base: &Url) -> Result<Url, url::ParseError> {
    let path = base.query_pairs().find(|(name, _)| name == "path").map(|(_, path)| path.into_owned());
    let path = path.unwrap_or_default();
    let mut folder = Url::parse("https://path/")?;
    folder.set_path(&path.replace('%', "%25"));
    let encoded = folder.join(target)?.path().to_owned();
    let path = crate::percent::decoded(&encoded);
    let mut others: Vec<(String, String)> = base.query_pairs().into_owned().collect();
    match others.iter_mut().find(|(name, _)| name == "path") {
        Some((_, present)) => *present = path,
        None => others.push(("path".to_owned(), path)),
    }
    let mut url = base.clone();
    url.query_pairs_mut().clear().extend_pairs(others);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::super::Hosts;

    fn check(base: &str, target: &str, expected: &str) {
        let mut hosts = Hosts::default();
        hosts.add("b.co", super::Scm::BitbucketServer);
        hosts.add("gitea.com", super::Scm::Gitea);
        assert_eq!(hosts.resolve(target, base).unwrap().as_str(), expected, "{target} from {base}");
    }

    #[test]
    fn relative_targets_are_meant_in_the_repository() {
        let github = "https://github.com/o/r/blob/main/a/root.yaml";
        check(github, "./b.yaml", "https://github.com/o/r/tree/main/a/b.yaml");
        check(github, "../b.yaml", "https://github.com/o/r/tree/main/b.yaml");
        check(github, "/b.yaml", "https://github.com/o/r/tree/main/b.yaml");
        check(github, "https://h/x", "https://h/x");
        let gitlab = "https://gitlab.com/g/s/p/-/blob/main/a/root.yaml";
        check(gitlab, "./b.yaml", "https://gitlab.com/g/s/p/-/blob/main/a/b.yaml");
        check(gitlab, "/b.yaml", "https://gitlab.com/g/s/p/-/blob/main/b.yaml");
        let cloud = "https://bitbucket.org/w/r/src/main/a/root.yaml";
        check(cloud, "/b.yaml", "https://bitbucket.org/w/r/src/main/b.yaml");
        let server = "https://b.co/projects/K/repos/r/browse/a/root.yaml?at=x";
        check(server, "/b.yaml", "https://b.co/projects/K/repos/r/browse/b.yaml?at=x");
        check(server, "./b.yaml", "https://b.co/projects/K/repos/r/browse/a/b.yaml?at=x");
        let gitea = "https://gitea.com/o/r/src/branch/main/a/root.yaml";
        check(gitea, "/b.yaml", "https://gitea.com/o/r/src/branch/main/b.yaml");
        let azure = "https://dev.azure.com/o/p/_git/r?path=%2Fa%2Froot.yaml&version=GBmain";
        check(azure, "./b.yaml", "https://dev.azure.com/o/p/_git/r?path=%2Fa%2Fb.yaml&version=GBmain");
        check(azure, "/b c.yaml", "https://dev.azure.com/o/p/_git/r?path=%2Fb+c.yaml&version=GBmain");
    }

    #[test]
    fn elsewhere_urls_are_urls() {
        check("https://h/a/root.yaml?v=1", "./b.yaml", "https://h/a/b.yaml?v=1");
        check("https://h/a/root.yaml?v=1", "/b.yaml", "https://h/b.yaml?v=1");
    }
}
