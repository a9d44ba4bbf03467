//! From the URL of a file on a git host to its repository, ref and path.

use url::Url;

use super::Scm;
use crate::percent::{climbs, decoded};

/// A file, or a pattern of files, in a repository on a git host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryFile {
    /// The repository, as the host writes it in URLs: `owner/name`, `group/sub/project`,
    /// `organisation/project/repository`, `PROJECT/slug`.
    pub repository: String,
    /// The branch, tag or commit.
    pub reference: Reference,
    /// The path in the repository, decoded, without a slash at the start.
    pub path: String,
}

/// A branch, tag or commit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// What the host takes if nothing is named.
    Default,
    /// The host finds out what it is.
    Named(String),
    /// A branch.
    Branch(String),
    /// A tag.
    Tag(String),
    /// A commit.
    Commit(String),
}

impl Reference {
    /// Its name, if it has one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Default => None,
            Self::Named(name) | Self::Branch(name) | Self::Tag(name) | Self::Commit(name) => Some(name),
        }
    }
}

impl RepositoryFile {
    /// The owner of the repository, to whom credentials may be bound.
    pub fn owner(&self) -> &str {
        self.repository.split('/').next().unwrap_or_default()
    }
}

impl Scm {
    /// What `url` names in a repository.
    ///
    /// # Errors
    /// With the form that is expected, if it is no file of a repository; or if its path climbs.
    pub fn file(self, url: &Url) -> Result<RepositoryFile, String> {
        let segments: Vec<String> = url.path_segments().into_iter().flatten().map(decoded).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let file = match self {
            Self::AzureDevOps => azure(url, &segments),
            _ => self.in_path(url, &segments),
        };
        let file = file.ok_or_else(|| format!("a file of {} looks like {}", self.name(), self.example()))?;
        match climbs(&file.path) || climbs(&file.repository) {
            true => Err("a path with `.` or `..` in it is not read".to_owned()),
            false => Ok(file),
        }
    }

    /// How many segments of the URL's path come before the path of the file.
    pub(super) fn segments_before_path(self, segments: &[&str]) -> Option<usize> {
        let view_at = |index: usize, views: &[&str]| {
            segments.get(index).is_some_and(|view| views.contains(view)).then_some(index)
        };
        match self {
            Self::GitHub => view_at(2, &["blob", "tree", "raw", "edit"]).map(|view| view + 2),
            Self::GitLab => {
                const VIEWS: [&str; 4] = ["blob", "tree", "raw", "edit"];
                let dash = segments.windows(2).position(|pair| pair[0] == "-" && VIEWS.contains(&pair[1]));
                let old = || (2..segments.len()).find(|&index| VIEWS.contains(&segments[index]));
                dash.map(|dash| dash + 3).or_else(|| old().map(|view| view + 2))
            }
            Self::BitbucketCloud => view_at(2, &["src", "raw"]).map(|view| view + 2),
            Self::BitbucketServer => {
                let browse = segments.iter().position(|segment| matches!(*segment, "browse" | "raw"))?;
                (browse >= 4 && segments[browse - 2] == "repos").then_some(browse + 1)
            }
            Self::Gitea => {
                let view = view_at(2, &["src", "raw"])?;
                let sort = segments.get(view + 1).is_some_and(|sort| is_sort(sort));
                Some(view + if sort { 3 } else { 2 })
            }
            Self::AzureDevOps => None,
        }
    }

