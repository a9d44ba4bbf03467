//! Where a file on a git host is edited, and where the folder around it stands.

use url::Url;

use super::{Reference, Scm, resolve::resolve};

/// The links of a file on a git host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// Where the file is edited; none if the URL names a commit.
    pub edit: Option<String>,
    /// The folder that the file stands in.
    pub source: String,
}

/// The links of the file at `target`, which is `url`.
pub(super) fn links(scm: Scm, url: &Url, target: &str) -> Option<Links> {
    let edit = if names_a_commit(target) { None } else { edit_url(scm, url, target) };
    Some(Links { edit, source: resolve(Some(scm), "./", url).ok()?.into() })
}

/// Forty or more hexadecimal digits in a row, as a word.
fn names_a_commit(target: &str) -> bool {
    let words = target.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .into_iter()
        .any(|word| word.len() >= 40 && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

fn edit_url(scm: Scm, url: &Url, target: &str) -> Option<String> {
    match scm {
        Scm::GitHub => Some(with_github_view(url, "edit").into()),
        Scm::GitLab => {
            let view = ["/-/blob/", "/-/tree/", "/-/edit/"].into_iter().find(|view| target.contains(view));
            Some(view.map_or_else(|| target.to_owned(), |view| target.replacen(view, "/-/edit/", 1)))
        }
        Scm::BitbucketCloud => {
            // /workspace/repository/src/ref/path
            let reference = url.path_segments()?.nth(3)?.to_owned();
            Some(with_parameters(url, &[("mode", "edit"), ("at", &reference)]))
        }
        Scm::BitbucketServer => {
            let file = scm.file(url).ok();
            let reference = file.as_ref().and_then(|file| file.reference.name()).unwrap_or_default();
            Some(with_parameters(url, &[("mode", "edit"), ("spa", "0"), ("at", reference)]))
        }
        Scm::Gitea => {
            let (file, segments) = (scm.file(url).ok()?, url.path_segments()?.collect::<Vec<_>>());
            let Reference::Branch(_) = file.reference else { return Some(target.to_owned()) };
            let mut edit = url.clone();
            edit.set_path(&format!("/{}/_edit/{}", segments[..2].join("/"), segments[4..].join("/")));
            Some(edit.into())
        }
        Scm::AzureDevOps => Some(target.to_owned()),
    }
}

/// The URL with these query parameters, in place of what they were.
fn with_parameters(url: &Url, set: &[(&str, &str)]) -> String {
    let mut parameters: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    for (name, value) in set {
        match parameters.iter_mut().find(|(present, _)| present == name) {
            Some((_, present)) => (*value).clone_into(present),
            None => parameters.push(((*name).to_owned(), (*value).to_owned())),
        }
    }
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(parameters);
    url.into()
}

/// `…/owner/repository/{blob,tree,edit}/…` with another view.
pub(super) fn with_github_view(url: &Url, view: &str) -> Url {
    let mut segments: Vec<&str> = url.path_segments().into_iter().flatten().collect();
    let mut url = url.clone();
    if let Some(current) = segments.get_mut(2).filter(|view| matches!(**view, "blob" | "tree" | "edit")) {
        *current = view;
        url.set_path(&format!("/{}", segments.join("/")));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::super::{Hosts, Scm};

    fn check(target: &str, edit: Option<&str>, source: &str) {
        let mut hosts = Hosts::default();
        hosts.add("b.co", Scm::BitbucketServer);
        hosts.add("gitea.com", Scm::Gitea);
        hosts.add("ghe.example.com", Scm::GitHub);
        let links = hosts.links(target).unwrap();
        assert_eq!((links.edit.as_deref(), links.source.as_str()), (edit, source));
    }

    #[test]
    fn links_are_those_of_backstage() {
        check(
            "https://github.com/o/r/blob/main/a/catalog-info.yaml",
            Some("https://github.com/o/r/edit/main/a/catalog-info.yaml"),
            "https://github.com/o/r/tree/main/a/",
        );
        check(
            "https://ghe.example.com/o/r/tree/main/a/catalog-info.yaml",
            Some("https://ghe.example.com/o/r/edit/main/a/catalog-info.yaml"),
            "https://ghe.example.com/o/r/tree/main/a/",
        );
        check(
            "https://gitlab.com/g/s/r/-/blob/main/catalog-info.yaml",
            Some("https://gitlab.com/g/s/r/-/edit/main/catalog-info.yaml"),
            "https://gitlab.com/g/s/r/-/blob/main/",
        );
        check(
            "https://bitbucket.org/w/r/src/master/a.yaml",
            Some("https://bitbucket.org/w/r/src/master/a.yaml?mode=edit&at=master"),
            "https://bitbucket.org/w/r/src/master/",
        );
        check(
            "https://b.co/projects/K/repos/r/browse/a/b.yaml?at=main",
            Some("https://b.co/projects/K/repos/r/browse/a/b.yaml?at=main&mode=edit&spa=0"),
            "https://b.co/projects/K/repos/r/browse/a/?at=main",
        );
        check(
            "https://dev.azure.com/o/p/_git/r?path=%2Fa%2Fb.yaml&version=GBmain",
            Some("https://dev.azure.com/o/p/_git/r?path=%2Fa%2Fb.yaml&version=GBmain"),
            "https://dev.azure.com/o/p/_git/r?path=%2Fa%2F&version=GBmain",
        );
        check(
            "https://gitea.com/o/r/src/branch/main/a/b.yaml",
            Some("https://gitea.com/o/r/_edit/main/a/b.yaml"),
            "https://gitea.com/o/r/src/branch/main/a/",
        );
    }

    #[test]
    fn a_file_of_a_commit_is_not_edited() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let target = format!("https://github.com/o/r/blob/{commit}/a.yaml");
        check(&target, None, &format!("https://github.com/o/r/tree/{commit}/"));
    }

    #[test]
    fn other_hosts_and_ports_have_no_links() {
        assert_eq!(Hosts::default().links("https://example.com/o/r/blob/main/a.yaml"), None);
        assert_eq!(Hosts::default().links("https://github.com:8443/o/r/blob/main/a.yaml"), None);
        assert_eq!(Hosts::default().links("not a url"), None);
    }
}
