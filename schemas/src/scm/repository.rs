//! Which repository a URL belongs to, however little of it the URL names.

use url::Url;

use super::{Hosts, Scm, host_of};

/// A repository, as far as a URL that leads there tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Its name.
    pub name: String,
    /// Whose it is, as the host writes it; empty where the URL does not say.
    pub owner: String,
    /// The product of its host, if the host is known.
    pub scm: Option<Scm>,
    /// Where it begins, without a slash at the end.
    root: String,
}

impl Hosts {
    /// The repository that `url` leads into. On a host that is not known, the second part of the path
    /// is taken for its name.
    pub fn repository(&self, url: &Url) -> Repository {
        let scm = self.scm_of(url);
        let segments: Vec<&str> =
            url.path_segments().into_iter().flatten().filter(|segment| !segment.is_empty()).collect();
        let length = length(scm, &segments).min(segments.len());
        let (owner, name) = match (scm, &segments[..length]) {
            (Some(Scm::AzureDevOps), [_, project, "_git", name]) => ((*project).to_owned(), *name),
            (Some(Scm::AzureDevOps), [_, "_git", name]) => ((*name).to_owned(), *name),
            (Some(Scm::BitbucketServer), [_, project, _, name]) => ((*project).to_owned(), *name),
            (_, [owner @ .., name]) => (owner.join("/"), *name),
            (_, []) => (String::new(), ""),
        };
        let name = name.strip_suffix(".git").unwrap_or(name).to_owned();
        let root = format!("{}/{}", url.origin().ascii_serialization(), segments[..length].join("/"));
        let root = root.strip_suffix(".git").unwrap_or(&root).to_owned();
        Repository { name: if name.is_empty() { host_of(url) } else { name }, owner, scm, root }
    }
}

/// How many parts of a path name the repository.
fn length(scm: Option<Scm>, segments: &[&str]) -> usize {
    match scm {
        Some(Scm::AzureDevOps) => {
            segments.iter().position(|segment| *segment == "_git").map_or(2, |dash| dash + 2)
        }
        Some(Scm::GitLab) => segments.iter().position(|segment| *segment == "-").unwrap_or(segments.len()),
        Some(Scm::BitbucketServer) => 4,
        _ => 2,
    }
}

impl Repository {
    /// The annotation that names the repository, for products that have one.
    pub fn slug(&self) -> Option<(String, String)> {
        let domain = match self.scm? {
            Scm::GitHub => "github.com",
            Scm::GitLab => "gitlab.com",
            Scm::BitbucketCloud | Scm::BitbucketServer => "bitbucket.org",
            Scm::AzureDevOps => "dev.azure.com",
            Scm::Gitea => return None,
        };
        let slug = format!("{}/{}", self.owner, self.name);
        (!self.owner.is_empty()).then(|| (format!("{domain}/project-slug"), slug))
    }

    /// The pattern of all files of this name on the default branch, for products that can be asked for
    /// it without knowing what that branch is called.
    pub fn everywhere(&self, filename: &str) -> Option<String> {
        match self.scm? {
            Scm::GitHub => Some(format!("{}/blob/HEAD/**/{filename}", self.root)),
            Scm::GitLab => Some(format!("{}/-/blob/HEAD/**/{filename}", self.root)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        let mut hosts = Hosts::default();
        hosts.add("ghe.example.com:8443", Scm::GitHub);
        hosts
    }

    #[test]
    fn the_repository_is_read_off_its_url() {
        for (url, name, slug) in [
            (
                "https://github.com/skerry/lighthouse",
                "lighthouse",
                "github.com/project-slug: skerry/lighthouse",
            ),
            (
                "https://github.com/skerry/lighthouse.git",
                "lighthouse",
                "github.com/project-slug: skerry/lighthouse",
            ),
            ("https://github.com/o/r/blob/main/a.yaml", "r", "github.com/project-slug: o/r"),
            ("https://ghe.example.com:8443/o/r/", "r", "github.com/project-slug: o/r"),
            ("https://gitlab.com/a/b/c/-/blob/main/x.yaml", "c", "gitlab.com/project-slug: a/b/c"),
            ("https://bitbucket.org/w/r/src/main/x.yaml", "r", "bitbucket.org/project-slug: w/r"),
            (
                "https://dev.azure.com/org/project/_git/repo?path=/x",
                "repo",
                "dev.azure.com/project-slug: project/repo",
            ),
            ("https://elsewhere.example.com/o/r", "r", ""),
            ("https://elsewhere.example.com/", "elsewhere.example.com", ""),
        ] {
            let repository = hosts().repository(&Url::parse(url).unwrap());
            let found = repository.slug().map(|(annotation, slug)| format!("{annotation}: {slug}"));
            assert_eq!((repository.name.as_str(), found.unwrap_or_default().as_str()), (name, slug), "{url}");
        }
    }

    #[test]
    fn all_files_of_a_name_are_one_pattern() {
        for (url, pattern) in [
            ("https://github.com/o/r/tree/main/sub", Some("https://github.com/o/r/blob/HEAD/**/c.yaml")),
            ("https://gitlab.com/a/b/c", Some("https://gitlab.com/a/b/c/-/blob/HEAD/**/c.yaml")),
            ("https://elsewhere.example.com/o/r", None),
        ] {
            let repository = hosts().repository(&Url::parse(url).unwrap());
            assert_eq!(repository.everywhere("c.yaml").as_deref(), pattern);
        }
    }
}