    fn in_path(self, url: &Url, segments: &[&str]) -> Option<RepositoryFile> {
        let before = self.segments_before_path(segments).filter(|before| *before <= segments.len())?;
        let (head, path) = segments.split_at(before);
        let path = path.join("/");
        let named = |name: &str| Reference::Named(name.to_owned());
        let (repository, reference) = match self {
            Self::GitLab => {
                let view = before - 2;
                let end = if head[view - 1] == "-" { view - 1 } else { view };
                (head[..end].join("/"), named(head[before - 1]))
            }
            Self::BitbucketServer => {
                let owner = match head[before - 5] {
                    "users" => format!("~{}", head[before - 4]),
                    _ => head[before - 4].to_owned(),
                };
                let at = url.query_pairs().find(|(name, _)| name == "at").map(|(_, at)| at.into_owned());
                (format!("{owner}/{}", head[before - 2]), at.map_or(Reference::Default, Reference::Named))
            }
            Self::Gitea if before == 5 => {
                let name = head[4].to_owned();
                let reference = match head[3] {
                    "tag" => Reference::Tag(name),
                    "commit" => Reference::Commit(name),
                    _ => Reference::Branch(name),
                };
                (head[..2].join("/"), reference)
            }
            _ => (head[..2].join("/"), named(head[before - 1])),
        };
        let sound =
            !path.is_empty() && reference.name() != Some("") && !repository.split('/').any(str::is_empty);
        sound.then_some(RepositoryFile { repository, reference, path })
    }

    fn example(self) -> &'static str {
        match self {
            Self::GitHub => "`https://github.com/owner/repository/blob/main/catalog-info.yaml`",
            Self::GitLab => "`https://gitlab.com/group/project/-/blob/main/catalog-info.yaml`",
            Self::BitbucketCloud => "`https://bitbucket.org/workspace/repository/src/main/catalog-info.yaml`",
            Self::BitbucketServer => {
                "`https://bitbucket.example.com/projects/KEY/repos/repository/browse/catalog-info.yaml?at=main`"
            }
            Self::AzureDevOps => {
                "`https://dev.azure.com/organisation/project/_git/repository?path=/catalog-info.yaml&version=GBmain`"
            }
            Self::Gitea => "`https://gitea.example.com/owner/repository/src/branch/main/catalog-info.yaml`",
        }
    }
}

/// `…/organisation/project/_git/repository?path=/a.yaml&version=GBmain`
fn azure(url: &Url, segments: &[&str]) -> Option<RepositoryFile> {
    let git = segments.iter().position(|segment| *segment == "_git")?;
    let repository = segments.get(git + 1).filter(|name| !name.is_empty())?;
    let project = match segments[..git] {
        // The repository that is named as its project.
        [organisation] if !organisation.is_empty() => format!("{organisation}/{repository}"),
        [_, ..] => segments[..git].join("/"),
        [] => return None,
    };
    let parameter = |wanted: &str| url.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value);
    let path = parameter("path")?.trim_start_matches('/').to_owned();
    let reference = match parameter("version") {
        None => Reference::Default,
        Some(version) => {
            let name = version.get(2..).unwrap_or_default().to_owned();
            match version.get(..2)? {
                "GB" => Reference::Branch(name),
                "GT" => Reference::Tag(name),
                "GC" => Reference::Commit(name),
                _ => return None,
            }
        }
    };
    let sound = !path.is_empty() && reference.name() != Some("");
    sound.then(|| RepositoryFile { repository: format!("{project}/{repository}"), reference, path })
}

fn is_sort(segment: &str) -> bool {
    matches!(segment, "branch" | "tag" | "commit")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scm: Scm, url: &str, expected: Option<(&str, Reference, &str)>) {
        let file = scm.file(&Url::parse(url).unwrap()).ok();
        let expected = expected.map(|(repository, reference, path)| RepositoryFile {
            repository: repository.to_owned(),
            reference,
            path: path.to_owned(),
        });
        assert_eq!(file, expected, "{url}");
    }

    fn named(name: &str) -> Reference {
        Reference::Named(name.to_owned())
    }

    #[test]
    fn github() {
        let file = |url, expected| check(Scm::GitHub, url, expected);
        file("https://github.com/o/r/blob/main/a/b.yaml", Some(("o/r", named("main"), "a/b.yaml")));
        file("https://github.com/o/r/tree/v1/b.yaml", Some(("o/r", named("v1"), "b.yaml")));
        file("https://github.com/o/r/blob/feature%2Fx/b.yaml", Some(("o/r", named("feature/x"), "b.yaml")));
        file("https://github.com/o/r/blob/main/**/a%20b.yaml", Some(("o/r", named("main"), "**/a b.yaml")));
        file("https://github.com/o/r/blob/main/%25.yaml", Some(("o/r", named("main"), "%.yaml")));
        file("https://github.com/o/r/blob/main/", None);
        file("https://github.com/o/r", None);
        file("https://github.com/o/r/issues/1", None);
        file("https://github.com/o/r/blob/main/a/..%2Fb.yaml", None);
        file("https://github.com/o/r/blob/main/a/%252e%252e/b.yaml", None);
    }

    #[test]
    fn gitlab() {
        let file = |url, expected| check(Scm::GitLab, url, expected);
        file("https://gitlab.com/g/s/p/-/blob/main/a/b.yaml", Some(("g/s/p", named("main"), "a/b.yaml")));
        file("https://gitlab.com/g/p/-/tree/main/b.yaml", Some(("g/p", named("main"), "b.yaml")));
        file("https://gitlab.com/g/p/blob/main/b.yaml", Some(("g/p", named("main"), "b.yaml")));
        file(
            "https://gitlab.com/g/p/-/blob/main/-/blob/b.yaml",
            Some(("g/p", named("main"), "-/blob/b.yaml")),
        );
        file("https://gitlab.com/g/p/-/issues/1", None);
        file("https://gitlab.com/g/p", None);
    }

    #[test]
    fn bitbucket() {
        let cloud = |url, expected| check(Scm::BitbucketCloud, url, expected);
        cloud("https://bitbucket.org/w/r/src/main/a/b.yaml", Some(("w/r", named("main"), "a/b.yaml")));
        cloud("https://bitbucket.org/w/r", None);
        let server = |url, expected| check(Scm::BitbucketServer, url, expected);
        server(
            "https://b.co/projects/K/repos/r/browse/a/b.yaml?at=main",
            Some(("K/r", named("main"), "a/b.yaml")),
        );
        server("https://b.co/projects/K/repos/r/browse/b.yaml", Some(("K/r", Reference::Default, "b.yaml")));
        server("https://b.co/ctx/projects/K/repos/r/raw/b.yaml", Some(("K/r", Reference::Default, "b.yaml")));
        server(
            "https://b.co/users/ann/repos/r/browse/b.yaml?at=refs%2Fheads%2Fx",
            Some(("~ann/r", named("refs/heads/x"), "b.yaml")),
        );
        server("https://b.co/projects/K/repos/r/browse", None);
    }

    #[test]
    fn azure_devops() {
        let file = |url, expected| check(Scm::AzureDevOps, url, expected);
        let branch = || Reference::Branch("main".to_owned());
        file(
            "https://dev.azure.com/o/p/_git/r?path=/a/b.yaml&version=GBmain",
            Some(("o/p/r", branch(), "a/b.yaml")),
        );
        file(
            "https://dev.azure.com/o/p/_git/r?path=%2Fb.yaml",
            Some(("o/p/r", Reference::Default, "b.yaml")),
        );
        file("https://dev.azure.com/o/_git/r?path=b.yaml", Some(("o/r/r", Reference::Default, "b.yaml")));
        let tag = Reference::Tag("v1".to_owned());
        file("https://az.co/coll/p/_git/r?path=b.yaml&version=GTv1", Some(("coll/p/r", tag, "b.yaml")));
        file("https://dev.azure.com/o/p/_git/r", None);
        file("https://dev.azure.com/o/p/_git/r?path=/b.yaml&version=main", None);
        file("https://dev.azure.com/o/p/_git/r?path=/a/../b.yaml", None);
    }

    #[test]
    fn gitea() {
        let file = |url, expected| check(Scm::Gitea, url, expected);
        let branch = Reference::Branch("main".to_owned());
        file("https://gitea.com/o/r/src/branch/main/a/b.yaml", Some(("o/r", branch, "a/b.yaml")));
        let tag = Reference::Tag("v1".to_owned());
        file("https://gitea.com/o/r/src/tag/v1/b.yaml", Some(("o/r", tag, "b.yaml")));
        file("https://gitea.com/o/r/src/main/b.yaml", Some(("o/r", named("main"), "b.yaml")));
        file("https://gitea.com/o/r/src/branch/main", None);
    }
}
